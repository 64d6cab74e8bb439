"""Sentences that nobody would say, made of the beginnings and ends of others: words must be heard, not guessed from those before them.

To a model that knows a grammar's training sentences by heart, those held out are as unlikely as these are.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from roboego.streams.grid import FrameGrid, concatenate
from roboego.streams.layout import TextLayout
from roboego.streams.organizers.base import pieces


def spliced(first: FrameGrid, second: FrameGrid, text: TextLayout, delay: int, rng: np.random.Generator) -> FrameGrid:
    """Two exercises in mode "asr": the first up to one of its words, then the second from after one of its own.

    Args:
        delay: frames that a transcribed word waits after it has been heard.
    Returns:
        The first as it is, where either has no word to cut at.
    """
    ends = cuts(first, text, delay)[:-1], cuts(second, text, delay)[:-1]
    if not len(ends[0]) or not len(ends[1]):
        return first
    a, b = int(rng.choice(ends[0])), int(rng.choice(ends[1]))
    made = concatenate([first[:a], second[b:]])
    return replace(made, text=np.concatenate([first.text[: a + delay + 1], second.text[b + delay + 1 :]]))


def cuts(grid: FrameGrid, text: TextLayout, delay: int) -> NDArray[np.int64]:
    """Frames by which a word of one piece has been heard, and at which a grid can be cut."""
    piece = np.pad(pieces(grid.text, text), 1)
    alone = np.flatnonzero(piece[1:-1] & ~piece[:-2] & ~piece[2:]) - delay
    return alone[alone > 0]
