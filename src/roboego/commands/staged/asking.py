"""One question about one picture, put to a session."""
# N samples

from collections.abc import Iterator
from itertools import chain, count

import numpy as np

from roboego.errors import InputError
from roboego.perception.picture import Picture
from roboego.runtime.frame import SILENCE, Frame, NotSeen, Sound
from roboego.runtime.runner import frames_of
from roboego.runtime.session import Session
from roboego.timebase import seconds_to_frames_up

LEAD_FRAMES = 6
"""The picture is seen for so long (0.48 s) before the question is asked."""
QUIET_S = 1.0
"""Ego that has answered and been silent for so long has ended."""


def asked(session: Session, picture: Picture, question: str | Sound, *, wait_s: float, longest_s: float) -> Iterator[Frame]:
    """Each step from when the picture is shown until the answer has ended.

    Args:
        question: in words, for the session to read; or spoken, [N] at 24 kHz.
        wait_s: how long an answer is waited for. longest_s: how long it may take.
    Raises:
        InputError: the picture cannot be seen, or the question not be read.
    """
    spoken = [question] if isinstance(question, np.ndarray) else []
    sound = chain([SILENCE] * LEAD_FRAMES, frames_of(spoken))
    since = quiet = 0
    answers = False
    for t in count():
        heard = next(sound, None)
        read = question if isinstance(question, str) and t == LEAD_FRAMES else None
        frame = session.step(heard, look=picture if t == 0 else None, read=read)
        for event in frame.events:
            if isinstance(event, NotSeen):
                raise InputError(event.reason)
        yield frame
        if heard is not None or session.to_read:
            continue
        since += 1
        answers = answers or bool(frame.text)
        quiet = quiet + 1 if session.is_idle and frame.is_silent else 0
        if quiet >= seconds_to_frames_up(QUIET_S if answers else wait_s) or since >= seconds_to_frames_up(longest_s):
            return
