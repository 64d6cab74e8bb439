"""nano's codec is made in three parts; Ctrl-C in one of them starts none of the next."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from roboego.data.speech_bank import BankJob, make_shard
from roboego.recipes import nano_codec
from roboego.recipes.nano_data import Places
from roboego.training.phone_recognizer import RecognizerTask


def _text(rng: np.random.Generator) -> str:
    return str(rng.choice(["the red cube.", "a blue ball."]))


def test_an_interrupted_recognizer_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places, loop = Places(root=tmp_path), nano_codec.recognizer_loop()
    make_shard(BankJob(folder=places.speech, name="words-heart", voice="heart", source=_text, shard=0, sentences=2))
    monkeypatch.setattr(nano_codec, "RECOGNIZER_BANKS", ("words-heart",))
    monkeypatch.setattr(nano_codec, "recognizer_loop", lambda: replace(loop, steps=9))
    monkeypatch.setattr(RecognizerTask, "after_step", lambda task, step: signal.raise_signal(signal.SIGINT))
    found = nano_codec.perform(places, steps=None, dry_run=False, device="cpu", console=Console(quiet=True))
    assert found == {"run": "recognizer", "steps": 1, "of": 9}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recognizer", "speech"]
