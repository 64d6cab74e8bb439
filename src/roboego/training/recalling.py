"""Exercises in which what was heard is written down when all of it has been heard: words kept in mind and found again, in their order.

To answer is often to take up words that lie seconds back: to repeat, to remember, to spell, to count from here to there. Dialogues teach
it slowly, a turn in three seconds and few that hold more than a word or two to take up. Any transcription can be asked for afterwards.
"""
# T frames

from dataclasses import replace

import numpy as np

from roboego.streams.grid import FrameGrid, Tokens, concatenate
from roboego.streams.layout import TextLayout
from roboego.streams.organizers.base import pieces


def recalled(grid: FrameGrid, text: TextLayout, token: int, delay: int, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    """An exercise in mode "asr", its words all at the end; and what a transcription writes in its frames.

    Args:
        token: read in each frame but the first, so that it is told from a conversation.
        delay: frames that a transcribed word waits after it has been heard.
    """
    at = np.flatnonzero(pieces(grid.text, text))
    if not len(at):
        return grid, grid.text
    heard = int(at[-1]) - delay
    start = max(heard + int(rng.integers(2, 5)), 1)
    frames = start + len(at) + int(rng.integers(2, 9))
    longer = concatenate([grid, *[grid[-1:]] * max(frames - len(grid), 0)])[:frames]
    caption = longer.text.copy()
    caption[len(grid) :] = text.wait
    written = np.full(frames, text.wait, np.int32)
    written[start : start + len(at)] = grid.text[at]
    read = np.full(frames, token, np.int32)
    read[0] = text.wait if text.duplex is None else text.duplex
    ones, zeros = np.ones(frames, np.float32), np.zeros(frames, np.float32)
    made = replace(longer, text=written, read=read, text_weight=ones, speak_weight=zeros, spoken_weight=zeros)
    return made, caption
