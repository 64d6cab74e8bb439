"""Tiny models saved as folders, and sounds saved as files, for commands that take paths."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.files import rounded
from roboego.model.checkpoint import save_model
from roboego.model.loaded import LoadedModel

CARD = "# A model\n\n| figure | measured | command |\n|---|---|---|\n| words heard wrongly | 7% | `roboego eval` |\n"


def save(loaded: LoadedModel, folder: Path) -> Path:
    """A checkpoint that `roboego.load` opens."""
    assert isinstance(loaded.codec, EmbeddedCodec)
    save_model(replace(loaded, codec=rounded(loaded.codec), card=CARD), folder)
    return folder


def voice(seconds: float, rate: int = 24_000, *, start_s: float = 0.0, end_s: float | None = None) -> NDArray[np.float32]:
    """A buzz with a pitch and a rhythm, silent outside [start_s, end_s)."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 8)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    return np.where((t >= start_s) & (t < (seconds if end_s is None else end_s)), 0.15 * buzz, 0).astype(np.float32)


def write(path: Path, pcm: NDArray[np.float32], rate: int = 24_000, subtype: str = "PCM_16") -> Path:
    """A wav file."""
    soundfile.write(path, pcm, rate, subtype=subtype, format="WAV")
    return path
