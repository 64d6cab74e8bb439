"""The functions that a session's client lets Ego call: declared, called while Ego speaks on, answered on the read stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from roboego.errors import InputError
from roboego.runtime.frame import CallWritten
from roboego.serve.live import Live
from roboego.streams.calls import Function, FunctionCall, announcement, parse_call, readable

MOST_FUNCTIONS = 32
MOST_OPEN = 32
"""Calls of a session that may wait for their results; older ones are forgotten."""
MOST_RESULT = 4_000
"""Characters of a result."""


@dataclass(frozen=True, kw_only=True)
class OpenCall:
    """A call that waits for its result, which names its `id`."""

    id: str
    call: FunctionCall


class Functions:
    """Those of one session.

    Attributes:
        declared: what Ego may call.
    """

    def __init__(self, live: Live) -> None:
        self.live = live
        self.declared: tuple[Function, ...] = ()
        self._open: dict[str, OpenCall] = {}

    def declare(self, functions: Sequence[Function]) -> None:
        """Takes the place of what was declared before; Ego reads what there is now.

        Raises:
            InputError: there are too many, two have one name, or Ego cannot read what they are called.
        """
        functions = tuple(functions)
        if len(functions) > MOST_FUNCTIONS or len({f.name for f in functions}) < len(functions):
            raise InputError(f"a session has at most {MOST_FUNCTIONS} functions, each with a name of its own")
        if functions == self.declared:
            return
        told = announcement(functions)
        if told:
            self.live.session.read(told)
        self.declared = functions

    def called(self, event: CallWritten) -> OpenCall:
        """A call that Ego wrote.

        Raises:
            InputError: it is none of a function that was declared.
        """
        call = OpenCall(id=f"call_{uuid4().hex[:20]}", call=parse_call(event.text, self.declared))
        self._open[call.id] = call
        while len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]
        return call

    def result(self, call_id: str, output: str) -> None:
        """What came of a call; Ego reads it.

        Raises:
            InputError: no such call is open, or Ego cannot read the result.
        """
        if call_id not in self._open:
            raise InputError(f"no call {call_id!r} waits for a result")
        if len(output) > MOST_RESULT:
            raise InputError(f"a result has at most {MOST_RESULT} characters, not {len(output)}")
        self.live.read(readable(output))
        del self._open[call_id]
