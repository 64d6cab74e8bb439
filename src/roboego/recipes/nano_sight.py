"""nano's picture encoder: the pictures that it learns from, and where the trained encoder goes."""

from dataclasses import replace
from typing import Any

import torch
from rich.console import Console

from roboego.data.pictures import PictureBank, PictureJob
from roboego.data.sights import SightJob, drop_stale, make_sights
from roboego.data.workers import make_all
from roboego.folders import replacing
from roboego.perception.files import load_vit, save_vit
from roboego.perception.vit import ViT, with_latents, without_latents
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.training.loop import LoopConfig, train
from roboego.training.sight import SightTask, SightTraining
from roboego.training.things import ThingsTask

SHARDS = {"train": 96, "labels": 150, "validation": 4}
"""Of 250 pictures."""
TABLES = {"train": 8, "labels": 2, "validation": 1}
"""Pictures of the same things; labels stay what they are from one to the next, so there are fewer where those count."""
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
        PictureJob(
            folder=places.pictures,
            name=name,
            shard=i,
            size=nano.vit().image_size,
            seed=SEEDS[name],
            labelled=name == "labels",
            tables=TABLES[name],
        )
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
    task = SightTask(replace(nano.vit(), latents=0), training, device=on, workers=workers)
    done = train(task, config, places.root / "sight", device=on, console=console)
    if done == config.steps:
        _put(task.module.vit, places, console)
    return {"run": "sight", "steps": done, "of": config.steps}


def things_loop() -> LoopConfig:
    return LoopConfig(steps=18_000, learning_rate=1e-3, decay=0.5, warmup=100, validate_every=500, checkpoint_every=500)


def perform_things(places: Places, config: LoopConfig, *, device: str, console: Console, workers: int = 0) -> dict[str, Any]:
    """Trains the resampler behind the encoder, or goes on; once done it is a part of the encoder among the recipe's tools.

    What it looks at are the encoder's patches of all pictures, made first.
    """
    on, own = torch.device(device), places.root / "things"
    base = without_latents(load_vit(places.tools / "vit"))
    save_vit(base, own / "encoder")
    training = SightTraining(folder=places.pictures, banks=("train", "labels"))
    indices = [index for bank in (*training.banks, "validation") for index in PictureBank(places.pictures, bank).indices]
    jobs = [SightJob(index=index, encoder=own / "encoder", folder=own / "patches") for index in indices]
    drop_stale(jobs)
    with console.status("the encoder looks at all pictures") as status:
        make_all(jobs, make_sights, workers=max(1, workers), progress=lambda at, of: status.update(f"pictures seen, shards: {at} of {of}"))
    task = ThingsTask(nano.vit(), training, own / "patches", device=on)
    done = train(task, config, own, device=on, console=console)
    if done == config.steps:
        _put(with_latents(base, nano.vit(), task.module.resampler), places, console)
    return {"run": "things", "steps": done, "of": config.steps}


def _put(vit: ViT, places: Places, console: Console) -> None:
    """Puts an encoder among the recipe's tools."""
    with replacing(places.tools / "vit") as part:
        save_vit(vit, part)
    console.print(f"the picture encoder {vit.fingerprint} is in {places.tools / 'vit'}")
