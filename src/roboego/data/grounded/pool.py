"""Pools of exchanges about pictures, made when they are asked for, with the picture that is in sight in each frame."""
# T frames

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from roboego.data.exchange_pool import ExchangePool
from roboego.data.grounded.aims import aims, word_bounds
from roboego.data.grounded.exchanges import blind, grounded_exchange
from roboego.data.grounded.manner import Manner, is_recorded, laid_out
from roboego.data.grounded.view import View
from roboego.data.pictures import PictureBank, fully_shown
from roboego.data.talk.answer import Exchange, Turn
from roboego.errors import InputError
from roboego.sim.scene import Placed, Scene
from roboego.streams.alphabet import words
from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.layout import TextLayout
from roboego.streams.organizers.base import pieces
from roboego.streams.tokenizer import TextCodec

BLIND, BLACK = 0.06, 0.03
"""Shares of the exchanges in which there is no picture, and in which it is black."""
LATE = 0.3
"""Share of the others in which it comes a little after the first frame."""
LATEST_FRAME = 8
EMPHASIS = 5.0
"""Weight of the pieces of a reply that tell what was seen: they are few."""
_FRAME_WORDS = frozenset({
    "a", "an", "the", "it", "its", "is", "are", "was", "am", "do", "has", "have", "i", "me", "you", "see", "count", "read", "there", "that",
    "this", "which", "and", "of", "to", "in", "on", "at", "for", "from", "thing", "things", "object", "objects", "label", "says", "color",
    "sorry", "cannot",
})  # fmt: skip
"""Words of replies that are the same whatever was seen."""
TRIES = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundedExchanges(ExchangePool):
    """A pool of them.

    Attributes:
        pictures: what is talked about.
        manner: the pool of exchanges in whose manner these are laid out: without sound, or from words that were said elsewhere.
        black: the number of a black picture; None: there is none.
        topic: of all that is asked; None: there are all kinds of questions.
    """

    pictures: PictureBank
    manner: Manner
    black: int | None = None
    topic: str | None = None

    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        exchange, rng = _drawn(self, i)[1], np.random.default_rng([self.seed, i, 9])
        grid, captions = laid_out(exchange, self.manner, rng)
        return emphasized(grid, exchange.turns, self.tokenizer, self.layout.text), captions

    def looks(self, i: int) -> Tokens:
        """[T] the number of the picture that is in sight, -1 where none is."""
        track = np.full(len(self[i]), _drawn(self, i)[0], np.int32)
        rng = np.random.default_rng([self.seed, i, 8])
        if rng.random() < LATE:
            track[: int(rng.integers(1, LATEST_FRAME))] = -1
        return track

    def aims(self, i: int) -> Tokens:
        """[T] the tokens of the picture that a frame ought to look at, a bit for each; 0 where that is open."""
        grid, (picture, exchange) = self[i], _drawn(self, i)
        if picture in (-1, self.black):
            return np.zeros(len(grid), np.int32)
        return aimed(grid, exchange.turns, self.pictures.things(picture), self.tokenizer, self.layout.text)

    def turns(self, i: int) -> tuple[Turn, ...]:
        """What is said in number `i`, with what counts as a right answer."""
        return _drawn(self, i)[1].turns

    @cached_property
    def shown(self) -> Sequence[int]:
        """Numbers of the pictures that show all that is on their table."""
        return fully_shown(self.pictures)


def emphasized(grid: FrameGrid, turns: Sequence[Turn], tokenizer: TextCodec, text: TextLayout) -> FrameGrid:
    """The same grid, in which the pieces that tell what was seen count more than others."""
    written = pieces(grid.text, text)
    tells = along(written, [telling(turn, tokenizer) for turn in turns])
    weight = grid.text_weight.copy()
    weight[written] *= np.where(tells, EMPHASIS, 1.0)
    return replace(grid, text_weight=weight)


def aimed(grid: FrameGrid, turns: Sequence[Turn], things: Sequence[Placed], tokenizer: TextCodec, text: TextLayout) -> Tokens:
    """[T] the tokens of a picture of these things that a frame ought to look at, a bit for each; 0 where that is open."""
    track, written = np.zeros(len(grid), np.int32), pieces(grid.text, text)
    track[written] = along(written, [aims(turn, things, tokenizer) for turn in turns])
    return track


def along(written_T: NDArray[np.bool_], told: Sequence[Sequence[int]]) -> list[int]:
    """What is told of each piece of each reply, for the pieces that are written: of a reply that is broken off, its end is not.

    Args:
        written_T: where pieces are. told: reply by reply, of all its pieces; zeros stand for nothing.
    """
    count = int(written_T.sum())
    if sum(map(len, told)) == count:
        return [value for reply in told for value in reply]
    bounds = np.flatnonzero(np.diff(written_T, prepend=False, append=False)).reshape(-1, 2)
    if len(bounds) != len(told):
        return [0] * count
    return [value for (start, stop), reply in zip(bounds, told, strict=True) for value in (*reply, *[0] * (stop - start))[: stop - start]]


def telling(turn: Turn, tokenizer: TextCodec) -> list[bool]:
    """Of each piece of a reply, whether its word tells something: the user has not said it, and it does not only frame others."""
    known, found = _FRAME_WORDS.union(words(turn.user)), list[bool]()
    tokens = tokenizer.encode(turn.ego)
    for start, stop in word_bounds(tokens, tokenizer):
        word = words(tokenizer.decode(tokens[start:stop]))
        found += [not known.issuperset(word)] * (stop - start)
    return found


@lru_cache(maxsize=8)
def _drawn(pool: GroundedExchanges, i: int) -> tuple[int, Exchange]:
    """A picture's number (-1: there is none), and what is said about it."""
    rng = np.random.default_rng([pool.seed, i, 7])
    for _ in range(TRIES):
        picture = pool.shown[int(rng.integers(len(pool.shown)))]
        exchange = grounded_exchange(rng, View(Scene(things=pool.pictures.things(picture))), pool.split, topic=pool.topic)
        if exchange is None or not is_recorded(exchange, pool.manner):
            continue
        roll = rng.random()
        if roll < BLIND:
            return -1, blind(rng, exchange)
        if roll < BLIND + BLACK and pool.black is not None:
            return pool.black, blind(rng, exchange, black=True)
        return picture, exchange
    raise InputError(f"none of {TRIES} exchanges about pictures has only words that have been recorded: make more, roboego synth grids")
