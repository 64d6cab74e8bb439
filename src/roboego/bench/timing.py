"""What benchmarks measure with: clocks, quantiles, memory bandwidth, resident memory."""

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_STATM = Path("/proc/self/statm")


def now(device: torch.device) -> float:
    """Seconds, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def quantiles(milliseconds: NDArray[np.float64]) -> dict[str, float]:
    return {"p50_ms": float(np.median(milliseconds)), "p99_ms": float(np.quantile(milliseconds, 0.99))}


def read_bandwidth(device: torch.device, *, mebibytes: int = 512, repeats: int = 7) -> float:
    """Bytes a second that this device reads from memory, the best of some sums over a tensor larger than any cache."""
    data = torch.ones(mebibytes * 2**20 // 4, device=device)
    best = float("inf")
    for _ in range(repeats):
        started = now(device)
        data.sum()
        best = min(best, now(device) - started)
    return data.nbytes / best


def resident_mib() -> float:
    """Memory that this process holds now; where the system does not tell, the most that it ever held."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine(device: torch.device, **more: Any) -> dict[str, Any]:
    """What was measured on."""
    import platform

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"processor": name, "device": str(device), "threads": torch.get_num_threads(), **more}
