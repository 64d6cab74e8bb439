"""Replies put off by a few frames, so that what was heard last stands in the captions when the answer takes it up."""
# T frames

from dataclasses import replace

import numpy as np

from roboego.streams.grid import FrameGrid, Tokens, concatenate
from roboego.streams.layout import TextLayout

LATE = 12
"""Captions up to so many frames after a reply's start are of what was said before it."""


def put_off(grid: FrameGrid, captions: Tokens, text: TextLayout, frames: int) -> tuple[FrameGrid, Tokens]:
    """A dialogue in which each reply, and all that follows, begins so many frames later; captions [T] stay behind their words.

    What is heard meanwhile is what was heard just before.
    """
    piece = np.pad(grid.text >= text.first_word, (1, 0))
    for start in np.flatnonzero(piece[1:] & ~piece[:-1])[::-1]:
        if start < frames:
            continue
        more = grid[start - frames : start]
        more = replace(more, text=np.full(frames, text.wait, np.int32), read=np.full(frames, text.wait, np.int32))
        grid = concatenate([grid[:start], more, grid[start:]])
        captions = np.insert(captions, min(start + LATE, len(captions)), [text.wait] * frames)
    return grid, captions
