"""Who simulated users talk with: a model in the engine, the same made to take turns, or (through a client) a server."""
# N conversations at once

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.runtime.context_sight import SightPolicy
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, NotSeen, StepIn
from roboego.runtime.session import Session


class Partner(Protocol):
    """Somebody who holds several conversations, frame by frame.

    Attributes:
        slots: how many at once.
    """

    slots: int

    def open(self, count: int) -> "Talks":
        """Begins `count` conversations, at most `slots`."""


class Talks(Protocol):
    """Conversations that go on together; leaving the `with` block ends them."""

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        """What each of these conversations, by number, puts out for its frame of sound [1920].

        Raises:
            RoboEgoError: a conversation failed.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class EnginePartner:
    """A model in the engine, all conversations in batched steps.

    Args:
        sight, details: how pictures reach the model, as of `Engine.open`; None: as that has it.
    """

    def __init__(self, loaded: LoadedModel, *, slots: int = 8, sight: SightPolicy | None = None, details: bool = True) -> None:
        self.slots = slots
        self._options: dict[str, Any] = {"details": details} | ({} if sight is None else {"sight": sight})
        # Without a clock nothing may depend on when a picture is ready.
        self.engine = Engine(loaded, slots=slots, see_in_background=False)

    def open(self, count: int) -> "EngineTalks":
        return EngineTalks(self.engine, count, self._options)


class EngineTalks:
    """Sessions of an engine.

    Args:
        options: of `Engine.open`.
    """

    def __init__(self, engine: Engine, count: int, options: Mapping[str, Any] | None = None) -> None:
        self.engine = engine
        self.sessions: list[Session] = [engine.open(**(options or {})) for _ in range(count)]

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        return self.give({i: StepIn(listen=sound) for i, sound in heard.items()})

    def give(self, given: Mapping[int, StepIn]) -> dict[int, Frame]:
        """The same for conversations that are given more than sound.

        Raises:
            InputError: something that a conversation was given cannot be used, or a picture cannot be seen.
            SessionError: a conversation failed.
        """
        ticked = self.engine.tick({self.sessions[i]: step_in for i, step_in in given.items()})
        found: dict[int, Frame] = {}
        for i in given:
            frame = ticked[self.sessions[i]]
            if not isinstance(frame, Frame):
                raise frame.__cause__ if isinstance(frame.__cause__, InputError) else frame
            for event in frame.events:
                if isinstance(event, NotSeen):
                    raise InputError(event.reason)
            found[i] = frame
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for session in self.sessions:
            session.close()
