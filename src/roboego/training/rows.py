"""Training rows: grids drawn from pools by share, one after another as in a session that goes on, cut at the row's end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import Bins
from roboego.data.exchange_pool import Grids
from roboego.data.workshop import ASR_DELAY_FRAMES
from roboego.errors import InputError
from roboego.streams.grid import FrameGrid, Tokens, concatenate
from roboego.streams.layout import TextLayout
from roboego.streams.organizers.base import pieces
from roboego.streams.readings import NO_READING, Readings, Senses, fresh, joined
from roboego.training.overhearing import overheard
from roboego.training.recalling import recalled
from roboego.training.splicing import spliced

UNKNOWN = -1
"""Caption of a frame of which nobody has said what a transcription would write there."""
NOTHING = -1
"""The picture that is in sight where none is."""
IN_SIGHT = 0.5
"""Chance that some picture is in sight where what is said has nothing to do with it."""
FELT = 0.5
"""The same of what is felt."""
MISSING, STOPS = 0.06, 0.04
"""Chances that a sense is missing from a grid, and that its readings stop coming."""
UNDETAILED = 0.5
"""Chance that a picture which goes into the context has no details to glance at."""
RESTING = 0.05
"""Weight of a frame in which an arm rests that nobody speaks of."""
NEAR = 100
"""Grids this near in a pool are mostly of the same voice, and can be spliced."""
LEAD = 14
"""Frames before a transcription's first piece that are left alone: the longest first word, and the wait before it is written."""


class Feelings(Protocol):
    """What is felt while a pool's grids go on."""

    def senses(self, i: int, /) -> Senses:
        """Of grid `i`, by name."""


class Looks(Protocol):
    """Which picture is in sight while a pool's grids go on."""

    def looks(self, i: int, /) -> Tokens:
        """[T] of grid `i`: a picture's number, `NOTHING` where there is none."""


@runtime_checkable
class Aims(Protocol):
    """Looks of which it is known where they ought to go."""

    def aims(self, i: int, /) -> Tokens:
        """[T] of grid `i`: as in `Row`."""


@dataclass(frozen=True)
class Pool:
    """Grids and the share of a row's frames that they get.

    Attributes:
        transcripts: the same tracks, one by one, in mode "asr"; None if there are none.
        wordless: whether nothing is said in any of them.
        soundless: whether the transcripts tell what nobody hears: they are given, and not learned.
        looks: what is in sight; None: what is said has nothing to do with it.
        feelings: what is felt; None: the same of that.
    Raises:
        InputError: there are more transcripts than grids, or fewer.
    """

    grids: Grids
    share: float
    transcripts: Grids | None = None
    wordless: bool = False
    soundless: bool = False
    looks: Looks | None = None
    feelings: Feelings | None = None

    def __post_init__(self) -> None:
        if self.transcripts is not None and len(self.transcripts) != len(self.grids):
            raise InputError(f"{len(self.grids)} grids have {len(self.transcripts)} transcripts: make both again, roboego synth dialogues")


@dataclass(frozen=True)
class Row:
    """What is learned from at once.

    Attributes:
        captions: [T] what a transcription of what is heard writes, or would write; `UNKNOWN` where that is not known.
        given: [T] what the caption stream is fed back: the captions, waits where they are not known, or what nobody hears.
        looks: [T] the number of the picture that is in sight, `NOTHING` where none is; details: the same of that whose details are there.
        aims: [T] the picture's tokens that ought to be looked at, a bit for each and one for nothing behind them; 0 where that is open.
        senses: what is felt.
        contexts: pictures whose tokens go into the context: the frame before which the first of them go, and the picture's number.
    """

    grid: FrameGrid
    captions: Tokens
    given: Tokens
    looks: Tokens
    details: Tokens
    aims: Tokens
    senses: Senses
    contexts: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, grid: FrameGrid, captions: Tokens | None = None, wait: int = 0) -> "Row":
        """A grid with its captions, if they are known."""
        known = np.full(len(grid), UNKNOWN, np.int32) if captions is None else captions
        unseen = np.full(len(grid), NOTHING, np.int32)
        return cls(grid, known, np.where(known == UNKNOWN, wait, known), unseen, unseen, np.zeros(len(grid), np.int32), {})

    @classmethod
    def joined(cls, rows: Sequence["Row"], frames: int) -> "Row":
        """Rows one after another, cut off after so many frames."""
        names = ("captions", "given", "looks", "details", "aims")
        tracks = {name: np.concatenate([getattr(r, name) for r in rows])[:frames] for name in names}
        lengths = [len(r.grid) for r in rows]
        starts = np.cumsum([0, *lengths])
        contexts = ((int(start) + frame, picture) for r, start in zip(rows, starts, strict=False) for frame, picture in r.contexts)
        return cls(
            grid=concatenate([r.grid for r in rows])[:frames],
            senses=joined([r.senses for r in rows], lengths, frames),
            contexts=tuple(part for part in contexts if part[0] < frames),
            **tracks,
        )


