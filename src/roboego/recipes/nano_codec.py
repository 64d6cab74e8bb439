"""nano's codec: which speech it learns from, and where the trained codec goes."""

from typing import Any

import torch
from rich.console import Console

from roboego.codecs.embedded.files import rounded, save_codec
from roboego.recipes import nano
from roboego.recipes.dry_run import measure
from roboego.recipes.nano_data import Places
from roboego.training.codec import CodecTask, CodecTraining
from roboego.training.loop import LoopConfig, train

SHARES = (
    ("words-heart", 0.2), ("ego-train-heart", 0.25), ("words-joe", 0.14), ("words-kokoro", 0.18), ("words-espeak-en-us", 0.08),
    ("words-espeak-en-gb", 0.07), ("words-flite-kal16", 0.08),
)  # fmt: skip


def loop() -> LoopConfig:
    return LoopConfig(steps=3_600, learning_rate=8e-4, decay=0.6, validate_every=500, checkpoint_every=250)


def perform(places: Places, *, steps: int | None, dry_run: bool, device: str, console: Console) -> dict[str, Any]:
    """Trains the codec and puts it, rounded to how it is stored, among the recipe's tools."""
    config = loop()
    if steps is not None:
        config = LoopConfig(**{**config.__dict__, "steps": steps})
    task = CodecTask(nano.codec(), CodecTraining(folder=places.speech, shares=SHARES))
    if dry_run:
        return measure(task, config, device=device, console=console)
    done = train(task, config, places.root / "codec", device=torch.device(device), console=console)
    if done == config.steps:
        codec = rounded(task.module.codec)
        save_codec(codec, places.tools / "codec")
        console.print(f"the codec {codec.fingerprint} is in {places.tools / 'codec'}")
    return {"run": "codec", "steps": done, "of": config.steps}
