"""The picture encoder on disk: `vit.json`, `vit.safetensors` and, if it has latents, `resampler.safetensors`, in a checkpoint's folder.

What gathers the patches is small, and is trained anew more often than what makes them, so it has a file of its own.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from roboego.errors import CheckpointError
from roboego.perception.vit import ViT, ViTConfig
from roboego.strict import from_json, to_json
from roboego.tensorfiles import check_fit, save_tensors

VIT, RESAMPLER = "vit.safetensors", "resampler.safetensors"


def save_vit(vit: ViT, folder: Path) -> None:
    """Writes the encoder, weights in bfloat16, the weights to a temporary name first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vit.json").write_text(json.dumps(to_json(vit.config), indent=1) + "\n", encoding="utf-8")
    tensors = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in vit.state_dict().items()}
    for file, inside in ((VIT, False), (RESAMPLER, True)):
        mine = {name: tensor for name, tensor in tensors.items() if name.startswith("resampler.") == inside}
        if mine:
            temporary = folder / f"{file}.part"
            save_tensors(mine, temporary)
            temporary.replace(folder / file)


def load_vit(folder: Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> ViT:
    """Opens a saved encoder.

    Raises:
        CheckpointError: files are missing or damaged, or do not fit each other.
    """
    try:
        config = from_json(ViTConfig, json.loads((folder / "vit.json").read_text(encoding="utf-8")), "vit.json")
        with torch.device("meta"):
            vit = ViT(config)
        tensors = load_file(folder / VIT) | (load_file(folder / RESAMPLER) if config.latents else {})
        check_fit(tensors, vit.state_dict())
        vit.load_state_dict({name: tensor.to(device, dtype) for name, tensor in tensors.items()}, assign=True)
    except (CheckpointError, OSError, ValueError, RuntimeError, OverflowError, SafetensorError) as error:
        problem = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"cannot open the picture encoder in {folder}: {problem}; fetch or train it again") from error
    return vit.eval().requires_grad_(False)
