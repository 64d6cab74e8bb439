"""Transcription and synthesis in one call, and as they stream."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.runtime.modes import (
    CAPTION_TAIL_FRAMES,
    FRAMES_A_TOKEN,
    LEAD_FRAMES,
    SPEECH_TAIL_FRAMES,
    captions,
    speak,
    speech,
    transcribe,
)  # fmt: skip
from tiny import LIVELY, obedient_loaded, tiny_config, tiny_loaded


def test_transcripts_are_what_a_session_writes() -> None:
    loaded, pcm = tiny_loaded(sampling=LIVELY), np.random.default_rng(0).uniform(-0.5, 0.5, 10_000).astype(np.float32)
    with Engine(loaded) as engine, engine.open("asr") as session:
        pieces = [session.step(pcm[at : at + 1920]).text for at in range(0, len(pcm), 1920)]
        pieces += [session.step().text for _ in range(CAPTION_TAIL_FRAMES)]
    assert transcribe(loaded, pcm) == "".join(pieces).strip()
    parts = list(captions(loaded, np.split(pcm, [7, 3_000, 3_001])))
    assert "".join(part.text for part in parts) == "".join(pieces)
    assert all(pieces[part.frame] == part.text for part in parts)


def test_captions_come_while_the_sound_goes_on() -> None:
    taken = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros(1920, np.float32)

    stream = captions(tiny_loaded(sampling=LIVELY), blocks())
    first = next(stream)
    assert taken == first.frame + 1


def test_speech_ends_after_its_last_word_and_some_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = obedient_loaded()
    assert loaded.codec is not None
    decode = loaded.codec.decode_step
    monkeypatch.setattr(loaded.codec, "decode_step", lambda codes, state: (decode(codes, state)[0] * 0, state))
    # A frame to begin, three tokens of which each is audible at once; the wait after them is the first frame of the tail.
    frames = 1 + 3 + SPEECH_TAIL_FRAMES + 1
    assert speak(loaded, "the red cup").shape == (frames * 1920,)


def test_speech_that_does_not_end_is_given_up() -> None:
    loaded = obedient_loaded()
    most = LEAD_FRAMES + FRAMES_A_TOKEN * 3
    assert len(list(speech(loaded, "the red cup"))) == most


def test_models_that_cannot() -> None:
    with pytest.raises(InputError, match="no codec"):
        speak(tiny_loaded(codec=False), "the cup")
    with pytest.raises(InputError, match="no mode 'asr'"):
        transcribe(tiny_loaded(tiny_config(reads=False)), np.zeros(10, np.float32))
    with pytest.raises(InputError, match="without its tokenizer"):
        speak(replace(obedient_loaded(), tokenizer=None), "the cup")


def test_models_without_modes_speak_too() -> None:
    loaded = tiny_loaded(tiny_config(reads=False, model={"spoken_head": False}))
    assert len(speak(loaded, "cup")) > 1920
