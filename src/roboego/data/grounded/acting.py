"""Pools of exchanges in which Ego is asked to do something and does it, as an expert did: what is said is put together anew each time."""
# T frames, D action dimensions

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import ActionBins
from roboego.data import assembled, written
from roboego.data.assembled import AssembledExchanges
from roboego.data.episodes import Episode, EpisodeBank
from roboego.data.exchange_pool import ExchangePool
from roboego.data.grounded.conflicts import GO, SAID_STOP
from roboego.data.grounded.doing import spoken
from roboego.data.grounded.feeling import Felt, ask_what_is_felt
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Exchange, Turn
from roboego.data.talk.dressing import dress
from roboego.data.talk.grammar import Rng, pick
from roboego.data.talk.sampling import MAX_WORDS, split_of
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.sim.scene import Scene
from roboego.sim.tasks import Task
from roboego.streams.alphabet import words
from roboego.streams.grid import FrameGrid, Tokens, concatenate, empty_grid
from roboego.streams.organizers.base import pieces
from roboego.streams.readings import Readings, fresh

STOPPED, FELT = 0.2, 0.25
"""Shares of the exchanges in which the user stops the arm, and in which they ask what it feels when it has done what it should."""
TOLD_TO_GO = 0.3
"""Share of those that are stopped in which a text says at the same time that it should go on."""
BEGINS = (0, 3)
"""Frames from a reply's first piece to the first motion, from and below."""
HALTS = (1, 4)
"""Frames from the end of the user's "stop" until the arm keeps still, from and below."""
SEEN_LATE = (1, 3)
"""Frames that a picture takes until it is seen, from and below."""
RESTING = 0.1
"""Weight of a frame in which the arm rests and nothing ended just before."""
ENDING = 6
"""Frames after a motion that count as the motion does: when to stop is learned there."""
TRIES = 200

Steps = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """How an exchange goes: its parts, one after another, and what the arm does meanwhile.

    Attributes:
        grid, captions: what is said.
        when: [T] the frame of the episode that each frame is in. moving: [T] whether the arm goes on.
    """

    grid: FrameGrid
    captions: Tokens
    when: Steps
    moving: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class ActingExchanges(ExchangePool):
    """A pool of them.

    Attributes:
        episodes: what is done.
        manner: the pool of exchanges in whose manner what is said is laid out.
        first_picture: number of the episodes' first picture among all that are seen.
    """

    episodes: EpisodeBank
    manner: WrittenExchanges | AssembledExchanges
    first_picture: int = 0

    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        plan, code = _planned(self, i), ActionBins()
        episode = self.episode(i)
        act = np.where(plan.moving[:, None], episode.bins[plan.when], code.rest).astype(np.int16)
        last = np.maximum.accumulate(np.where(plan.moving, np.arange(len(act)), -ENDING))
        weight = np.where(np.arange(len(act)) - last < ENDING, 1.0, RESTING).astype(np.float32)
        return replace(plan.grid, act=act, act_weight=weight), plan.captions

    def episode(self, i: int) -> Episode:
        """What is done in number `i`."""
        return self.episodes[_episode_of(self, i)]

    def looks(self, i: int) -> Tokens:
        """[T] the number of the picture that is in sight, -1 where none is."""
        when, episode = _planned(self, i).when, self.episode(i)
        late = int(np.random.default_rng([self.seed, i, 3]).integers(*SEEN_LATE))
        frames = np.array([frame for frame, _ in episode.looks])
        seen = np.searchsorted(frames, np.maximum(when - late, 0), "right") - 1
        numbers = np.array([number for _, number in episode.looks]) + self.first_picture
        track: Tokens = numbers[seen].astype(np.int32)
        return track

    def senses(self, i: int) -> dict[str, Readings]:
        """What is felt: "body", "touch" and "points"."""
        when, episode = _planned(self, i).when, self.episode(i)
        frames = np.array([frame for frame, _ in episode.looks])
        clouds = np.searchsorted(frames, when, "right") - 1
        return {
            "body": fresh(episode.body, when),
            "touch": fresh(episode.touch, when),
            "points": fresh(episode.points.astype(np.float32), clouds),
        }


def _episode_of(pool: ActingExchanges, i: int) -> int:
    return int(np.random.default_rng([pool.seed, i, 5]).integers(len(pool.episodes)))


@lru_cache(maxsize=8)
def _planned(pool: ActingExchanges, i: int) -> _Plan:
    rng, episode = np.random.default_rng([pool.seed, i, 6]), pool.episode(i)
    asked = _request(rng, pool, episode)
    grid, captions = _laid_out(asked, pool, rng)
    start = _replies_at(grid, pool) + int(rng.integers(*BEGINS))
    over, done = _busy_until(grid, captions, pool), start + episode.done
    roll = rng.random()
    if roll < STOPPED and over + 4 < done - 4:
        return _stopped(pool, rng, grid, captions, start, int(rng.integers(over + 2, done - 4)), len(episode))
    if roll < STOPPED + FELT:
        plan = _asked_after(pool, rng, grid, captions, start, max(over, done) + int(rng.integers(4, 20)), episode)
        if plan is not None:
            return plan
    frames = max(over + 2, start + len(episode))
    return _as_planned(_resized(grid, captions, frames, pool), start, frames, len(episode))


def _as_planned(laid: tuple[FrameGrid, Tokens], start: int, stop: int, length: int) -> _Plan:
    """The arm begins in frame `start` and goes on, in a motion of so many frames, until `stop`."""
    frames = np.arange(len(laid[0]))
    when = np.clip(np.minimum(frames, stop) - start, 0, length - 1)
    moving = (frames >= start) & (frames < min(stop, start + length))
    return _Plan(grid=laid[0], captions=laid[1], when=when, moving=moving)


