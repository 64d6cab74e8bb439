"""Pools of exchanges in which Ego is asked to do something and does it, as an expert did: what is said is put together anew each time."""
# T frames, D action dimensions

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import ActionBins
from roboego.data.episodes import POINTS_FRESH, Episode
from roboego.data.exchange_pool import ExchangePool
from roboego.data.grounded import course
from roboego.data.grounded.aims import OPEN, aim
from roboego.data.grounded.course import Course
from roboego.data.grounded.held_up import held_up
from roboego.data.grounded.manner import Laid, Manner
from roboego.data.grounded.spoken import SpokenRequests
from roboego.data.pictures import PictureBank
from roboego.sim.body import GRIP
from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.organizers.base import pieces
from roboego.streams.readings import NO_READING, Readings, fresh

SEEN_LATE = (1, 3)
"""Frames that a picture takes until it is seen, from and below."""
RESTING = 0.1
"""Weight of a frame in which the arm rests and nothing ended just before."""
ENDING = 6
"""Frames after a motion that count as the motion does: when to stop is learned there."""


class Episodes(Protocol):
    """What is done."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Episode: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ActingExchanges(ExchangePool):
    """A pool of them.

    Attributes:
        episodes: what is done.
        manner: the pool of exchanges in whose manner what is said is laid out.
        first_picture: number of the episodes' first picture among all that are seen.
        black: number of a black one; None: there is none.
        pictures: the episodes'; None: where glances ought to go is not known.
        requests: spoken ones, of whose episodes one is drawn; None: they are laid out in the manner, for any episode.
    """

    episodes: Episodes
    manner: Manner
    first_picture: int = 0
    black: int | None = None
    pictures: PictureBank | None = None
    requests: SpokenRequests | None = None

    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        went, code = self.course(i), ActionBins()
        act = np.where(went.moving[:, None], self.episode(i).bins[went.when], code.rest).astype(np.int16)
        last = np.maximum.accumulate(np.where(went.moving, np.arange(len(act)), -ENDING))
        weight = np.where(np.arange(len(act)) - last < ENDING, 1.0, RESTING).astype(np.float32)
        return replace(went.grid, act=act, act_weight=weight), went.captions

    def episode(self, i: int) -> Episode:
        """What is done in number `i`, held up now and then."""
        return _episode(self, i)

    def said(self, i: int) -> Laid | None:
        """Its request and the reply, where they were spoken."""
        return None if self.requests is None else self.requests.said(self.number(i))

    def number(self, i: int) -> int:
        """The number of the episode, or of the spoken request."""
        several = self.episodes if self.requests is None else self.requests
        return int(np.random.default_rng([self.seed, i, 5]).integers(len(several)))

    def course(self, i: int) -> Course:
        """How number `i` goes."""
        return _course(self, i)

    def looks(self, i: int) -> Tokens:
        """[T] the number of the picture that is in sight."""
        went, episode = self.course(i), self.episode(i)
        if went.camera == "black":
            return np.full(len(went.when), self.black, np.int32)
        late = int(np.random.default_rng([self.seed, i, 3]).integers(*SEEN_LATE))
        numbers = np.array([number for _, number in episode.looks]) + self.first_picture
        track: Tokens = numbers[_latest_look(episode, _until_frozen(went) - late)].astype(np.int32)
        return track

    def aims(self, i: int) -> Tokens:
        """[T] the bits of the token (see `roboego.data.grounded.aims`) of what is gone for, from the reply until the arm rests."""
        went, episode, looks = self.course(i), self.episode(i), self.looks(i)
        track, going = np.zeros(len(looks), np.int32), np.flatnonzero(went.moving)
        thing, other = episode.task.thing, episode.task.other
        if self.pictures is None or thing is None or not len(going):
            return track
        first = int(np.flatnonzero(pieces(went.grid.text, self.layout.text))[0])
        for frame in range(min(first, int(going[0])), int(going[-1]) + 1):
            wanted = other if episode.held[went.when[frame]] == thing else thing
            track[frame] = OPEN if wanted is None else _aim(self.pictures, int(looks[frame]) - self.first_picture, wanted)
        return track

    def senses(self, i: int) -> dict[str, Readings]:
        """What is felt: "body", "touch" and "points"."""
        went, episode = self.course(i), self.episode(i)
        body, touch = episode.body, episode.touch
        if went.grip is not None:
            body, touch = body.copy(), touch.copy()
            body[:, GRIP], touch[:] = body[went.grip, GRIP], touch[went.grip]
        points = fresh(episode.points.astype(np.float32), _latest_look(episode, _until_frozen(went)))
        if went.camera == "black":
            points = replace(points, which=np.full_like(points.which, NO_READING))
        elif went.freezes is not None:
            points.stale[went.freezes + POINTS_FRESH :] = True
        return {"body": fresh(body, went.when), "touch": fresh(touch, went.when), "points": points}


@lru_cache(maxsize=8)
def _episode(pool: ActingExchanges, i: int) -> Episode:
    number = pool.number(i)
    episode = pool.episodes[number if pool.requests is None else pool.requests.episode(number)]
    return held_up(episode, np.random.default_rng([pool.seed, i, 7]))


@lru_cache(maxsize=8)
def _course(pool: ActingExchanges, i: int) -> Course:
    rng = np.random.default_rng([pool.seed, i, 6])
    return course.drawn(pool.episode(i), pool.manner, rng, black=pool.black is not None, said=pool.said(i))


@lru_cache(maxsize=64)
def _aim(pictures: PictureBank, number: int, thing: int) -> int:
    things, seen, held = pictures.shown(number)
    return aim(things, (thing,), seen, held)


def _until_frozen(went: Course) -> NDArray[np.int64]:
    """[T] the frame of the episode that the camera shows."""
    return went.when if went.freezes is None else np.minimum(went.when, went.when[went.freezes])


def _latest_look(episode: Episode, when: NDArray[np.int64]) -> NDArray[np.int64]:
    """[T] which of the episode's pictures is the latest in a frame."""
    frames = np.array([frame for frame, _ in episode.looks])
    return np.searchsorted(frames, np.maximum(when, 0), "right") - 1