class Mixture:
    """Implements `roboego.training.stage.GridSource`.

    Shares are of frames: pools with long grids are drawn less often.

    Args:
        text: exercises in modes "asr" and "tts" lose most of the frames in which nothing happens; None leaves all grids as they are.
        splices: chance that an exercise in mode "asr" goes on in the middle of a neighbour in its pool; after that again.
        recalls: chance that it is written down when all of it has been heard; none is where `text` has no token for it.
        overhears: chance that an exercise in mode "tts" is said while one in mode "asr" is heard.
        contexts: chance that the picture of a grid that has one goes into the context too, of one grid of a row at most.
        pictures: how many there are; one of them is in sight in every other grid that has nothing to do with what is seen.
        still: what is felt at rest: one such reading of each sense is felt in every other grid that has nothing to do with what is felt.
        fresh_frames: for how long a sense's reading counts as fresh, by name, as the model's senses have it.
        rest: [D] action bins of an arm that keeps still, for grids without actions; None: there is no arm.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        text: TextLayout | None = None,
        *,
        splices: float = 0.0,
        recalls: float = 0.0,
        overhears: float = 0.0,
        contexts: float = 0.0,
        pictures: int = 0,
        still: Mapping[str, NDArray[np.float32]] | None = None,
        fresh_frames: Mapping[str, int] | None = None,
        rest: Bins | None = None,
    ) -> None:
        self.text, self.splices, self.recalls, self.overhears = text, splices, recalls, overhears
        self.contexts, self.pictures = contexts, pictures
        self.still, self.fresh_frames, self.rest = still or {}, fresh_frames or {}, rest
        self.pools = [p for p in pools if len(p.grids)]
        probe = [np.mean([len(p.grids[i]) for i in range(0, len(p.grids), max(1, len(p.grids) // 50))]) for p in self.pools]
        odds = np.asarray([p.share for p in self.pools]) / np.asarray(probe)
        self.odds = odds / odds.sum()
        self.heard = [p for p in self.pools if text is not None and int(p.grids[0].read[0]) == text.asr]

    def row(self, rng: np.random.Generator, frames: int) -> Row:
        parts: list[Row] = []
        count = 0
        while count < frames:
            pool = self.pools[rng.choice(len(self.pools), p=self.odds)]
            i = int(rng.integers(len(pool.grids)))
            contexts = 0.0 if any(part.contexts for part in parts) else self.contexts
            row = self._resting(self._seeing(self._part(pool, i, rng), pool, i, rng, contexts))
            parts.append(self._feeling(row, pool, i, rng))
            count += len(parts[-1].grid)
        return Row.joined(parts, frames)

    def _seeing(self, row: Row, pool: Pool, i: int, rng: np.random.Generator, contexts: float) -> Row:
        """The pool's number i with what is in sight."""
        if pool.looks is not None:
            if isinstance(pool.looks, Aims):
                row = replace(row, aims=pool.looks.aims(i))
            return self._into_context(pool.looks.looks(i), row, rng, contexts)
        if self.pictures and rng.random() < IN_SIGHT:
            track = np.full_like(row.looks, int(rng.integers(self.pictures)))
            return replace(row, looks=track, details=track)
        return row

    def _into_context(self, looks: Tokens, row: Row, rng: np.random.Generator, chance: float) -> Row:
        """The same with what is in sight, which may go into the context; half of the time nothing but its vector is seen otherwise."""
        shown = np.unique(looks[looks != NOTHING])
        if len(shown) != 1 or rng.random() >= chance:
            return replace(row, looks=looks, details=looks)
        first = int(np.flatnonzero(looks != NOTHING)[0])
        details = np.full_like(looks, NOTHING) if rng.random() < UNDETAILED else looks
        return replace(row, looks=looks, details=details, contexts=((first, int(shown[0])),))

    def _feeling(self, row: Row, pool: Pool, i: int, rng: np.random.Generator) -> Row:
        """The same with what is felt. Now and then a sense is missing, or does not come any more."""
        if pool.feelings is not None:
            return replace(row, senses=self._failing(pool.feelings.senses(i), rng))
        if self.still and rng.random() < FELT:
            frames = np.zeros(len(row.grid), np.int64)
            chosen = {name: values[int(rng.integers(len(values)))][None] for name, values in self.still.items()}
            return replace(row, senses=self._failing({name: fresh(value, frames) for name, value in chosen.items()}, rng))
        return row

    def _failing(self, senses: Senses, rng: np.random.Generator) -> Senses:
        return {name: failing(felt, rng, self.fresh_frames.get(name, 1)) for name, felt in senses.items()}

    def _resting(self, row: Row) -> Row:
        """The same with an arm that keeps still, where the grid tells of none."""
        if self.rest is None or row.grid.act.shape[1]:
            return row
        frames = len(row.grid)
        act, weight = np.tile(self.rest, (frames, 1)), np.full(frames, RESTING, np.float32)
        return replace(row, grid=replace(row.grid, act=act, act_weight=weight))

    def _part(self, pool: Pool, i: int, rng: np.random.Generator) -> Row:
        """The pool's number i; an exercise is made harder, or not, as the dice fall."""
        grid = pool.grids[i]
        if self.text is None:
            return Row.of(grid, self._captions(grid, pool, i))
        mode = int(grid.read[0])
        if mode == self.text.asr:
            while rng.random() < self.splices:
                j = int(np.clip(i + rng.integers(-NEAR, NEAR + 1), 0, len(pool.grids) - 1))
                grid = spliced(grid, pool.grids[j], self.text, ASR_DELAY_FRAMES, rng)
        if mode in (self.text.asr, self.text.tts):
            grid = tightened(grid, self.text, rng)
        if mode == self.text.asr and self.text.recall is not None and self.recalls and rng.random() < self.recalls:
            return Row.of(*recalled(grid, self.text, self.text.recall, ASR_DELAY_FRAMES, rng))
        if mode == self.text.tts and self.heard and self.overhears and rng.random() < self.overhears:
            return Row.of(*overheard(grid, self._transcription(rng), self.text, rng))
        if pool.soundless and pool.transcripts is not None:
            return replace(Row.of(grid), given=pool.transcripts[i].text)
        return Row.of(grid, self._captions(grid, pool, i), self.text.wait)

    def _transcription(self, rng: np.random.Generator) -> FrameGrid:
        """Any exercise in mode "asr"."""
        assert self.text is not None
        grids = self.heard[int(rng.integers(len(self.heard)))].grids
        return tightened(grids[int(rng.integers(len(grids)))], self.text, rng)

    def _captions(self, grid: FrameGrid, pool: Pool, i: int) -> Tokens | None:
        """What is heard in a grid, the pool's number i: as its transcript has it, or as its mode tells."""
        if pool.transcripts is not None:
            return pool.transcripts[i].text
        if self.text is None:
            return None
        if pool.wordless or int(grid.read[0]) == self.text.tts:
            return np.full(len(grid), self.text.wait, np.int32)
        return grid.text if int(grid.read[0]) == self.text.asr else None


