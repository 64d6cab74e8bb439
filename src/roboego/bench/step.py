"""How long a step takes here, against the least that memory allows: the bytes it must read over the bandwidth measured in the same run."""
# B slots, K codebooks

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from roboego.bench.timing import now, quantiles, read_bandwidth, resident_mib
from roboego.codecs.base import Codec
from roboego.model.glance import Details
from roboego.model.graphed import GraphedStep
from roboego.model.model import RoboEgoModel, StepInput, StepOutput
from roboego.model.native.team import torch_on_one_thread
from roboego.model.rollout import step_settings
from roboego.model.sampling import Sampling, fill_uniform
from roboego.model.senses import FRESH, FeltNow, Sense
from roboego.timebase import FRAME_SAMPLES

WARM_UP = 20

Progress = Callable[[int], None]


def bytes_of_a_step(model: RoboEgoModel, slots: int) -> int:
    """Weights that every step reads once (embedding tables count their head alone), and the keys and values of all slots."""
    skipped = {"fusion.table", "speech.previous", "speech.text.weight"}
    weights = sum(p.nbytes for name, p in model.named_parameters() if name not in skipped)
    if model.text_head is None:
        weights += model.fusion.text_table.nbytes
    c = model.config.backbone
    element = model.fusion.table.element_size()
    return weights + 2 * slots * c.layers * c.kv_heads * c.window * c.head_dim * element


class Steps:
    """So many slots of a model with random input, one step after another; on a GPU as a CUDA graph.

    Args:
        age: frames that every slot's clock is set forward before the first step: what a step then reads and computes is the same as if
            they had passed.
    """

    def __init__(self, model: RoboEgoModel, codec: Codec | None, slots: int, sampling: Sampling, *, age: int = 0) -> None:
        self.model, self.codec, self.slots, self.sampling = model, codec, slots, sampling
        self.device, layout = model.device, model.config.layout
        self.settings = step_settings(model, [sampling] * slots)
        self.generator = torch.Generator().manual_seed(0)
        self.blocks, self.uniform = model.uniform_blocks(), torch.full((slots, model.uniform_width()), 0.5)
        self.settings.uniform = self.uniform.to(self.device)
        self.listen = torch.randint(layout.listen.entries, (slots, layout.listen.codebooks), generator=self.generator).to(self.device)
        self.wait = torch.full((slots,), layout.text.wait, device=self.device)
        self.free = torch.full((slots,), -1, device=self.device)
        seen = model.config.vision_width
        self.look = torch.randn(slots, seen, generator=self.generator).to(self.device) if seen else None
        self.seen = torch.ones(slots, dtype=torch.bool, device=self.device) if seen else None
        self.details, self.senses = self._details(), {name: self._felt(sense) for name, sense in model.fusion.senses.items()}  # type: ignore[arg-type]
        self.pcm = 0.1 * torch.randn(slots, FRAME_SAMPLES, generator=self.generator).to(self.device)
        self.listener = codec.listener() if codec is not None else None
        self.into = self.listener.initial_encoder_state(slots) if self.listener is not None else None
        self.out_of = codec.initial_decoder_state(slots) if codec is not None else None
        alone = not (seen or self.senses or model.glance)
        self.graphed = GraphedStep(model, slots, self.settings) if self.device.type == "cuda" and alone else None  # it looks at nothing
        self.state = model.initial_state(slots) if self.graphed is None else self.graphed.state
        for clock in (self.state.cache.position, self.state.frame):
            clock += age

    def _details(self) -> Details | None:
        """What every slot glances at."""
        if self.model.glance is None:
            return None
        details = self.model.glance.memory(self.slots)
        details.seen[:] = True
        return details

    def _felt(self, sense: Sense) -> FeltNow:
        """What every slot feels."""
        felt = sense.memory(self.slots)
        felt.standing[:] = FRESH
        return felt

    def encode(self) -> None:
        if self.listener is not None:
            codes, self.into = self.listener.encode_step(self.pcm, self.into)
            self.listen = codes[:, : self.model.config.layout.listen.codebooks]

    def step(self) -> StepOutput:
        for row in self.uniform:
            fill_uniform(row, self.blocks, self.sampling, self.generator)
        uniform = self.settings.uniform
        if uniform is not None and uniform is not self.uniform:
            uniform.copy_(self.uniform, non_blocking=True)
        given = StepInput(self.listen, self.wait, self.free, self.look, self.seen, details=self.details, senses=self.senses or None)
        if self.graphed is not None:
            return self.graphed(given)
        output, self.state = self.model.step(given, self.state, self.settings)
        return output

    def decode(self, speak: Tensor) -> None:
        if self.codec is not None:
            _, self.out_of = self.codec.decode_step(speak.clamp(max=self.model.config.layout.speak.entries - 1), self.out_of)

    def timed(self, frames: int) -> dict[str, Any]:
        """Times so many frames, after a few others."""
        encode, step, decode = self.times(frames).T
        floor_ms = bytes_of_a_step(self.model, self.slots) / read_bandwidth(self.device) * 1_000
        return {
            "slots": self.slots,
            "frame": int(self.state.frame[0]),
            "step": quantiles(step),
            "codec": quantiles(encode + decode) if self.codec is not None else None,
            "total": quantiles(encode + step + decode),
            "floor_ms": floor_ms,
            "ratio": float(np.median(step)) / floor_ms,
            "resident_mib": resident_mib(),
        }

    def times(self, frames: int) -> NDArray[np.float64]:
        """Milliseconds [frames, 3] of encoding, the step and decoding, after a few others."""
        times: list[tuple[float, float, float]] = []
        with _one_thread(self.device):
            for _ in range(WARM_UP + frames):
                started = now(self.device)
                self.encode()
                encoded = now(self.device)
                output = self.step()
                stepped = now(self.device)
                self.decode(output.speak)
                times.append((encoded - started, stepped - encoded, now(self.device) - stepped))
        return np.asarray(times[WARM_UP:]) * 1_000

    def run(self, frames: int, progress: Progress = lambda done: None) -> None:
        """Lets so many frames pass, without the codec."""
        with _one_thread(self.device):
            for done in range(frames):
                self.step()
                progress(done + 1)


def curve(model: RoboEgoModel, codec: Codec | None, slots: tuple[int, ...], frames: int) -> list[dict[str, Any]]:
    """Times for several numbers of slots, at an age at which the ring is full."""
    with torch.inference_mode():
        return [Steps(model, codec, n, Sampling(), age=model.config.backbone.window).timed(frames) for n in slots]


def ages(model: RoboEgoModel, codec: Codec | None, old: int, frames: int, progress: Progress = lambda done: None) -> dict[str, Any]:
    """One conversation, timed when its window has just filled and again after `old` frames, all of which it goes through."""
    with torch.inference_mode():
        steps = Steps(model, codec, 1, Sampling())
        steps.run(model.config.backbone.window, progress)
        young = steps.timed(frames)
        steps.run(max(old - young["frame"], 0), progress)
        late = steps.timed(frames)
    return {
        "young": young,
        "old": late,
        "ratio": late["total"]["p50_ms"] / young["total"]["p50_ms"],
        "grown_mib": late["resident_mib"] - young["resident_mib"],
    }


def _one_thread(device: torch.device) -> Any:
    return torch_on_one_thread() if device.type == "cpu" else nullcontext()
