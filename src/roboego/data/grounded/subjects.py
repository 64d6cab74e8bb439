"""What spoken dialogues at the table are about: pictures, or what an arm does. What goes with each is kept as its grid's metadata."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from roboego.data.episodes import SUFFIX, Episode, read_episodes
from roboego.data.grounded.course import requested
from roboego.data.grounded.exchanges import blind, grounded_exchange
from roboego.data.grounded.pool import BLIND, TRIES
from roboego.data.grounded.view import View
from roboego.data.pictures import PictureBank, fully_shown
from roboego.data.talk.answer import Exchange
from roboego.data.talk.grammar import Rng
from roboego.data.talk.sampling import Split, split_of
from roboego.errors import InputError
from roboego.sim.scene import Scene

Told = tuple[Exchange, dict[str, Any]]
"""What is said, and what to keep of what it is about."""


class Subject(Protocol):
    """Of a shard of dialogues."""

    def drawn(self, i: int, rng: Rng, split: Split) -> Told:
        """What dialogue `i` says of it."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Those of one shard, in any order.

    Attributes:
        shard: its name, such as "train-00012".
    """

    folder: Path
    shard: str

    def drawn(self, i: int, rng: Rng, split: Split) -> Told:
        bank, shown = _pictures(self.folder, self.shard)
        for _ in range(TRIES):
            picture = shown[int(rng.integers(len(shown)))]
            exchange = grounded_exchange(rng, View(Scene(things=bank.things(picture))), split)
            if exchange is None:
                continue
            unseen = rng.random() < BLIND
            exchange = blind(rng, exchange) if unseen else exchange
            turns = [{"intent": t.intent, "user": t.user, "ego": t.ego, "about": t.about} for t in exchange.turns]
            return exchange, {"shard": self.shard, "picture": None if unseen else picture, "turns": turns}
        raise InputError(f"nothing can be asked about the pictures of {self.shard}; make others: roboego synth pictures")


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Those of one shard, one after another: what is asked for is what is done in them.

    Attributes:
        shard: its name, such as "episodes-train-00012".
    """

    folder: Path
    shard: str

    def drawn(self, i: int, rng: Rng, split: Split) -> Told:
        turn = requested(rng, _episodes(self.folder, self.shard)[i], lambda turn: split_of(turn.user) == split)
        return Exchange(intent=turn.intent, turns=(turn,)), {"shard": self.shard, "episode": i}


@lru_cache(maxsize=2)
def _pictures(folder: Path, shard: str) -> tuple[PictureBank, list[int]]:
    bank = PictureBank(folder, shard)
    return bank, fully_shown(bank)


@lru_cache(maxsize=2)
def _episodes(folder: Path, shard: str) -> list[Episode]:
    return read_episodes(folder / f"{shard}{SUFFIX}")
