"""Who is tested at the table: a model in the engine, or a script that knows all and moves by the experts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import Protocol, Self, TypeVar

import numpy as np

from roboego.actions.bins import Bins
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.table.episode import Episode
from roboego.runtime.frame import SILENCE, Frame, StepIn
from roboego.sim.experts import Expert

LONGEST_FRAMES = 1_500
REACTION_FRAMES = 1
"""After what is said, or happens, the script waits for so long: two steps later than the first that has heard all of it."""


class Part(Protocol):
    """What one session goes through; a context."""

    @property
    def done(self) -> bool: ...

    def give(self) -> StepIn:
        """What Ego is given in the next frame."""

    def take(self, frame: Frame) -> None:
        """What Ego made of it."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


P = TypeVar("P", bound=Part)
Q = TypeVar("Q", bound=Part, contravariant=True)


class Playing(Protocol):
    """Sessions that go on together; leaving the `with` block ends them."""

    def give(self, given: Mapping[int, StepIn]) -> dict[int, Frame]:
        """What each of these sessions, by number, puts out for what it is given.

        Raises:
            RoboEgoError: a session failed.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Ego(Protocol[Q]):
    """Who is tested.

    Attributes:
        slots: sessions at once.
    """

    slots: int

    def begin(self, parts: Sequence[Q]) -> Playing:
        """A session for each part, at most `slots`."""


class ModelEgo:
    """A model in the engine."""

    def __init__(self, partner: EnginePartner) -> None:
        self._partner, self.slots = partner, partner.slots

    def begin(self, parts: Sequence[Part]) -> Playing:
        return self._partner.open(len(parts))


class ScriptedEgo:
    """Does and says what is right, told by the plan and by the table itself: what the suites have to give full marks, but for what the
    experts cannot do. It writes, and says nothing aloud."""

    slots = 1

    def begin(self, parts: Sequence[Episode]) -> Playing:
        return _Scripts([Script(part) for part in parts])


class Script:
    """What is right in one episode, frame by frame."""

    def __init__(self, episode: Episode) -> None:
        self._episode, self._replies = episode, 0
        self._expert: Expert | None = None

    def next(self) -> tuple[Bins, str]:
        """The action of the next frame, and what Ego begins to write in it; "" for nothing."""
        episode, plan = self._episode, self._episode.plan
        due = [at is not None and episode.frames >= at + REACTION_FRAMES for at in (episode.asked, episode.happened)]
        replies = plan.replies[self._replies : sum(due)]
        self._replies += len(replies)
        if plan.task is None or not due[0] or episode.done_at is not None or (due[1] and plan.halts):
            return episode.bins.rest, " ".join(replies)
        self._expert = self._expert or Expert(plan.task, episode.table)
        return episode.bins.encode(self._expert.act()), " ".join(replies)


class _Scripts:
    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts, self._frames = scripts, [0] * len(scripts)

    def give(self, given: Mapping[int, StepIn]) -> dict[int, Frame]:
        return {i: self._frame(i) for i in given}

    def _frame(self, i: int) -> Frame:
        bins, text = self._scripts[i].next()
        self._frames[i] += 1
        return Frame(
            index=self._frames[i] - 1,
            speech=SILENCE,
            codes=np.zeros(0, np.int64),
            token=0,
            text=f" {text}" if text else "",
            caption=0,
            heard="",
            action=bins.astype(np.int64),
            spoken_upto=0,
            spoken_text="",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def play(ego: Ego[P], parts: Iterable[P], *, longest: int | None = None) -> Iterator[P]:
    """Lets each part take place, as many at once as Ego has sessions, as fast as possible; gives them back as they are over.

    Args:
        longest: frames after which a part is broken off; by default `LONGEST_FRAMES`.
    """
    waiting = iter(parts)
    while group := list(islice(waiting, ego.slots)):
        with ExitStack() as stack:
            for part in group:
                stack.enter_context(part)
            playing = stack.enter_context(ego.begin(group))
            for _ in range(LONGEST_FRAMES if longest is None else longest):
                on = [i for i, part in enumerate(group) if not part.done]
                if not on:
                    break
                for i, frame in playing.give({i: group[i].give() for i in on}).items():
                    group[i].take(frame)
        yield from group
