"""Functions that a session has without a client: the local time, and a timer that Ego reads the end of."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from roboego.data.talk.clock import by_the_clock, length
from roboego.data.talk.declared import TIME, TIMER
from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.streams.calls import Function, FunctionCall

OFFERED = {function.name: function for function in (TIME, TIMER)}
"""All that there are, by name."""
MOST_TIMERS = 8
"""Of a session, at once."""
LONGEST_S = 6 * 3_600


class Builtins:
    """Those of one session. One thread at a time.

    Attributes:
        functions: what is offered.

    Args:
        names: which of `OFFERED`.
        seconds: the clock of timers, which only goes forward.
        now: the local time.
    Raises:
        InputError: there is none of a name.
    """

    def __init__(
        self, names: Sequence[str] = (), *, seconds: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = datetime.now
    ) -> None:
        check_names(names)
        self.functions: tuple[Function, ...] = tuple(OFFERED[name] for name in dict.fromkeys(names))
        self._seconds, self._now = seconds, now
        self._timers: list[tuple[float, str]] = []

    @property
    def timing(self) -> bool:
        """Whether a timer runs."""
        return bool(self._timers)

    def call(self, call: FunctionCall) -> str:
        """Does what a call of one of them asks for; what Ego reads of it."""
        if call.name == TIME.name:
            now = self._now()
            return by_the_clock(now.hour, now.minute)
        return self._start(round(60 * call.arguments.get("minutes", 0) + call.arguments.get("seconds", 0)))

    def ended(self) -> list[str]:
        """What Ego reads of timers that have ended since they were last asked for."""
        now = self._seconds()
        over = [told for end, told in sorted(self._timers) if end <= now]
        self._timers = [timer for timer in self._timers if timer[0] > now]
        return [f"the timer of {told} has ended." for told in over]

    def _start(self, seconds: int) -> str:
        """Starts a timer."""
        if not 0 < seconds <= LONGEST_S:
            return "error, not so long." if seconds > LONGEST_S else "error, how long is not known."
        if len(self._timers) >= MOST_TIMERS:
            return "error, too many timers."
        minutes, rest = (0, seconds) if seconds <= 90 and seconds % 60 else divmod(seconds, 60)
        self._timers.append((self._seconds() + seconds, length(minutes, rest)))
        return "the timer is set."


def check_names(names: Sequence[str]) -> None:
    """Raises InputError if one of these is no function that is offered."""
    if unknown := [name for name in names if name not in OFFERED]:
        raise InputError(f"there is no function {', '.join(unknown)}: choose of {', '.join(OFFERED)}")


def check_calls(loaded: LoadedModel, names: Sequence[str]) -> None:
    """Raises InputError if these functions cannot be offered to a model."""
    check_names(names)
    layout = loaded.model.config.layout
    if names and (not layout.reads or layout.text.call is None or loaded.tokenizer is None):
        raise InputError(f"{loaded.name} cannot call functions: it has no token for calls, reads nothing, or came without its tokenizer")
