"""Replies put off by a few frames, so that what was heard last stands in the captions when the answer takes it up."""
# T frames

from dataclasses import replace

import numpy as np

from roboego.streams.grid import FrameGrid, Tokens, concatenate
from roboego.streams.layout import TextLayout

LATE = 12
"""Captions up to so many frames after a reply's start are of what was said before it."""
LEAD = 3
"""Frames at a dialogue's start, at least, before anybody speaks."""
BEFORE_CAPTIONS = 14
"""Frames before the first word's caption in which that word may be heard."""


def put_off(grid: FrameGrid, captions: Tokens, text: TextLayout, frames: int, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    """A dialogue in which each reply, and all that follows, begins so many frames later; captions [T] stay behind their words.

    What is heard meanwhile is the room as it was before anybody spoke. (Not what was heard just before: heard twice in a row, it would tell
    that a reply is due.)
    """
    piece = np.pad(grid.text >= text.first_word, (1, 0))
    words = np.flatnonzero(captions >= text.first_word)
    quiet = max(int(words[0]) - BEFORE_CAPTIONS if len(words) else 0, LEAD)
    room = grid.listen[:quiet]
    for start in np.flatnonzero(piece[1:] & ~piece[:-1])[::-1]:
        if start < frames or quiet < frames:
            continue
        first = int(rng.integers(quiet - frames + 1))
        waits = np.full(frames, text.wait, np.int32)
        more = replace(grid[start - frames : start], text=waits, read=waits, listen=room[first : first + frames])
        grid = concatenate([grid[:start], more, grid[start:]])
        captions = np.insert(captions, min(start + LATE, len(captions)), waits)
    return grid, captions
