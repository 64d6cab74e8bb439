"""Words cut out of stored exercises: what each of them sounds like, as codes."""
# T frames, K codebooks

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from roboego.data.exchange_pool import Grids
from roboego.streams.grid import Codes, FrameGrid
from roboego.streams.layout import TextLayout
from roboego.streams.organizers.base import StartsWord, pieces, runs

Word = tuple[int, ...]
"""A word's pieces."""
LONGEST = 14
"""Frames of a word at most: what takes longer holds a pause."""
NEAREST = 6
"""Among so many recordings of a word on either side, the next to where it is looked for, one is drawn."""


class Cut(NamedTuple):
    """Frames of a grid in which a word is heard, or said."""

    word: Word
    start: int
    stop: int


class WordSounds:
    """The words of a pool, by their pieces.

    Args:
        grids: of which neighbours are mostly of the same voice.
        cuts: the words of a grid.
        track: "listen" or "speak".
    """

    def __init__(self, grids: Grids, cuts: Callable[[FrameGrid], Iterator[Cut]], track: str) -> None:
        self._grids, self._track = grids, track
        found: dict[Word, list[tuple[int, int, int]]] = {}
        for i in range(len(grids)):
            for cut in cuts(grids[i]):
                if 0 < cut.stop - cut.start <= LONGEST:
                    found.setdefault(cut.word, []).append((i, cut.start, cut.stop))
        self._cuts: dict[Word, NDArray[np.int64]] = {word: np.asarray(places) for word, places in found.items()}

    @classmethod
    def heard(cls, grids: Grids, text: TextLayout, delay: int, starts_word: StartsWord) -> Self:
        """Of exercises in mode "asr".

        Args:
            delay: frames that a transcribed word waits after it has been heard.
        """
        return cls(grids, lambda grid: heard_words(grid, text, delay, starts_word), "listen")

    @classmethod
    def said(cls, grids: Grids, text: TextLayout, starts_word: StartsWord) -> Self:
        """Of exercises in mode "tts"."""
        return cls(grids, lambda grid: said_words(grid, text, starts_word), "speak")

    def __len__(self) -> int:
        """Different words."""
        return len(self._cuts)

    def __contains__(self, word: Word) -> bool:
        return word in self._cuts

    def draw(self, word: Word, near: float, rng: np.random.Generator) -> Codes:
        """One recording of a word, [T, K].

        Args:
            near: where to look for it, as a share of the pool: words from the same place are mostly of the same voice.
        Raises:
            KeyError: the pool does not hold it.
        """
        places = self._cuts[word]
        middle = int(np.searchsorted(places[:, 0], near * len(self._grids)))
        at = int(np.clip(middle + rng.integers(-NEAREST, NEAREST), 0, len(places) - 1))
        i, start, stop = places[at].tolist()
        codes: Codes = getattr(self._grids[i], self._track)[start:stop]
        return codes


def heard_words(grid: FrameGrid, text: TextLayout, delay: int, starts_word: StartsWord) -> Iterator[Cut]:
    """Words of an exercise in mode "asr", each from the end of the one before it to its own. The first one has no beginning.

    A word that had to wait for the one before it to be written is left out, and so is the one after it: their ends are not known.
    """
    written = pieces(grid.text, text)
    before = None
    for i, (start, stop) in enumerate(runs(written)):
        end = start - delay
        several = any(starts_word(int(piece)) for piece in grid.text[start + 1 : stop])
        if i and before is not None and not several and before < end:
            yield Cut(tuple(grid.text[start:stop].tolist()), before, end)
        before = None if several else end


def said_words(grid: FrameGrid, text: TextLayout, starts_word: StartsWord) -> Iterator[Cut]:
    """Words of an exercise in mode "tts", each with the punctuation after it; the last one is left out, whose end rings on."""
    for start, stop in runs(pieces(grid.text, text)):
        tokens = grid.text[start:stop].tolist()
        firsts = [0, *(i for i in range(1, len(tokens)) if starts_word(tokens[i]))]
        # The frame after the one in which so many pieces were audible; a reply's first word begins when its sound does.
        after = np.searchsorted(grid.spoken[start:], firsts[1:]) + start + 1
        sounding = np.flatnonzero((grid.speak[start:] != grid.speak[-1]).any(1))
        if not len(sounding):
            continue
        edges = [start + int(sounding[0]), *after.tolist()]
        for i, (a, b) in enumerate(itertools.pairwise(firsts)):
            yield Cut(tuple(tokens[a:b]), edges[i], min(edges[i + 1], len(grid)))