def failing(felt: Readings, rng: np.random.Generator, fresh_frames: int) -> Readings:
    """A sense as it is, or missing, or one whose readings stop coming and are stale so many frames later."""
    roll = rng.random()
    if roll < MISSING:
        return replace(felt, which=np.full_like(felt.which, NO_READING))
    if roll < MISSING + STOPS:
        frame = int(rng.integers(len(felt)))
        which, stale = felt.which.copy(), felt.stale.copy()
        which[frame:], stale[frame + fresh_frames :] = which[frame], True
        return replace(felt, which=which, stale=stale)
    return felt


def tightened(grid: FrameGrid, text: TextLayout, rng: np.random.Generator) -> FrameGrid:
    """An exercise with less silence: half of it is waiting, from which little is learned and which costs as much as the rest.

    Before the first word (which is written when it has been heard) at least `LEAD` frames stay, after the last word or sound 2 to 8.
    """
    written = np.flatnonzero(pieces(grid.text, text))
    if not len(written):
        return grid
    last = int(written[-1])
    sounding = np.flatnonzero((grid.speak != grid.speak[-1]).any(1))
    if len(sounding):
        last = max(last, int(sounding[-1]))
    spare = int(rng.integers(max(int(written[0]) - LEAD, 0) + 1))
    end = last + 1 + int(rng.integers(2, 9))
    return concatenate([grid[:1], grid[1 + spare : end]])
