"""How an exchange goes in which Ego is asked to do something: what is said, and what of an episode is done, seen and felt when."""
# T frames

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from roboego.data.episodes import Episode
from roboego.data.grounded.conflicts import GO, SAID_STOP, camera_is, only_feels
from roboego.data.grounded.doing import spoken
from roboego.data.grounded.feeling import Felt, ask_what_is_felt
from roboego.data.grounded.manner import Laid, Manner, is_recorded, laid_out
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.data.talk.dressing import dress
from roboego.data.talk.grammar import Rng, pick
from roboego.data.talk.sampling import MAX_WORDS, sample_exchange, split_of
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.sim.scene import Scene
from roboego.sim.tasks import Task
from roboego.streams.alphabet import words
from roboego.streams.grid import FrameGrid, Tokens, concatenate, empty_grid
from roboego.streams.organizers.base import pieces

STOPPED, FROZEN, CHATTED, FELT = 0.2, 0.06, 0.15, 0.25
"""Shares of the exchanges in which the user stops the arm, in which the picture freezes while it moves, in which they talk about something
else meanwhile, and in which they ask what it feels when it has done what it should."""
BLACK, FEIGNED = 0.04, 0.3
"""Shares of the exchanges in which the picture is black, and of those about what the hand takes up in which it feels that thing already."""
TOLD_TO_GO = 0.3
"""Share of those that are stopped in which a text says at the same time that it should go on."""
BEGINS = (0, 3)
"""Frames from a reply's first piece to the first motion, from and below."""
HALTS = (1, 4)
"""Frames from the end of the user's "stop" until the arm keeps still, from and below."""
NOTICES = (11, 20)
"""Frames from the last new picture until the arm keeps still and Ego says so, from and below: two pictures later it shows."""
SHOWS_M = 0.03
"""How far the hand is from where a picture shows it when that is noticed."""
TRIES = 200

