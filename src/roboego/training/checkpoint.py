"""Training state on disk: tensors as safetensors, everything else as JSON, written beside and renamed, never pickled."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from roboego.errors import CheckpointError

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
    """Writes a training state as the folder `folder` in one rename."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    tensors: dict[str, Tensor] = {}
    tree = _flatten(state, "state", tensors)
    save_file(tensors, temporary / "state.safetensors")
    (temporary / "state.json").write_text(json.dumps(tree), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


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
    found = sorted(folder.glob("step-*"))
    return found[-1] if found else None


def prune(folder: Path, keep: int) -> None:
    """Removes all but the newest `keep` checkpoints."""
    for old in sorted(folder.glob("step-*"))[:-keep]:
        shutil.rmtree(old)


def random_state() -> Tensor:
    """The state of torch's global generator."""
    return torch.get_rng_state()
