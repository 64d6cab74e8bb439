"""Sixteen-bit samples, as wires and files carry them, and our floating point ones."""
# N samples

from typing import Any

import numpy as np
from numpy.typing import NDArray

FULL = 32_767


def from_pcm16(samples_N: NDArray[Any]) -> NDArray[np.float32]:
    """Integers of 16 bits -> [-1, 1]."""
    return np.clip(samples_N.astype(np.float32) / FULL, -1, 1)


def to_pcm16(pcm_N: NDArray[np.float32]) -> NDArray[np.int16]:
    """[-1, 1] -> integers of 16 bits, little-endian; what is beyond full scale is clipped."""
    return np.round(np.clip(pcm_N, -1, 1) * FULL).astype("<i2")