Camera = Literal["live", "black"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What belongs to the frames of an exchange.

    Attributes:
        grid, captions: what is said.
        when: [T] the frame of the episode that each frame is in. moving: [T] whether the arm goes on.
        camera: what it shows. freezes: the frame after which its picture is the same for ever; None: it does not.
        grip: the frame of the episode in which the fingers feel what they feel all the while here; None: what they feel is true.
    """

    grid: FrameGrid
    captions: Tokens
    when: NDArray[np.int64]
    moving: NDArray[np.bool_]
    camera: Camera = "live"
    freezes: int | None = None
    grip: int | None = None


def drawn(episode: Episode, manner: Manner, rng: Rng, *, black: bool, said: Laid | None = None) -> Course:
    """An exchange about an episode.

    Args:
        black: whether there may be a black picture.
        said: the request and its reply, as they were recorded; None: they are laid out in the manner.
    """
    if said is None:
        if black and rng.random() < BLACK:
            return _unmoved([_request(rng, manner, episode, told=camera_is("black"))], manner, rng, camera="black")
        if (grip := _takes_up(episode)) is not None and rng.random() < FEIGNED:
            return _unmoved([_put_down(rng, manner, episode)], manner, rng, grip=grip)
        said = _laid_out([_request(rng, manner, episode)], manner, rng)
    start = _replies_at(said[0], manner) + int(rng.integers(*BEGINS))
    over, done = _busy_until(*said, manner), start + episode.done
    roll, on_the_way = rng.random(), over + 4 < done - 4
    if roll < STOPPED and on_the_way:
        return _stopped(manner, rng, said, start, int(rng.integers(over + 2, done - 4)), len(episode))
    if STOPPED <= roll < STOPPED + FROZEN and on_the_way:
        frame = int(rng.integers(over + 2, done - 4))
        if _goes_far(episode, frame - start):
            return _frozen(manner, rng, said, start, frame, len(episode))
    if STOPPED + FROZEN <= roll < STOPPED + FROZEN + CHATTED and on_the_way:
        return _chatted(manner, rng, said, start, int(rng.integers(over + 2, done - 4)), len(episode))
    if STOPPED + FROZEN + CHATTED <= roll < STOPPED + FROZEN + CHATTED + FELT:
        course = _asked_after(manner, rng, said, start, max(over, done) + int(rng.integers(4, 20)), episode)
        if course is not None:
            return course
    frames = max(over + 2, start + len(episode))
    return _moving(_resized(*said, frames, manner), start, frames, len(episode))


# -- what may happen -----------------------------------------------------------------------------------------


def _moving(said: Laid, start: int, stop: int, length: int, freezes: int | None = None) -> Course:
    """The arm begins in frame `start` and goes on, in a motion of so many frames, until `stop`."""
    frames = np.arange(len(said[0]))
    when = np.clip(np.minimum(frames, stop) - start, 0, length - 1)
    moving = (frames >= start) & (frames < min(stop, start + length))
    return Course(grid=said[0], captions=said[1], when=when, moving=moving, freezes=freezes)


def _unmoved(turns: Sequence[Turn], manner: Manner, rng: Rng, *, camera: Camera = "live", grip: int | None = None) -> Course:
    """The arm keeps still, where it is as the episode begins."""
    grid, captions = _laid_out(turns, manner, rng)
    at, still = np.zeros(len(grid), np.int64), np.zeros(len(grid), np.bool_)
    return Course(grid=grid, captions=captions, when=at, moving=still, camera=camera, grip=grip)


def _stopped(manner: Manner, rng: Rng, said: Laid, start: int, frame: int, length: int) -> Course:
    """From that frame on the user stops the arm."""
    order = _order(rng, manner)
    against = replace(order, ego=SAID_STOP)
    contradicted = rng.random() < TOLD_TO_GO and _may_be_said([against], manner)
    then, told = _laid_out([against if contradicted else order], manner, rng)
    ends = _asked_until(then, told, manner)
    if contradicted:
        _read(then, manner, rng, before=ends)
    return _moving(_followed(said, frame, then, told, manner), start, frame + ends + int(rng.integers(*HALTS)), length)


def _frozen(manner: Manner, rng: Rng, said: Laid, start: int, frame: int, length: int) -> Course:
    """In that frame the picture freezes: Ego notices, halts and says so."""
    ego, answer = camera_is("frozen")
    then, told = _laid_out([Turn(intent="do_freeze", user="", read="go on.", ego=ego, answer=answer)], manner, rng)
    then.read[:] = manner.layout.text.wait  # nobody asks for it
    halts = frame + int(rng.integers(*NOTICES))
    begins = max(halts - _replies_at(then, manner), frame)
    return _moving(_followed(said, begins, then, told, manner), start, begins + _replies_at(then, manner), length, freezes=frame)


def _chatted(manner: Manner, rng: Rng, said: Laid, start: int, frame: int, length: int) -> Course:
    """In that frame the user talks about something else; the arm goes on."""
    all_of = _followed(said, frame, *_laid_out(_chat(rng, manner), manner, rng), manner)
    frames = max(len(all_of[0]), start + length)
    return _moving(_resized(*all_of, frames, manner), start, frames, length)


def _asked_after(manner: Manner, rng: Rng, said: Laid, start: int, frame: int, episode: Episode) -> Course | None:
    """In that frame, when all is done, the user asks what is felt."""
    held = int(episode.held[-1])
    task = episode.task
    touched = bool((episode.touched == task.thing).any()) if task.verb in ("touch", "point") else None
    asked = ask_what_is_felt(rng, View(episode.scene), Felt(held=None if held < 0 else held, touched=touched))
    if asked is None:
        return None
    turn = Turn(intent=f"feel_{asked.topic}", user=asked.user, ego=asked.ego, answer=asked.answer)
    if not _may_be_said([turn], manner):
        return None
    all_of = _followed(said, frame, *_laid_out([turn], manner, rng), manner)
    return _moving(all_of, start, len(all_of[0]), len(episode))


def _goes_far(episode: Episode, frame: int) -> bool:
    """Whether the hand, soon after that frame, is where a frozen picture does not show it."""
    return float(np.ptp(episode.body[frame : frame + NOTICES[0], :3], axis=0).max()) > SHOWS_M


def _takes_up(episode: Episode) -> int | None:
    """A frame in which the hand holds what it did not hold at first and the camera shows on the table; None if there is none."""
    held = np.flatnonzero(episode.held == episode.task.thing) if episode.task.thing is not None else np.zeros(0, int)
    return int(held[-1]) if len(held) and episode.held[0] < 0 else None


# -- what is said --------------------------------------------------------------------------------------------


def requested(rng: Rng, episode: Episode, may_be_said: Callable[[Turn], bool]) -> Turn:
    """What the user says to have it done, and what Ego says.

    Raises:
        InputError: nothing of that kind may be said.
    """
    for _ in range(TRIES):
        asked = spoken(rng, View(episode.scene), episode.task)
        turn = Turn(intent=f"do_{asked.verb}", user=dress(rng, asked.user, "request"), ego=asked.ego, answer=asked.answer)
        if len(words(turn.user)) <= MAX_WORDS and may_be_said(turn):
            return turn
    raise InputError(f"{episode.task} cannot be asked for in recorded words: make more, roboego synth grids")


def _request(rng: Rng, manner: Manner, episode: Episode, told: tuple[str, Answer] | None = None) -> Turn:
    """The same in the manner's words.

    Args:
        told: what Ego says in place of what it otherwise would.
    """
    turn = requested(rng, episode, lambda turn: _may_be_said([turn if told is None else replace(turn, ego=told[0])], manner))
    return turn if told is None else replace(turn, ego=told[0], answer=told[1])


def _chat(rng: Rng, manner: Manner) -> tuple[Turn, ...]:
    """Something that has nothing to do with the table."""
    for _ in range(TRIES):
        turns = sample_exchange(rng, manner.split, 1).turns
        if _may_be_said(turns, manner):
            return turns
    raise InputError("nothing can be talked about in recorded words: make more, roboego synth grids")


def _order(rng: Rng, manner: Manner) -> Turn:
    """The user stops the arm."""
    for _ in range(TRIES):
        asked = spoken(rng, View(Scene()), Task(verb="stop"))
        turn = Turn(intent="do_stop", user=asked.user, ego=asked.ego, answer=asked.answer)
        if _may_be_said([turn], manner):
            return turn
    raise InputError("to stop cannot be said in recorded words: make more, roboego synth grids")


def _put_down(rng: Rng, manner: Manner, episode: Episode) -> Turn:
    """The user wants a thing put down that the fingers feel and the camera shows on the table."""
    assert episode.task.thing is not None  # `_takes_up` found it held
    ego, answer = only_feels(episode.scene.things[episode.task.thing].thing)
    for _ in range(TRIES):
        asked = spoken(rng, View(episode.scene), Task(verb="put_down", thing=episode.task.thing))
        turn = Turn(intent="do_put_down", user=dress(rng, asked.user, "request"), ego=ego, answer=answer)
        if len(words(turn.user)) <= MAX_WORDS and _may_be_said([turn], manner):
            return turn
    raise InputError("to put something down cannot be said in recorded words: make more, roboego synth grids")


def _may_be_said(turns: Sequence[Turn], manner: Manner) -> bool:
    """All of it is of the manner's split, and has been recorded where it is to be heard."""
    return all(split_of(turn.user) == manner.split for turn in turns) and is_recorded(_exchange(turns), manner)


def _exchange(turns: Sequence[Turn]) -> Exchange:
    return Exchange(intent=turns[-1].intent, turns=tuple(turns))


def _read(grid: FrameGrid, manner: Manner, rng: Rng, before: int) -> None:
    """A text that says go, read while the user speaks: over by that frame, if it is short enough."""
    tokens = manner.tokenizer.encode(pick(rng, GO).sample(rng))
    first = int(rng.integers(1, max(before - len(tokens), 1) + 1))
    fits = tokens[: len(grid) - first]
    grid.read[first : first + len(fits)] = fits


# -- how it is laid out --------------------------------------------------------------------------------------


def _laid_out(turns: Sequence[Turn], manner: Manner, rng: Rng) -> Laid:
    return laid_out(_exchange(turns), manner, rng)


def _replies_at(grid: FrameGrid, manner: Manner) -> int:
    """The frame of the first piece that Ego writes."""
    return int(np.flatnonzero(pieces(grid.text, manner.layout.text))[0])


def _asked_until(grid: FrameGrid, captions: Tokens, manner: Manner) -> int:
    """The frame after the last of the user's."""
    without_sound = isinstance(manner, WrittenExchanges)
    asked = captions != manner.layout.text.wait if without_sound else (grid.listen != manner.silence).any(1)
    return int(np.flatnonzero(asked)[-1]) + 1


def _busy_until(grid: FrameGrid, captions: Tokens, manner: Manner) -> int:
    """The frame after the last in which something is said or written down."""
    text = manner.layout.text
    busy = (grid.speak != manner.silence).any(1) | pieces(grid.text, text) | (captions != text.wait)
    return int(np.flatnonzero(busy)[-1]) + 1


def _resized(grid: FrameGrid, captions: Tokens, frames: int, manner: Manner) -> Laid:
    """So many frames of it; where there are fewer, nothing happens in the others."""
    missing = frames - len(grid)
    if missing <= 0:
        return grid[:frames], captions[:frames]
    quiet = empty_grid(manner.layout, missing)
    quiet.speak[:], quiet.listen[:] = manner.silence, manner.silence
    quiet.text_weight[:], quiet.spoken[:] = 1, grid.spoken[-1]
    return concatenate([grid, quiet]), np.concatenate([captions, np.full(missing, manner.layout.text.wait, np.int32)])


def _followed(said: Laid, frame: int, then: FrameGrid, told: Tokens, manner: Manner) -> Laid:
    """In that frame what comes next begins, in the same conversation: it is not announced."""
    first, before = _resized(*said, frame, manner)
    going_on = replace(then, read=then.read.copy())
    going_on.read[0] = manner.layout.text.wait
    return concatenate([first, going_on]), np.concatenate([before, told])
