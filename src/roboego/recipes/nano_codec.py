"""nano's codec: which speech it learns from, and where the trained codec goes."""

from typing import Any

import torch
from rich.console import Console

from roboego.codecs.embedded.files import rounded, save_codec
from roboego.data.speech_bank import SpeechBank
from roboego.recipes import nano
from roboego.recipes.dry_run import measure
from roboego.recipes.nano_data import Places
from roboego.training.codec import CodecTask, CodecTraining
from roboego.training.loop import LoopConfig, train
from roboego.training.phone_recognizer import PhoneRecognizer, RecognizerTask, RecognizerTraining

SHARES = (
    ("words-heart", 0.12),
    ("ego-train-heart", 0.2),
    ("words-heart-changed", 0.18),
    ("words-joe", 0.1),
    ("words-joe-changed", 0.08),
    ("words-kokoro", 0.14),
    ("words-espeak-en-us", 0.08),
    ("words-espeak-en-gb", 0.05),
    ("words-flite-kal16", 0.05),
)
RECOGNIZER_BANKS = ("words-heart", "ego-train-heart", "words-heart-changed", "words-joe", "words-joe-changed", "words-kokoro")
"""Speech with phone times."""


def loop() -> LoopConfig:
    return LoopConfig(steps=8_400, learning_rate=8e-4, decay=0.4, validate_every=500, checkpoint_every=250)


def recognizer_loop() -> LoopConfig:
    return LoopConfig(steps=1_500, learning_rate=2e-3, decay=0.5, log_every=50, validate_every=1_500)


def recognizer(places: Places, console: Console) -> PhoneRecognizer:
    """The phone recognizer whose features the codec must keep, trained first if it is not there."""
    task = RecognizerTask([SpeechBank(places.speech, (name,)) for name in RECOGNIZER_BANKS], RecognizerTraining())
    train(task, recognizer_loop(), places.root / "recognizer", console=console)
    return task.module


def perform(places: Places, *, steps: int | None, dry_run: bool, device: str, console: Console) -> dict[str, Any]:
    """Trains the codec and puts it, rounded to how it is stored, among the recipe's tools."""
    config = loop()
    if steps is not None:
        config = LoopConfig(**{**config.__dict__, "steps": steps})
    training = CodecTraining(folder=places.speech, shares=SHARES, feature_weight=3.0, dropout_share=0.0)
    if dry_run:
        task = CodecTask(nano.codec(), training, PhoneRecognizer())
        return measure(task, config, device=device, console=console)
    task = CodecTask(nano.codec(), training, recognizer(places, console))
    done = train(task, config, places.root / "codec", device=torch.device(device), console=console)
    if done == config.steps:
        codec = rounded(task.module.codec)
        save_codec(codec, places.tools / "codec")
        console.print(f"the codec {codec.fingerprint} is in {places.tools / 'codec'}")
    return {"run": "codec", "steps": done, "of": config.steps}
