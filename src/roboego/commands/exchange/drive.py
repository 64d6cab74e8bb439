"""Drives one session with recorded sound, and keeps what happens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roboego.commands.exchange.record import Look, Record, Sound, StereoWriter, Token
from roboego.commands.exchange.timeline import draw_timeline
from roboego.commands.exchange.transcript import to_text, transcript
from roboego.commands.exchange.users import User
from roboego.commands.exchange.vocabulary import Vocabulary
from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.model.sampling import Sampling
from roboego.perception.picture import open_picture
from roboego.runtime.clock import FrameClock
from roboego.runtime.context_sight import SightPolicy
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, NotSeen
from roboego.runtime.session import Session
from roboego.serve.builtins import Builtins
from roboego.serve.functions import Functions
from roboego.sound.files import appearing_in
from roboego.timebase import frames_to_seconds

CONVERSATION, TRANSCRIPT, TIMELINE = "conversation.wav", "transcript.json", "timeline.png"
FILES = (CONVERSATION, TRANSCRIPT, TIMELINE)

Watcher = Callable[[Record, Frame], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do.

    Attributes:
        user: who talks with Ego.
        source: where their sound comes from, for the transcript.
        sight: how pictures reach the model, as of `Engine.open`.
        prompt: text that Ego reads at the start.
        functions: which of `roboego.serve.builtins` Ego may call; timers go by the conversation's own time.
        real_time: one step every 80 ms; otherwise as fast as possible.
    """

    user: User
    source: dict[str, Any]
    out: Path
    sight: SightPolicy = "stream"
    prompt: str | None = None
    functions: tuple[str, ...] = ()
    real_time: bool = False


def hold(plan: Plan, loaded: LoadedModel, sampling: Sampling, watch: Watcher | None = None) -> dict[str, Any]:
    """Has the conversation, and writes its sound, transcript and picture into `plan.out`, all of them or none.

    Args:
        watch: called after each step.
    Returns:
        The transcript, as it was written.
    Raises:
        InputError: the sound, the picture or the prompt cannot be used.
        KeyboardInterrupt: the user broke it off; what there was until then has been written.
    """
    vocabulary = Vocabulary(loaded)
    prompt = None if plan.prompt is None else vocabulary.tokens(plan.prompt)
    record = Record(model=loaded.name)
    interrupted: KeyboardInterrupt | None = None
    with appearing_in(plan.out) as folder:
        # Without a clock nothing may depend on when a picture is ready.
        with (
            Engine(loaded, see_in_background=plan.real_time) as engine,
            engine.open("duplex", prompt=prompt, sampling=sampling, sight=plan.sight) as session,
        ):
            builtins = Builtins(plan.functions, seconds=lambda: frames_to_seconds(session.frames))
            functions = Functions(session, builtins)
            functions.declare()
            with StereoWriter(folder / CONVERSATION) as wav:
                try:
                    for user, shown, frame in converse(session, plan):
                        wav.write(user, frame.speech)
                        if shown is not None:
                            record.looks.append(Look(frame=frame.index, path=shown))
                        record.add(user, frame, session.transcript, wait=vocabulary.wait, special=vocabulary.special(frame.token))
                        if frame.read is not None:
                            record.read.append(_token(vocabulary, frame.index, frame.read))
                        functions.follow(frame)
                        if watch is not None:
                            watch(record, frame)
                except KeyboardInterrupt as error:
                    if not record.frames:
                        raise
                    interrupted = error
        told = transcript(record, plan.source)
        (folder / TRANSCRIPT).write_text(to_text(told), encoding="utf-8")
        draw_timeline(record, folder / CONVERSATION, folder / TIMELINE)
    if interrupted is not None:
        raise interrupted
    return told


def _token(vocabulary: Vocabulary, frame: int, token: int) -> Token:
    """A token that was read."""
    return Token(frame=frame, id=token, text=vocabulary.reads(token), piece=vocabulary.is_piece(token))


def converse(session: Session, plan: Plan) -> Iterator[tuple[Sound, Path | None, Frame]]:
    """Each step's sound in, the picture if one was shown, and what came out of it, until the user is done.

    Raises:
        InputError: a picture cannot be used.
    """
    clock = FrameClock(realtime=plan.real_time)
    while not plan.user.done:
        heard, shown = plan.user.speak(), plan.user.look()
        look = None if shown is None else open_picture(shown)
        clock.wait()
        frame = session.step(heard, look=look)
        for event in frame.events:
            if isinstance(event, NotSeen):
                raise InputError(event.reason)
        plan.user.hear(frame)
        yield heard, shown, frame