def _stopped(
    pool: ActingExchanges, rng: np.random.Generator, grid: FrameGrid, captions: Tokens, start: int, frame: int, length: int
) -> _Plan:
    """From that frame on the user stops the arm."""
    order = _order(rng, pool)
    against = replace(order, ego=SAID_STOP)
    contradicted = rng.random() < TOLD_TO_GO and _may_be_said([against], pool)
    then, told = _laid_out([against if contradicted else order], pool, rng)
    without_sound = isinstance(pool.manner, WrittenExchanges)
    ends = int(np.flatnonzero(told != pool.layout.text.wait if without_sound else (then.listen != pool.silence).any(1))[-1]) + 1
    if contradicted:
        _read(then, pool, rng, before=ends)
    first, before = _resized(grid, captions, frame, pool)
    joined = _continued(first, then, pool), np.concatenate([before, told])
    return _as_planned(joined, start, frame + ends + int(rng.integers(*HALTS)), length)


def _read(grid: FrameGrid, pool: ActingExchanges, rng: np.random.Generator, before: int) -> None:
    """A text that says go, read while the user speaks: over by that frame, if it is short enough."""
    tokens = pool.tokenizer.encode(pick(rng, GO).sample(rng))
    first = int(rng.integers(1, max(before - len(tokens), 1) + 1))
    fits = tokens[: len(grid) - first]
    grid.read[first : first + len(fits)] = fits


def _asked_after(
    pool: ActingExchanges, rng: np.random.Generator, grid: FrameGrid, captions: Tokens, start: int, frame: int, episode: Episode
) -> _Plan | None:
    """In that frame, when all is done, the user asks what is felt."""
    held = int(episode.held[-1])
    task = episode.task
    touched = bool((episode.touched == task.thing).any()) if task.verb in ("touch", "point") else None
    asked = ask_what_is_felt(rng, View(episode.scene), Felt(held=None if held < 0 else held, touched=touched))
    if asked is None:
        return None
    turn = Turn(intent=f"feel_{asked.topic}", user=asked.user, ego=asked.ego, answer=asked.answer)
    if not _may_be_said([turn], pool):
        return None
    then, told = _laid_out([turn], pool, rng)
    first, before = _resized(grid, captions, frame, pool)
    joined = _continued(first, then, pool), np.concatenate([before, told])
    return _as_planned(joined, start, len(joined[0]), len(episode))


def _order(rng: Rng, pool: ActingExchanges) -> Turn:
    """The user stops the arm."""
    for _ in range(TRIES):
        asked = spoken(rng, View(Scene()), Task(verb="stop"))
        turn = Turn(intent="do_stop", user=asked.user, ego=asked.ego, answer=asked.answer)
        if _may_be_said([turn], pool):
            return turn
    raise InputError("to stop cannot be said in recorded words: make more, roboego synth grids")


def _request(rng: Rng, pool: ActingExchanges, episode: Episode) -> list[Turn]:
    """What the user says to have it done, and what Ego says."""
    for _ in range(TRIES):
        asked = spoken(rng, View(episode.scene), episode.task)
        turn = Turn(intent=f"do_{asked.verb}", user=dress(rng, asked.user, "request"), ego=asked.ego, answer=asked.answer)
        if len(words(turn.user)) <= MAX_WORDS and _may_be_said([turn], pool):
            return [turn]
    raise InputError(f"{episode.task} cannot be asked for in recorded words: make more, roboego synth grids")


def _may_be_said(turns: Sequence[Turn], pool: ActingExchanges) -> bool:
    """All of it is of the pool's split, and has been recorded where it is to be heard."""
    ours = all(split_of(turn.user) == pool.split for turn in turns)
    return ours and (isinstance(pool.manner, WrittenExchanges) or assembled.is_recorded(_exchange(turns), pool.manner))


def _exchange(turns: Sequence[Turn]) -> Exchange:
    return Exchange(intent=turns[-1].intent, turns=tuple(turns))


def _laid_out(turns: Sequence[Turn], pool: ActingExchanges, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    if isinstance(pool.manner, WrittenExchanges):
        return written.laid_out(_exchange(turns), pool.manner, rng)
    return assembled.laid_out(_exchange(turns), pool.manner, rng)


def _replies_at(grid: FrameGrid, pool: ActingExchanges) -> int:
    """The frame of the first piece that Ego writes."""
    return int(np.flatnonzero(pieces(grid.text, pool.layout.text))[0])


def _busy_until(grid: FrameGrid, captions: Tokens, pool: ActingExchanges) -> int:
    """The frame after the last in which something is said or written down."""
    busy = (grid.speak != pool.silence).any(1) | pieces(grid.text, pool.layout.text) | (captions != pool.layout.text.wait)
    return int(np.flatnonzero(busy)[-1]) + 1


def _resized(grid: FrameGrid, captions: Tokens, frames: int, pool: ActingExchanges) -> tuple[FrameGrid, Tokens]:
    """So many frames of it; where there are fewer, nothing happens in the others."""
    missing = frames - len(grid)
    if missing <= 0:
        return grid[:frames], captions[:frames]
    quiet = empty_grid(pool.manner.layout, missing)
    quiet.speak[:], quiet.listen[:] = pool.silence, pool.silence
    quiet.text_weight[:], quiet.spoken[:] = 1, grid.spoken[-1]
    return concatenate([grid, quiet]), np.concatenate([captions, np.full(missing, pool.layout.text.wait, np.int32)])


def _continued(grid: FrameGrid, then: FrameGrid, pool: ActingExchanges) -> FrameGrid:
    """One after the other in one conversation: the second is not announced."""
    going_on = replace(then, read=then.read.copy())
    going_on.read[0] = pool.layout.text.wait
    return concatenate([grid, going_on])
