"""Pools of exchanges that are made when they are asked for: no two are the same, and none is stored."""
# T frames

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from roboego.data.talk.answer import Exchange
from roboego.data.talk.sampling import Split, sample_calling, sample_exchange
from roboego.streams.grid import Codes, FrameGrid, Tokens
from roboego.streams.layout import StreamLayout
from roboego.streams.tokenizer import TextCodec

COUNT = 1_000_000
"""Different exchanges in a pool."""
HARD = ("spell", "count", "repeat", "again", "slower", "sum", "opposite", "recall")
"""What has to be worked out or taken up word by word: a model of nano's size gets these wrong longest."""
TAKING_UP = ("again", "slower", "recall")
"""Those of them that need a turn before."""
HARD_SHARE = 0.5
"""Share of the other exchanges whose last turn is one of them."""
CALLING = 0.12
"""Share of exchanges in which functions are declared, where the layout has a token for calls."""


class Grids(Protocol):
    """A pool of grids."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> FrameGrid: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ExchangePool(ABC):
    """A pool of grids, each a function of its number and the seed; `captions` are their twins.

    Attributes:
        silence: [K] codes of what is heard and said where nothing is.
    """

    layout: StreamLayout
    tokenizer: TextCodec
    silence: Codes
    split: Split = "train"
    seed: int = 0

    @abstractmethod
    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        """A grid, and what a transcription of what the user says writes in its frames [T]."""

    def drawn(self, rng: np.random.Generator) -> Exchange:
        """An exchange of the pool's split."""
        return any_exchange(rng, self.split, calling=0.0 if self.layout.text.call is None else CALLING)

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, i: int) -> FrameGrid:
        return _made(self, i)[0]

    @property
    def captions(self) -> "ExchangeCaptions":
        return ExchangeCaptions(self)


@dataclass(frozen=True)
class ExchangeCaptions:
    """The same exchanges, with what the user says as their text."""

    of: ExchangePool

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, i: int) -> FrameGrid:
        grid, captions = _made(self.of, i)
        return replace(grid, text=captions)


@lru_cache(maxsize=4)
def _made(pool: ExchangePool, i: int) -> tuple[FrameGrid, Tokens]:
    return pool.make(i)


def any_exchange(rng: np.random.Generator, split: Split, *, calling: float = 0.0) -> Exchange:
    """An exchange that ends with what is hard to answer as often as not.

    Args:
        calling: chance that functions are declared in it; then it mostly ends with what they are for.
    """
    if calling and rng.random() < calling:
        return sample_calling(rng, split)
    intent = str(rng.choice(HARD)) if rng.random() < HARD_SHARE else None
    turns = int(rng.integers(2, 5)) if intent in TAKING_UP else None
    return sample_exchange(rng, split, turns, intent=intent)
