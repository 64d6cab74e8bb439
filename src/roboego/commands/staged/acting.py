"""Plays one episode with one session, and keeps all of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roboego.commands.exchange.drive import CONVERSATION, TIMELINE
from roboego.commands.exchange.record import Look, Record, StereoWriter, Token
from roboego.commands.exchange.timeline import draw_timeline
from roboego.commands.exchange.transcript import transcript
from roboego.commands.exchange.vocabulary import Vocabulary
from roboego.commands.staged import events
from roboego.commands.staged.events import Touches
from roboego.commands.staged.film import EVERY, Film
from roboego.data.episodes import LOOK_EVERY
from roboego.errors import InputError
from roboego.evaluation.table.ego import Script
from roboego.evaluation.table.episode import Episode
from roboego.model.loaded import LoadedModel
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, NotSeen, StepIn
from roboego.runtime.session import Session
from roboego.sound.files import appearing_in
from roboego.timebase import frames_to_seconds

VIDEO, EVENTS = "video.mp4", "events.jsonl"
FILES = (VIDEO, TIMELINE, CONVERSATION, EVENTS)
TAIL_FRAMES = 60
"""What Ego has to say when the task is done is waited for so long (4.8 s)."""

Step = Callable[[StepIn], Frame]


def by_model(session: Session) -> Step:
    """The model hears, sees, feels, speaks and moves the arm."""

    def step(given: StepIn) -> Frame:
        frame = session.step(given.listen, look=given.look, sense=given.sense, read=given.read)
        for event in frame.events:
            if isinstance(event, NotSeen):
                raise InputError(event.reason)
        return frame

    return step


def by_expert(session: Session, script: Script) -> Step:
    """An expert moves the arm; the model lends its voice to what there is to say, and hears nothing."""

    def step(given: StepIn) -> Frame:
        bins, text = script.next()
        return replace(session.step(say=text or None), action=bins.astype(np.int64))

    return step


def act(
    episode: Episode,
    loaded: LoadedModel,
    open_session: Callable[[Engine], tuple[Session, Step]],
    out: Path,
    about: dict[str, Any],
    *,
    every: int = EVERY,
) -> list[dict[str, Any]]:
    """Plays the episode, and writes its video, timeline, sound and events into `out`, all of them or none.

    Args:
        open_session: whoever is to act.
        about: what the first event tells beside the episode.
        every: frames from one picture of the video to the next.
    Returns:
        The turns of both sides, as transcripts have them.
    """
    record, touches, shown = Record(model=loaded.name), Touches(), list[int]()
    with ExitStack() as stack:
        folder = stack.enter_context(appearing_in(out))
        drawn = Path(stack.enter_context(TemporaryDirectory()))
        stack.enter_context(episode)
        film = stack.enter_context(Film(episode.table, every))
        # Without a clock nothing may depend on when a picture is ready.
        session, step = open_session(stack.enter_context(Engine(loaded, see_in_background=False)))
        stack.enter_context(session)
        vocabulary = Vocabulary(loaded)
        with StereoWriter(folder / CONVERSATION) as wav:
            for given, frame, picture in _played(episode, session, step, film):
                user = np.asarray(given.listen, np.float32)
                wav.write(user, frame.speech)
                record.add(user, frame, session.transcript, wait=vocabulary.wait, special=vocabulary.special(frame.token))
                if frame.read is not None:
                    record.read.append(_read(vocabulary, frame.index, frame.read))
                if given.look is not None:
                    shown.append(frame.index)
                if picture is not None and (not record.looks or frame.index - record.looks[-1].frame >= LOOK_EVERY):
                    record.looks.append(Look(frame=frame.index, path=drawn / f"{frame.index:05d}.png"))
                    Image.fromarray(picture).save(record.looks[-1].path)
                touches.follow(episode.table, frames_to_seconds(episode.frames + 1))
        turns: list[dict[str, Any]] = transcript(record, {})["turns"]
        draw_timeline(record, folder / CONVERSATION, folder / TIMELINE)
        film.save(folder / VIDEO, folder / CONVERSATION)
        (folder / EVENTS).write_text(events.lines(events.told(episode, turns, touches, shown, about)), encoding="utf-8")
    return turns


def _read(vocabulary: Vocabulary, frame: int, token: int) -> Token:
    return Token(frame=frame, id=token, text=vocabulary.reads(token), piece=vocabulary.is_piece(token))


def _played(episode: Episode, session: Session, step: Step, film: Film) -> Iterator[tuple[StepIn, Frame, NDArray[np.uint8] | None]]:
    """Each step of the episode, and the video's picture of it where it has one, until it is over and Ego has said what it had to say."""
    tail = 0
    while not episode.done or (tail < TAIL_FRAMES and not session.is_idle):
        tail += episode.done
        given, picture = episode.give(), None
        if episode.frames % film.every == 0:
            reply = session.transcript[-1] if session.transcript else None
            heard, text = ("", "") if reply is None else (reply.spoken_text, reply.text)
            picture = film.take(episode.plan.text if episode.user.went else "", heard, text[len(heard) :])
        frame = step(given)
        episode.take(frame)
        yield given, frame, picture
