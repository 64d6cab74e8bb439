"""nano's picture encoder: the pictures that it learns from, and where the trained encoder goes."""

from typing import Any

import torch
from rich.console import Console

from roboego.data.pictures import PictureJob
from roboego.data.sights import SightJob
from roboego.folders import replacing
from roboego.perception.files import save_vit
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.training.loop import LoopConfig, train
from roboego.training.sight import SightTask, SightTraining

SHARDS = {"train": 64, "labels": 32, "validation": 2}
"""Of 250 pictures."""
SEEDS = {"train": 1, "validation": 2, "test": 3, "labels": 4}
"""Tables of different splits are drawn from different seeds."""


def loop() -> LoopConfig:
    return LoopConfig(
        steps=4_000,
        learning_rate=1e-3,
        warmup=100,
        decay=0.45,
        weight_decay=0.03,
        optimizer="muon",
        validate_every=250,
        checkpoint_every=100,
    )


def pictures(places: Places, scale: float = 1.0) -> list[PictureJob]:
    """The shards to draw."""
    return [
        PictureJob(folder=places.pictures, name=name, shard=i, size=nano.vit().image_size, seed=SEEDS[name], labelled=name == "labels")
        for name, shards in SHARDS.items()
        for i in range(max(1, round(shards * scale)))
    ]


def sights(places: Places) -> list[SightJob]:
    """The shards of pictures to encode: all that are there."""
    return [SightJob(index=index, encoder=places.tools / "vit") for index in sorted(places.pictures.glob("*.jsonl"))]


def perform(places: Places, config: LoopConfig, *, device: str, console: Console, workers: int = 0) -> dict[str, Any]:
    """Trains the encoder, or goes on; once done it is put among the recipe's tools."""
    on = torch.device(device)
    training = SightTraining(folder=places.pictures, banks=("train", "labels"))
    task = SightTask(nano.vit(), training, device=on, workers=workers)
    done = train(task, config, places.root / "sight", device=on, console=console)
    if done == config.steps:
        with replacing(places.tools / "vit") as part:
            save_vit(task.vit, part)
        console.print(f"the picture encoder {task.vit.fingerprint} is in {places.tools / 'vit'}")
    return {"run": "sight", "steps": done, "of": config.steps}
