"""The functions that a session's client lets Ego call: declared, called while Ego speaks on, answered on the read stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from roboego.errors import InputError
from roboego.runtime.frame import CallWritten
from roboego.runtime.session import Session
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

    def __init__(self, session: Session) -> None:
        self.session = session
        self.declared: tuple[Function, ...] = ()
        self._calls: dict[int, OpenCall] = {}
        self._answered: set[str] = set()

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
            self.session.read(told)
        self.declared = functions

    def called(self, event: CallWritten) -> OpenCall:
        """A call that Ego wrote; the same again if it is told once more.

        Raises:
            InputError: it is none of a function that was declared.
        """
        if event.call not in self._calls:
            self._calls[event.call] = OpenCall(id=f"call_{uuid4().hex[:20]}", call=parse_call(event.text, self.declared))
            for forgotten in list(self._calls)[:-MOST_OPEN]:
                self._answered.discard(self._calls.pop(forgotten).id)
        return self._calls[event.call]

    def result(self, call_id: str, output: str) -> None:
        """What came of a call; Ego reads it.

        Raises:
            InputError: no such call is open, or Ego cannot read the result.
        """
        if call_id in self._answered or call_id not in {call.id for call in self._calls.values()}:
            raise InputError(f"no call {call_id!r} waits for a result")
        if len(output) > MOST_RESULT:
            raise InputError(f"a result has at most {MOST_RESULT} characters, not {len(output)}")
        self.session.read(readable(output))
        self._answered.add(call_id)
