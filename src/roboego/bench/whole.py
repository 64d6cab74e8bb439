"""How fast whole sounds go through the codec, and how long a model takes to open."""

import subprocess
import sys
from typing import Any

import numpy as np
import torch

from roboego.bench.timing import now
from roboego.codecs.base import Codec
from roboego.errors import InputError
from roboego.timebase import FRAME_RATE, FRAME_SAMPLES, SAMPLE_RATE

_LOAD = """
import sys, torch
from roboego import load
from roboego.bench.timing import now

name, device, dtype, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
start = now(torch.device(device))
load(name, device=device, dtype=getattr(torch, dtype))
print(now(torch.device(device)) - start)
"""


def codec_speed(codec: Codec, device: torch.device, *, seconds: int = 60, repeats: int = 3) -> dict[str, Any]:
    """Seconds of sound encoded, decoded and both in a second, the best of some runs."""
    pcm = 0.1 * torch.randn(1, int(seconds * FRAME_RATE) * FRAME_SAMPLES, generator=torch.Generator().manual_seed(0)).to(device)
    codec.decode(codec.encode(pcm[:, : 25 * FRAME_SAMPLES]))
    times = []
    for _ in range(repeats):
        started = now(device)
        codes = codec.encode(pcm)
        encoded = now(device)
        codec.decode(codes)
        times.append((encoded - started, now(device) - encoded))
    encode, decode = np.asarray(times).min(0)
    length = pcm.shape[1] / SAMPLE_RATE
    return {
        "sound_s": length,
        "encode_x": float(length / encode),
        "decode_x": float(length / decode),
        "both_x": float(length / (encode + decode)),
        "delay_ms": 1_000 * codec.delay_samples / SAMPLE_RATE,
    }


def load_seconds(name: str, *, device: torch.device, dtype: str = "float32", repeats: int = 3) -> dict[str, Any]:
    """Seconds of `roboego.load(name)` in a process of its own with as many threads as this one; the first run may read a cold disk.

    Imports, and a GPU's start, are left out.

    Args:
        dtype: name of the floating point type of its weights.
    Raises:
        InputError: it cannot be loaded.
    """
    times = []
    for _ in range(repeats):
        command = [sys.executable, "-c", _LOAD, name, str(device), dtype, str(torch.get_num_threads())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InputError(f"cannot open {name}: {(done.stderr.strip().splitlines() or ['it stopped'])[-1]}")
        times.append(float(done.stdout))
    return {"model": name, "load_s": times, "median_s": float(np.median(times))}
