"""Training state on disk: tensors as safetensors, everything else as JSON, written beside and renamed, never pickled.

A checkpoint holds what training changes. Frozen parameters are not in it, only their fingerprint: whoever resumes brings them along.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from roboego.errors import CheckpointError
from roboego.folders import put_back, replacing
from roboego.tensorfiles import save_tensors

State = Any
"""Nested dicts and lists of tensors, numbers, strings, booleans and None."""


def _flatten(value: State, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors[name] = value.detach().contiguous().cpu().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        # Pairs keep the order and the type of the keys (an optimizer's are integers).
        return {"dict": [[k, _flatten(v, f"{name}.{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_flatten(v, f"{name}.{i}", tensors) for i, v in enumerate(value)]}
    return {"value": value}


def _restore(node: Any, tensors: dict[str, Tensor]) -> State:
    if "tensor" in node:
        return tensors[node["tensor"]]
    if "dict" in node:
        return {k: _restore(v, tensors) for k, v in node["dict"]}
    if "list" in node:
        return [_restore(v, tensors) for v in node["list"]]
    return node["value"]


def save_state(folder: Path, state: State) -> None:
    """Writes a training state as the folder `folder`, which appears when it is complete, in place of one that is there.

    Raises:
        OSError: it cannot be written, for instance because the disk is full; then what was there stays.
    """
    tensors: dict[str, Tensor] = {}
    tree = _flatten(state, "state", tensors)
    with replacing(folder) as part:
        save_tensors(tensors, part / "state.safetensors")
        (part / "state.json").write_text(json.dumps(tree), encoding="utf-8")


def load_state(folder: Path) -> State:
    """Reads what `save_state` wrote.

    Raises:
        CheckpointError: the folder is missing or damaged.
    """
    try:
        tree = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return _restore(tree, load_file(folder / "state.safetensors"))
    except Exception as error:
        raise CheckpointError(
            f"cannot resume from {folder}: {error}; remove the folder to fall back to the checkpoint before it"
        ) from error


def latest(folder: Path) -> Path | None:
    """The newest checkpoint `step-NNNNNNNN` in `folder`, if there is one."""
    found = newest(folder, 1)
    return found[-1] if found else None


def newest(folder: Path, count: int) -> list[Path]:
    """The newest checkpoints in `folder`, as many as there are of so many, the newest one last."""
    return sorted(folder.glob("step-*"))[-count:]


def mean_of(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several `module_state`s; of what is no floating point number, the last one's."""
    mean = dict(states[-1])
    for name, tensor in mean.items():
        if tensor.is_floating_point():
            mean[name] = torch.stack([state[name].double() for state in states]).mean(0).to(tensor.dtype)
    return mean


def restore_killed(folder: Path) -> None:
    """Puts back a checkpoint that a save, killed at the wrong moment, has left aside."""
    for aside in folder.glob(".step-*.old"):
        put_back(folder / aside.stem.removeprefix("."))


def prune(folder: Path, keep: int) -> None:
    """Removes all but the newest `keep` checkpoints, and what killed saves have left."""
    for old in (*sorted(folder.glob("step-*"))[:-keep], *folder.glob(".step-*")):
        shutil.rmtree(old)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's generators: the global one, and the device's where it has its own (dropout on a GPU draws from it)."""
    state = {"random": torch.get_rng_state()}
    if device.type == "cuda":
        state["random_cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random(state: dict[str, Tensor], device: torch.device) -> None:
    """Puts a `random_state` back."""
    torch.set_rng_state(state["random"])
    if device.type == "cuda" and "random_cuda" in state:
        torch.cuda.set_rng_state(state["random_cuda"], device)


def module_state(module: nn.Module) -> dict[str, Tensor]:
    """What training changes of a module: its state without frozen parameters."""
    frozen = _frozen(module)
    return {name: tensor for name, tensor in module.state_dict().items() if name not in frozen}


def restore_module(module: nn.Module, state: dict[str, Tensor], frozen: str, where: Path) -> None:
    """Puts a checkpoint's `module_state` back.

    Args:
        frozen: `frozen_fingerprint` of the module that was trained.
        where: the checkpoint, for messages.
    Raises:
        CheckpointError: the module has other frozen parameters than the trained one, or other parts.
    """
    if frozen != frozen_fingerprint(module):
        raise CheckpointError(
            f"{where} was trained on other frozen weights than those given now; give the model that it started from, or another folder"
        )
    wanted = module_state(module)
    shapes = {name: tensor.shape for name, tensor in wanted.items()}
    odd = sorted(name for name in wanted.keys() | state.keys() if name not in state or shapes.get(name) != state[name].shape)
    if odd:
        raise CheckpointError(f"{where} is of another model: it differs in {', '.join(odd[:3])}; give another folder")
    module.load_state_dict(state, strict=False)


def frozen_fingerprint(module: nn.Module) -> str:
    """Hex digest of the frozen parameters, their names and types; empty where there are none."""
    frozen = _frozen(module)
    if not frozen:
        return ""
    digest = hashlib.sha256()
    for name, tensor in sorted(frozen.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def _frozen(module: nn.Module) -> dict[str, Tensor]:
    """Frozen parameters by each name that they have in the module's state."""
    return {name: p for name, p in module.named_parameters(remove_duplicate=False) if not p.requires_grad}
