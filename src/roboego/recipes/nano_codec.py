"""nano's codec: which speech it learns from, and where the trained codec goes."""

from dataclasses import replace
from typing import Any

import torch
from rich.console import Console

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.files import rounded, save_codec
from roboego.data.alignment.recognizer import PhoneRecognizer, save_recognizer
from roboego.data.speech_bank import SpeechBank
from roboego.data.workshop import RECOGNIZER
from roboego.errors import InputError
from roboego.folders import replacing
from roboego.recipes import nano
from roboego.recipes.dry_run import RandomCrops, measure
from roboego.recipes.nano_data import Places
from roboego.training.codec import CodecTask
from roboego.training.codec_crops import CodecTraining
from roboego.training.codec_decoder import DecoderTask
from roboego.training.codec_hearing import HearingTask, with_hearing
from roboego.training.crew import join
from roboego.training.hearing_pairs import HearingTraining
from roboego.training.loop import LoopConfig, train
from roboego.training.phone_recognizer import RecognizerTask, RecognizerTraining

SHARES = (
    ("words-heart", 0.08),
    ("ego-train-heart", 0.2),
    ("words-heart-changed", 0.12),
    ("words-joe", 0.06),
    ("user-train-joe", 0.06),
    ("words-joe-changed", 0.05),
    ("words-kokoro", 0.07),
    ("user-train-kokoro", 0.07),
    ("words-espeak-en-us", 0.05),
    ("user-train-espeak-en-us", 0.07),
    ("words-espeak-en-gb", 0.03),
    ("user-train-espeak-en-gb", 0.04),
    ("words-flite-kal16", 0.04),
    ("user-train-flite-kal16", 0.06),
)
DECODER_SHARES = (
    ("words-heart", 0.06),
    ("ego-train-heart", 0.2),
    ("words-heart-changed", 0.08),
    ("words-joe", 0.03),
    ("user-train-joe", 0.05),
    ("words-kokoro", 0.12),
    ("user-train-kokoro", 0.12),
    ("words-espeak-en-us", 0.03),
    ("user-train-espeak-en-us", 0.06),
    ("words-espeak-en-gb", 0.03),
    ("user-train-espeak-en-gb", 0.04),
    ("words-flite-kal16", 0.07),
    ("user-train-flite-kal16", 0.11),
)
"""For the decoder alone: more of the voices whose words were lost when it was trained together with the encoder."""
HEARING_SHARES = (
    ("user-train-joe", 0.2),
    ("jumbled-train-joe", 0.03),
    ("words-joe-changed", 0.04),
    ("user-train-kokoro", 0.14),
    ("words-kokoro", 0.03),
    ("user-train-espeak-en-us", 0.08),
    ("user-train-espeak-en-gb", 0.07),
    ("user-train-flite-kal16", 0.07),
    ("ego-train-heart", 0.06),
    ("user-train-heart", 0.24),
    ("words-heart-changed", 0.04),
)
"""For the encoder of what is heard: the voices of users."""
RECOGNIZER_BANKS = ("words-heart", "ego-train-heart", "words-heart-changed", "words-joe", "words-joe-changed", "words-kokoro")
"""Speech with phone times."""


def loop() -> LoopConfig:
    return LoopConfig(steps=5_000, learning_rate=8e-4, decay=0.4, validate_every=500, checkpoint_every=250)


def decoder_loop() -> LoopConfig:
    return LoopConfig(steps=3_000, learning_rate=5e-4, warmup=100, decay=0.7, validate_every=500, checkpoint_every=250)


def hearing_loop() -> LoopConfig:
    """Made for a GPU: on two CPU cores each of its steps takes seconds."""
    return LoopConfig(
        steps=5_000,
        learning_rate=8e-4,
        decay=0.9,
        weight_decay=1e-3,
        autocast="float32",  # codes are asked for, and rounding changes them
        validate_every=1_000,
        checkpoint_every=250,
    )


def recognizer_loop() -> LoopConfig:
    return LoopConfig(steps=1_500, learning_rate=2e-3, decay=0.5, log_every=50, validate_every=1_500)


def recognizer(places: Places, device: torch.device, console: Console) -> tuple[PhoneRecognizer, int]:
    """The phone recognizer whose features the codec must keep, trained if it is not there, and the steps that it is trained for.

    It is put among the tools too: it finds the word times of voices that give none.
    """
    task = RecognizerTask([SpeechBank(places.speech, (name,)) for name in RECOGNIZER_BANKS], RecognizerTraining(), device=device)
    done = train(task, recognizer_loop(), places.root / "recognizer", device=device, console=console)
    if done == recognizer_loop().steps:
        save_recognizer(task.module, places.tools / RECOGNIZER)
    return task.module, done


def perform(places: Places, *, steps: int | None, dry_run: bool, device: str, console: Console, workers: int = 0) -> dict[str, Any]:
    """Trains the codec, then its decoder alone, then a second encoder for what is heard.

    Each time it is put, rounded to how it is stored, among the recipe's tools.
    """
    if join(device).size > 1:
        raise InputError("the codec is trained by one process; start it without torchrun")
    config = loop()
    if steps is not None:
        config = LoopConfig(**{**config.__dict__, "steps": steps})
    training = CodecTraining(folder=places.speech, shares=SHARES, feature_weight=3.0, dropout_share=0.0)
    on = torch.device(device)
    if dry_run:
        crops = RandomCrops(training, nano.codec().codebooks, on)
        return measure(CodecTask(nano.codec(), training, PhoneRecognizer(), crops=crops, device=on), config, device=device, console=console)
    judge, done = recognizer(places, on, console)
    if done < recognizer_loop().steps:
        return {"run": "recognizer", "steps": done, "of": recognizer_loop().steps}
    task = CodecTask(nano.codec(), training, judge, device=on)
    done = train(task, config, places.root / "codec", device=on, console=console)
    if done < config.steps:
        return {"run": "codec", "steps": done, "of": config.steps}
    # Codes are what the rounded codebooks give, so the decoder learns from those.
    codec = rounded(task.module.codec)
    if not (places.tools / "codec").exists():
        _place(codec, places)
    last = decoder_loop()
    decoding = replace(training, shares=DECODER_SHARES, noise_share=0.1)
    done = train(DecoderTask(codec, decoding, judge, device=on), last, places.root / "codec-decoder", device=on, console=console)
    if done < last.steps:
        return {"run": "codec-decoder", "steps": done, "of": last.steps}
    codec, last = with_hearing(rounded(codec)), hearing_loop()
    hearing = HearingTraining(folder=places.speech, shares=HEARING_SHARES, changed=("user-train-heart",))
    done = train(HearingTask(codec, hearing, device=on, workers=workers), last, places.root / "codec-hearing", device=on, console=console)
    if done == last.steps:
        codec = rounded(codec)
        _place(codec, places)
        console.print(f"the codec {codec.fingerprint} is in {places.tools / 'codec'}")
    return {"run": "codec-hearing", "steps": done, "of": last.steps}


def _place(codec: EmbeddedCodec, places: Places) -> None:
    """Puts a codec among the recipe's tools, whole or not at all: one that is there counts as trained."""
    with replacing(places.tools / "codec") as part:
        save_codec(codec, part)
