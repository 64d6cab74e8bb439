"""Talking through a sound card, of which only the card itself is not real."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
import soundfile

from roboego.commands.exchange.pump import AHEAD_FRAMES, CUSHION_SAMPLES, WAITING_FRAMES, Pump, Speaker
from roboego.serve.functions import Functions
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE
from tests.commands.conftest import Shell
from tests.serve.conftest import question

TONE = np.full(FRAME_SAMPLES, 0.5, np.float32)


class Card:
    """Stands for sounddevice: its microphone hears a sound, as fast as that is taken, and then `then` happens."""

    PortAudioError = RuntimeError

    def __init__(self, sound: np.ndarray, then: Callable[["Card"], None]) -> None:
        self.sound, self.then = sound, then
        self.played: list[np.ndarray] = []
        self.options: dict[str, Any] = {}

    def query_devices(self) -> list[dict[str, Any]]:
        return [{"name": "a microphone"}]

    def Stream(self, **options: Any) -> Self:  # as sounddevice has it
        self.options = options
        return self

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.thread.join()

    def _run(self) -> None:
        pump, size = self.options["callback"].__self__, self.options["blocksize"]
        for block in self.sound.reshape(-1, size):
            out = np.ones((size, 1), np.float32)
            while len(pump.heard) > 1:
                time.sleep(0.005)
            self.options["callback"](block[:, None].copy(), out, size, None, None)
            self.played.append(out[:, 0])
        while len(pump.heard):
            time.sleep(0.005)
        self.then(self)


def interrupted(card: Card) -> None:
    """Somebody types Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def unplugged(card: Card) -> None:
    card.options["finished_callback"]()


@pytest.mark.parametrize("then", [interrupted, unplugged])
def test_a_question_into_the_microphone_is_answered_through_the_loudspeaker(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, then: Callable[[Card], None]
) -> None:
    card = Card(question().reshape(-1), then)
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs have not
    done = shell("mic", "--out", tmp_path / "talk.wav", "--input", "2", "--output", "headphones")
    assert done.code == 0
    assert (card.options["device"], card.options["samplerate"]) == ((2, "headphones"), SAMPLE_RATE)
    assert "hear" in done.told["replies"][0]["spoken"]
    assert done.told["overruns"] == 0
    assert np.abs(np.concatenate(card.played)).max() > 0.05
    pcm, _ = soundfile.read(tmp_path / "talk.wav", dtype="float32")
    heard = pcm[: card.sound.size, 0]
    np.testing.assert_allclose(heard, card.sound[: len(heard)], atol=1e-4)
    assert np.abs(pcm[:, 1]).max() > 0.05
    assert ("no more sound" in done.out) == (then is unplugged)


def test_ego_may_call_what_is_named(model: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    declare = Functions.declare
    monkeypatch.setattr(Functions, "declare", lambda functions: (declare(functions), told.extend(f.name for f in functions.declared)))
    monkeypatch.setitem(sys.modules, "sounddevice", Card(np.zeros(20 * FRAME_SAMPLES, np.float32), unplugged))
    assert shell("mic", "--model", model, "--functions", "time", "timer").code == 0
    assert told == ["time", "timer"]


def test_what_is_missing_is_told(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "pip install 'roboego[mic]'" in shell("mic").err
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.syspath_prepend(tmp_path)
    assert "libportaudio2" in shell("mic").err
    card = Card(np.zeros(0), interrupted)
    monkeypatch.setattr(card, "query_devices", list)
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    assert "no sound devices" in shell("mic", "--list-devices").err


def test_a_card_that_cannot_be_opened_is_told(model: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: Any) -> None:
        raise ValueError("No input device matching 'flute'")

    card = Card(np.zeros(0), interrupted)
    monkeypatch.setattr(card, "Stream", refuse)
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    done = shell("mic", "--model", model, "--input", "flute")
    assert (done.code, "matching 'flute'" in done.err, "--list-devices" in done.err) == (2, True, True)
    assert shell("mic", "--list-devices").told["devices"] == [{"name": "a microphone"}]


def test_speech_begins_with_a_cushion_and_gaps_are_counted() -> None:
    speaker = Speaker()
    assert not speaker.take(100).any()
    speaker.push(TONE, silent=False)
    speaker.push(TONE, silent=False)
    played = np.concatenate([speaker.take(700) for _ in range(7)])
    assert np.flatnonzero(played).tolist() == list(range(CUSHION_SAMPLES, CUSHION_SAMPLES + 2 * FRAME_SAMPLES))
    assert speaker.gaps == 1
    speaker.push(TONE, silent=False)
    assert not speaker.take(CUSHION_SAMPLES).any()
    assert speaker.take(1) == 0.5


def test_what_waits_to_be_played_stays_short() -> None:
    speaker = Speaker()
    for _ in range(10):
        speaker.push(np.zeros_like(TONE), silent=True)
    assert speaker._samples <= (AHEAD_FRAMES + 1) * FRAME_SAMPLES
    for _ in range(2 * WAITING_FRAMES):
        speaker.push(TONE, silent=False)
    assert speaker._samples <= WAITING_FRAMES * FRAME_SAMPLES
    assert speaker.lost >= WAITING_FRAMES


def test_a_card_that_loses_sound_is_counted_and_a_session_learns_of_frames_that_were_not_taken() -> None:
    pump = Pump()
    for status in (None, None, SimpleNamespace(input_overflow=True)):
        out = np.ones((20 * FRAME_SAMPLES, 1), np.float32)
        pump.callback(np.full((20 * FRAME_SAMPLES, 1), np.nan, np.float32), out, len(out), None, status)
        assert not out.any()
    assert pump.overflows == 1
    given = pump.next()
    assert given is not None
    assert given.lost_frames == 60 - WAITING_FRAMES
    assert not np.asarray(given.listen).any()
    for _ in range(WAITING_FRAMES - 1):
        pump.next()
    pump.ended()
    assert pump.next() is None
