"""What a run would take: parameters, memory and time, measured over a few steps that change nothing on disk."""
# B crops, N samples, T frames, P phone slots a frame

import resource
import time
from typing import Any

import numpy as np
import torch
from rich.console import Console

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.data.alignment.phones import PHONES
from roboego.model.model import RoboEgoModel
from roboego.recipes.runs import Run
from roboego.streams.grid import Tokens, empty_grid
from roboego.timebase import FRAME_SAMPLES
from roboego.training.adapters import add_adapters
from roboego.training.codec_crops import PHONE_SLOTS, Batch, CodecTraining
from roboego.training.codec_losses import SpectralLoss
from roboego.training.compiling import compile_parts
from roboego.training.loop import LoopConfig, Metrics, Task, autocast, optimizer_for
from roboego.training.rows import Row
from roboego.training.stage import StageTask


class RandomRows:
    """Rows of random tokens, captions and phones: as much work as real ones."""

    def __init__(self, run: Run) -> None:
        self.layout = run.model.layout

    def row(self, rng: np.random.Generator, frames: int) -> Row:
        grid = empty_grid(self.layout, frames)
        grid.speak[:] = rng.integers(0, self.layout.speak.entries, grid.speak.shape)
        grid.listen[:] = rng.integers(0, self.layout.listen.entries, grid.listen.shape)
        grid.text[:] = rng.integers(0, self.layout.text.ids, frames)
        for weight in (grid.text_weight, grid.speak_weight, grid.spoken_weight):
            weight[:] = 1
        return Row.of(grid, grid.text)

    def pronounce(self, captions_T: Tokens) -> list[int]:
        """A phone a frame: what is said without a pause has about as many."""
        phones: list[int] = (1 + captions_T % len(PHONES)).tolist()
        return phones


class RandomCrops:
    """Crops of noise and random phones, decoded from all codebooks: as much work as crops of sentences, with no speech needed."""

    def __init__(self, training: CodecTraining, codebooks: int, device: torch.device) -> None:
        self.config, self.codebooks, self.device = training, codebooks, device

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng([self.config.seed, step])
        crops, frames = self.config.crops, self.config.crop_frames
        pcm_BN = 0.1 * rng.standard_normal((crops, frames * FRAME_SAMPLES), np.float32)
        phones_BTP = rng.integers(0, len(PHONES) + 1, (crops, frames, PHONE_SLOTS))
        used_B = np.full(crops, self.codebooks)
        pcm, phones, used = (torch.from_numpy(a).to(self.device) for a in (pcm_BN, phones_BTP, used_B))
        return pcm, phones, used

    def validate(self, codec: EmbeddedCodec, spectral: SpectralLoss) -> Metrics:
        return {}


def random_task(run: Run, device: torch.device) -> StageTask:
    """A stage that learns all that the run would, from random rows."""
    model = RoboEgoModel(run.model)
    if run.adapters is not None:
        add_adapters(model, run.adapters)
    rows = RandomRows(run)
    return StageTask(model.to(device), rows, run.stage, lambda model, step: {}, device=device, pronounce=rows.pronounce)


def estimate(run: Run, *, device: str, console: Console) -> dict[str, Any]:
    """Measures a stage on random rows."""
    task = random_task(run, torch.device(device))
    return measure(task, run.loop, device=device, console=console) | {"frames_a_step": run.stage.rows * run.stage.frames}


def measure(task: Task, config: LoopConfig, *, device: str, console: Console, steps: int = 3) -> dict[str, Any]:
    """Runs a few steps and extrapolates."""
    where = torch.device(device)
    compile_parts(task.heavy_parts(), config.compile, where)
    optimizer = optimizer_for(task, config)
    seconds = []
    for step in range(steps + 1):
        started = time.perf_counter()
        with autocast(config, where):
            loss, _ = task.loss(task.batch(step), step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        task.after_step(step)
        if where.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    per_step = float(np.median(seconds[1:]))
    memory = torch.cuda.max_memory_allocated() if where.type == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {
        "parameters": sum(p.numel() for p in task.module.parameters()),
        "trained": sum(p.numel() for p in task.module.parameters() if p.requires_grad),
        "memory_gib": memory / 2**30,
        "seconds_a_step": per_step,
        "steps": config.steps,
        "hours": per_step * config.steps / 3600,
    }
    console.print("  ".join(f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value:,}" for name, value in found.items()))
    return found
