"""Tensors in safetensors files of at most 15 MiB, `STEM-00.safetensors` and so on: small enough for any host of files."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from roboego.errors import CheckpointError

SHARD_BYTES = 15 * 2**20


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Writes one file, or nothing; who may read it is as for any new file.

    Raises:
        OSError: it cannot be written, for instance because the disk is full. safetensors has an error of its own for that, which says
            the number in words.
    """
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(dict(tensors), path)
        path.chmod(mode)  # safetensors leaves it to the owner alone
    except SafetensorError as error:
        path.unlink(missing_ok=True)
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def save_shards(folder: Path, stem: str, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors in bfloat16, in their order; a tensor larger than a file stands alone. Files of that stem that were there go.

    Raises:
        OSError: as of `save_tensors`.
    """
    for old in folder.glob(f"{stem}-*.safetensors"):
        old.unlink()
    for i, shard in enumerate(_grouped(tensors)):
        save_tensors(shard, folder / f"{stem}-{i:02d}.safetensors")


def load_shards(folder: Path, stem: str) -> dict[str, Tensor]:
    """All tensors of a stem, as they are stored; none if there is no file.

    Raises:
        safetensors.SafetensorError, OSError: a file is damaged or cannot be read.
    """
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob(f"{stem}-*.safetensors")):
        found.update(load_file(path))
    return found


def check_fit(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Compares the tensors of a file with those of a module.

    Raises:
        CheckpointError: they differ in names or shapes. It says in how many, and names three.
    """
    common = wanted.keys() & found.keys()
    differences = {
        "lack": wanted.keys() - common,
        "have beyond what is wanted": found.keys() - common,
        "have in another shape": {name for name in common if wanted[name].shape != found[name].shape},
    }
    for difference, names in differences.items():
        if names:
            first = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
            raise CheckpointError(f"they {difference} {len(names)} of {len(wanted)} tensors: {first}")


def _grouped(tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        stored = tensor.detach().to(torch.bfloat16).contiguous()
        if size + stored.nbytes > SHARD_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = stored
        size += stored.nbytes
    return shards
