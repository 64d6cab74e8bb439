"""Spoken dialogues at the table, from their shards: with the pictures that they are about, or the episodes that they ask for."""
# T frames

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from roboego.data.grounded.manner import Laid
from roboego.data.grounded.pool import aimed, emphasized
from roboego.data.pictures import PictureBank
from roboego.data.shards import ShardReader
from roboego.data.talk.answer import Answer, Turn
from roboego.errors import InputError
from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.tokenizer import TextCodec


@dataclass(frozen=True, kw_only=True, eq=False)
class SpokenAboutPictures:
    """A pool of those about pictures.

    Attributes:
        dialogues: their grids; `pictures` holds the shards that they are about.
    """

    dialogues: ShardReader
    pictures: PictureBank
    tokenizer: TextCodec

    def __len__(self) -> int:
        return len(self.dialogues)

    def __getitem__(self, i: int) -> FrameGrid:
        return emphasized(self.dialogues[i], self.turns(i), self.tokenizer, self.dialogues.layout.text)

    def looks(self, i: int) -> Tokens:
        """[T] the number of the picture that is in sight, -1 where none is."""
        return np.full(len(self.dialogues[i]), self._picture(i), np.int32)

    def aims(self, i: int) -> Tokens:
        """[T] the tokens of the picture that a frame ought to look at, as `roboego.data.grounded.pool.aimed` has them."""
        grid, picture = self.dialogues[i], self._picture(i)
        if picture < 0:
            return np.zeros(len(grid), np.int32)
        return aimed(grid, self.turns(i), self.pictures.things(picture), self.tokenizer, self.dialogues.layout.text)

    def turns(self, i: int) -> Sequence[Turn]:
        """What is said in number `i`; what would be a right answer is not known any more."""
        return [
            Turn(intent=t["intent"], user=t["user"], ego=t["ego"], answer=Answer(all_of=()), about=tuple(t["about"]))
            for t in self.dialogues.metadata(i)["turns"]
        ]

    def _picture(self, i: int) -> int:
        told = self.dialogues.metadata(i)
        return -1 if told["picture"] is None else _place(_firsts(self.pictures), told, "pictures") + int(told["picture"])


@dataclass(frozen=True, kw_only=True, eq=False)
class SpokenRequests:
    """Those that ask for what is done in episodes.

    Attributes:
        dialogues, transcripts: their grids, and the same in mode "asr".
        firsts: the number of the first episode of each shard of episodes.
    """

    dialogues: ShardReader
    transcripts: ShardReader
    firsts: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.dialogues)

    def episode(self, i: int) -> int:
        """The number of what is done in number `i`."""
        told = self.dialogues.metadata(i)
        return _place(self.firsts, told, "episodes") + int(told["episode"])

    def said(self, i: int) -> Laid:
        """The request and its reply."""
        return self.dialogues[i], self.transcripts[i].text


@lru_cache(maxsize=2)
def _firsts(bank: PictureBank) -> Mapping[str, int]:
    """The number of the first picture of each shard."""
    starts = np.cumsum([0, *bank.counts]).tolist()
    return dict(zip((index.stem for index in bank.indices), starts, strict=False))


def _place(firsts: Mapping[str, int], told: Mapping[str, Any], what: str) -> int:
    if told["shard"] not in firsts:
        raise InputError(
            f"dialogues are about {told['shard']}, which is gone: roboego synth {what}, or delete them and roboego synth grounded"
        )
    return firsts[told["shard"]]
