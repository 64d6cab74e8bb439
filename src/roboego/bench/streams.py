"""What each stream costs: the same model with its streams switched on one after another, all of them timed in turn in one run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from roboego.bench.step import Steps
from roboego.bench.timing import quantiles
from roboego.model.config import ModelConfig
from roboego.model.model import RoboEgoModel
from roboego.model.sampling import Sampling
from roboego.timebase import FRAME_MS

ROUNDS = 5
"""Turns that each model gets, so that whatever slows the machine for a while slows all of them."""


def variants(full: ModelConfig) -> Iterator[tuple[str, ModelConfig]]:
    """What is switched on, and a model with that and everything before it."""
    bare = replace(full.layout, looks=False, action_dims=0, action_bins=0)
    config = replace(full, spoken_head=False, caption_head=False, vision_width=0, context_width=0, glance=None, senses=(), layout=bare)
    yield "listen, text, speak", config
    config = replace(config, spoken_head=True)
    yield "which words are audible", config
    config = replace(config, caption_head=True)
    yield "captions of what is heard", config
    config = replace(config, vision_width=full.vision_width or full.backbone.width, layout=replace(bare, looks=full.layout.looks))
    yield "look", config
    if full.glance is not None:
        config = replace(config, glance=full.glance)
        yield "glance", config
    if full.senses:
        config = replace(config, senses=full.senses)
        yield "senses", config
    dims, bins = full.layout.action_dims or 4, full.layout.action_bins or 64
    yield "act", replace(config, layout=replace(config.layout, action_dims=dims, action_bins=bins))


def streams(full: ModelConfig, slots: int, frames: int, device: torch.device) -> list[dict[str, Any]]:
    """Milliseconds of a step, without the codec, as streams are added; each beside the 80 ms that there are.

    Args:
        frames: steps timed of each.
    """
    with torch.inference_mode(), device:
        named = [(name, _steps(config, slots, device)) for name, config in variants(full)]
        times: dict[str, list[float]] = {name: [] for name, _ in named}
        for _ in range(ROUNDS):
            for name, steps in named:
                times[name] += steps.times(-(-frames // ROUNDS))[:, 1].tolist()
    found = {name: quantiles(np.array(taken)) for name, taken in times.items()}
    return [{"added": name, "slots": slots, "step": step, "share": step["p50_ms"] / FRAME_MS} for name, step in found.items()]


def _steps(config: ModelConfig, slots: int, device: torch.device) -> Steps:
    """At an age at which the ring is full."""
    model = RoboEgoModel(config).to(device).eval().requires_grad_(False)
    return Steps(model, None, slots, Sampling(), age=config.backbone.window)
