"""The functions that Ego may call in a session: declared, called while Ego speaks on, answered on the read stream.

Some are the session's own, and answered here; the others are its client's.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from roboego.errors import InputError
from roboego.runtime.frame import CallWritten, Frame, SessionError
from roboego.runtime.session import Session
from roboego.serve.builtins import Builtins
from roboego.streams.calls import Function, FunctionCall, announcement, parse_call, readable

MOST_FUNCTIONS = 32
MOST_OPEN = 32
"""Calls of a session that may wait for their results; older ones are forgotten."""
MOST_RESULT = 4_000
"""Characters of a result."""
KNOWN = 0.6
"""Share of the model's window after which Ego reads once more what it may call."""
FAILED = "error, that cannot be called."
"""What Ego reads of a call that is none."""


@dataclass(frozen=True, kw_only=True)
class OpenCall:
    """A call that waits for its result, which names its `id`; or that of one of the session's `own` functions, which waits for nothing."""

    id: str
    call: FunctionCall
    own: bool = False


class Functions:
    """Those of one session. `follow` is for the thread that steps it, the others for any.

    Attributes:
        declared: what Ego may call.
        builtins: what it may call without a client, unless the client has a function of that name.
    """

    def __init__(self, session: Session, builtins: Builtins | None = None) -> None:
        self.session, self.builtins = session, builtins or Builtins()
        self.declared: tuple[Function, ...] = ()
        self._own: frozenset[str] = frozenset()
        self._told = 0
        self._calls: dict[int, OpenCall] = {}
        self._answered: set[str] = set()
        self._lock = threading.Lock()

    def declare(self, functions: Sequence[Function] = ()) -> None:
        """Takes the place of what the client declared before; Ego reads what there is now, the session's own included.

        Raises:
            InputError: there are too many, two have one name, or Ego cannot read what they are called.
        """
        functions = tuple(functions)
        if len(functions) > MOST_FUNCTIONS or len({f.name for f in functions}) < len(functions):
            raise InputError(f"a session has at most {MOST_FUNCTIONS} functions, each with a name of its own")
        own = tuple(f for f in self.builtins.functions if f.name not in {g.name for g in functions})
        if (*own, *functions) == self.declared:
            return
        told = announcement((*own, *functions))
        if told:
            self.session.read(told)
        self.declared, self._own, self._told = (*own, *functions), frozenset(f.name for f in own), self.session.frames

    def called(self, event: CallWritten) -> OpenCall:
        """A call that Ego wrote; the same again if it is told once more.

        Raises:
            InputError: it is none of a function that was declared.
        """
        with self._lock:
            if event.call not in self._calls:
                call = parse_call(event.text, self.declared)
                made = OpenCall(id=f"call_{uuid4().hex[:20]}", call=call, own=call.name in self._own)
                self._calls[event.call] = made
                if made.own:
                    self._answered.add(made.id)
                for forgotten in list(self._calls)[:-MOST_OPEN]:
                    self._answered.discard(self._calls.pop(forgotten).id)
            return self._calls[event.call]

    def follow(self, frame: Frame) -> None:
        """What a frame brings: calls of the session's own functions are answered, and so are those of none; timers end; and before the
        model forgets what it may call, it reads that again. To be told of every frame."""
        if not self.declared:
            return
        with suppress(SessionError):  # it has been closed meanwhile: nobody reads on
            for event in frame.events:
                if isinstance(event, CallWritten):
                    self._answer(event)
            for told in self.builtins.ended():
                self.session.read(told)
            self._remind(frame)

    def _answer(self, event: CallWritten) -> None:
        try:
            made = self.called(event)
        except InputError:  # the client is told by whoever talks to it
            self.session.read(FAILED)
        else:
            if made.own:
                self.session.read(self.builtins.call(made.call))

    def _remind(self, frame: Frame) -> None:
        """Has Ego read what it may call once more, when that is long ago and nothing else goes on."""
        window = self.session.engine.loaded.model.config.backbone.window
        if frame.index - self._told > KNOWN * window and self.session.is_idle and not self.session.to_read:
            self.session.read(announcement(self.declared))
            self._told = frame.index

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
