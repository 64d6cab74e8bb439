"""Who simulated users talk with: a model in the engine, the same made to take turns, or (through a client) a server."""
# N conversations at once

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from roboego.data.voices.base import Sound
from roboego.model.loaded import LoadedModel
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, StepIn
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
    """A model in the engine, all conversations in batched steps."""

    def __init__(self, loaded: LoadedModel, *, slots: int = 8) -> None:
        self.slots = slots
        self.engine = Engine(loaded, slots=slots)

    def open(self, count: int) -> "EngineTalks":
        return EngineTalks(self.engine, count)


class EngineTalks:
    """Sessions of an engine."""

    def __init__(self, engine: Engine, count: int) -> None:
        self.engine = engine
        self.sessions: list[Session] = [engine.open() for _ in range(count)]

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        ticked = self.engine.tick({self.sessions[i]: StepIn(listen=sound) for i, sound in heard.items()})
        found: dict[int, Frame] = {}
        for i in heard:
            frame = ticked[self.sessions[i]]
            if not isinstance(frame, Frame):
                raise frame
            found[i] = frame
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for session in self.sessions:
            session.close()
