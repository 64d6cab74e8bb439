"""Transcription and synthesis as one call each, and as generators that stream."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.model.sampling import Sampling
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, Sound, Text
from roboego.runtime.runner import frames_of
from roboego.streams.conversation import Mode
from roboego.timebase import samples_to_frames

CAPTION_TAIL_FRAMES = 15
"""Silence after the sound, in which the last words are written (1.2 s)."""
SPEECH_TAIL_FRAMES = 6
"""Silence kept after the last word (0.5 s)."""
LEAD_FRAMES, FRAMES_A_TOKEN = 50, 12
"""Speech is given up after 50 + 12 n frames for n tokens: about three times what it should take."""


@dataclass(frozen=True)
class Caption:
    """Part of a transcript.

    Attributes:
        frame: number of the frame in which it was written.
        text: how it reads on.
    """

    frame: int
    text: str


def transcribe(loaded: LoadedModel, pcm: NDArray[np.float32], sampling: Sampling | None = None) -> str:
    """What is said in a sound [N] at 24 kHz.

    Raises:
        InputError: the model does not transcribe, or the sound cannot be used.
    """
    return "".join(caption.text for caption in captions(loaded, [pcm], sampling)).strip()


def captions(loaded: LoadedModel, blocks: Iterable[NDArray[np.float32]], sampling: Sampling | None = None) -> Iterator[Caption]:
    """The same for sound in blocks of any length, as it is written down. Memory does not grow with the sound.

    Raises:
        InputError: as of `transcribe`.
    """
    with Engine(loaded) as engine, engine.open("asr", sampling=sampling) as session:
        for pcm in frames_of(blocks):
            yield from _caption(session.step(pcm))
        for _ in range(CAPTION_TAIL_FRAMES):
            yield from _caption(session.step())


def _caption(frame: Frame) -> Iterator[Caption]:
    if frame.text:
        yield Caption(frame.index, frame.text)


def speak(loaded: LoadedModel, text: Text, sampling: Sampling | None = None) -> Sound:
    """A text, spoken: samples [N] at 24 kHz, with half a second of silence at the end.

    Raises:
        InputError: the model cannot be given text to say, or the text cannot be said.
    """
    return np.concatenate(list(speech(loaded, text, sampling)))


def speech(loaded: LoadedModel, text: Text, sampling: Sampling | None = None) -> Iterator[Sound]:
    """The same, frame by frame [1920] as it is spoken.

    It ends when all of the text is audible and a tail of silence has followed, or, if the model loses its thread, when three times the
    usual time has passed.

    Raises:
        InputError: as of `speak`, or the model has no codec.
    """
    if loaded.codec is None:
        raise InputError(f"{loaded.name} has no codec here, so that it cannot be heard; load it with its codec")
    layout = loaded.model.config.layout
    mode: Mode = "tts" if layout.reads and layout.text.tts is not None else "duplex"
    with Engine(loaded) as engine, engine.open(mode, sampling=sampling) as session:
        session.say(text)
        tail = SPEECH_TAIL_FRAMES + samples_to_frames(loaded.codec.delay_samples)
        if not loaded.model.config.spoken_head:
            # What is audible is not counted: silence has to tell.
            tail = max(tail, layout.spk_delay + 2 * SPEECH_TAIL_FRAMES)
        most = LEAD_FRAMES + FRAMES_A_TOKEN * session.to_say
        quiet = 0
        for _ in range(most):
            frame = session.step()
            yield frame.speech
            quiet = quiet + 1 if session.is_idle and frame.index and frame.is_silent else 0
            if quiet >= tail:
                return
