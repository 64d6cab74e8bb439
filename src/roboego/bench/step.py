"""How long a step takes here, against the least that memory allows: the bytes it must read over the bandwidth measured in the same run."""
# B slots, K codebooks

import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roboego.codecs.base import Codec
from roboego.model.model import RoboEgoModel, StepInput, StepOutput
from roboego.model.native.team import torch_on_one_thread
from roboego.model.rollout import step_settings
from roboego.model.sampling import Sampling
from roboego.model.state import ModelState
from roboego.timebase import FRAME_SAMPLES


@dataclass(frozen=True, kw_only=True)
class StepBench:
    """What is measured.

    Attributes:
        slots: sessions in one batched step.
        frames: steps timed, after `warm_up` others.
        age: frames that every slot is made to have behind it before timing starts.
    """

    slots: int = 1
    frames: int = 200
    warm_up: int = 20
    age: int = 0


def read_bandwidth(device: torch.device, *, mebibytes: int = 512, repeats: int = 7) -> float:
    """Bytes a second that this device reads from memory, the best of some sums over a tensor larger than any cache."""
    data = torch.ones(mebibytes * 2**20 // 4, device=device)
    best = float("inf")
    for _ in range(repeats):
        started = _now(device)
        data.sum()
        best = min(best, _now(device) - started)
    return data.nbytes / best


def bytes_of_a_step(model: RoboEgoModel, slots: int) -> int:
    """Weights that every step reads once (embedding tables count their head alone), and the keys and values of all slots."""
    skipped = {"fusion.table", "speech.previous", "speech.text.weight"}
    weights = sum(p.nbytes for name, p in model.named_parameters() if name not in skipped)
    if model.text_head is None:
        weights += model.fusion.text_table.nbytes
    c = model.config.backbone
    element = model.fusion.table.element_size()
    return weights + 2 * slots * c.layers * c.kv_heads * c.window * c.head_dim * element


def measure(model: RoboEgoModel, codec: Codec | None, bench: StepBench, *, sampling: Sampling | None = None) -> dict[str, Any]:
    """Times the parts of a step together: encoding, the model, decoding."""
    device, layout = model.device, model.config.layout
    settings = step_settings(model, [sampling or Sampling()] * bench.slots)
    generator = torch.Generator().manual_seed(0)
    state = model.initial_state(bench.slots)
    _make_older(state, bench.age)
    listen = torch.randint(layout.listen.entries, (bench.slots, layout.listen.codebooks), generator=generator).to(device)
    wait = torch.full((bench.slots,), layout.text.wait, device=device)
    free = torch.full((bench.slots,), -1, device=device)
    pcm = 0.1 * torch.randn(bench.slots, FRAME_SAMPLES, generator=generator).to(device)
    into = codec.initial_encoder_state(bench.slots) if codec is not None else None
    out_of = codec.initial_decoder_state(bench.slots) if codec is not None else None
    times: list[tuple[float, float, float]] = []
    output: StepOutput
    with torch.inference_mode(), torch_on_one_thread() if device.type == "cpu" else nullcontext():
        for _ in range(bench.warm_up + bench.frames):
            started = _now(device)
            if codec is not None:
                listen, into = codec.encode_step(pcm, into)
            encoded = _now(device)
            settings.uniform = torch.rand(bench.slots, model.uniform_width(), generator=generator).to(device)
            output, state = model.step(StepInput(listen, wait, free), state, settings)
            stepped = _now(device)
            if codec is not None:
                _, out_of = codec.decode_step(output.speak.clamp(max=layout.speak.entries - 1), out_of)
            times.append((encoded - started, stepped - encoded, _now(device) - stepped))
    encode, step, decode = np.asarray(times[bench.warm_up :]).T * 1_000
    floor_ms = bytes_of_a_step(model, bench.slots) / read_bandwidth(device) * 1_000
    return {
        "slots": bench.slots,
        "age": bench.age,
        "step": _quantiles(step),
        "codec": _quantiles(encode + decode),
        "total": _quantiles(encode + step + decode),
        "floor_ms": floor_ms,
        "ratio": float(np.median(step)) / floor_ms,
        "resident_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def curve(
    model: RoboEgoModel, codec: Codec | None, slots: tuple[int, ...], frames: int, progress: Callable[[int], None] = lambda slots: None
) -> list[dict[str, Any]]:
    """The same for several numbers of slots, at an age at which the ring is full."""
    found = []
    for n in slots:
        found.append(measure(model, codec, StepBench(slots=n, frames=frames, age=model.config.backbone.window)))
        progress(n)
    return found


def _make_older(state: ModelState, frames: int) -> None:
    """Sets every slot's clock forward, as if that many frames had passed: what a step then reads and computes is the same."""
    state.cache.position += frames
    state.frame += frames


def _quantiles(milliseconds: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    return {"p50_ms": float(np.median(milliseconds)), "p99_ms": float(np.quantile(milliseconds, 0.99))}


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
