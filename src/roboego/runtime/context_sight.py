"""Context vision in a session: when a picture's tokens become positions of its context, and in which parts."""
# M tokens of a picture, V their width

import time
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from torch import Tensor

from roboego.errors import InputError

SightPolicy: TypeAlias = Literal["stream", "context", "auto"]
"""How a session sees beside the latest picture's vector and details, as the model has them: "stream" not at all; "context" takes each new
picture's tokens into its context; "auto" does so with the latest picture, at most once, when the model is unsure of what it writes."""
POLICIES: tuple[SightPolicy, ...] = get_args(SightPolicy)
UNSURE = 0.5
"""Below this probability of a piece of a word, among all that could have been written instead of waiting, a model is unsure of it."""
POSITIONS = 32
"""Tokens that go into contexts before a step, of all sessions together: few enough for a CPU to take beside the step."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """A picture whose tokens [M, V] shall go into the context, asked for before the session's step `frame`, at `time.monotonic_ns()`."""

    tokens: Tensor
    frame: int
    asked_ns: int


class ContextSight:
    """One session's pictures on their way into its context.

    They go in by parts, each before a step of the session. The session sits out no step for it: its sound is heard in order, none is lost,
    and no other session waits, but for the milliseconds that a bounded part takes. What lags is the picture: by the steps that the session
    makes after it was asked for and before all of it is in. A picture that has begun goes in whole; of those that come meanwhile only
    the latest follows.

    Args:
        policy: "context" or "auto".
        unsure: as `UNSURE`.
    """

    def __init__(self, policy: SightPolicy, unsure: float = UNSURE) -> None:
        self.policy, self.unsure = policy, unsure
        self._latest: Tensor | None = None
        self._next: Asked | None = None
        self._going: Asked | None = None
        self._place = 0
        self._lag: int | None = None

    def show(self, tokens: Tensor, frame: int) -> None:
        """There is a new picture before the step `frame`. It also takes the place of one that was asked for and has not begun."""
        if self.policy == "context" or self._next is not None:
            self._ask(tokens, frame)
        else:
            self._latest = tokens

    def blind(self) -> None:
        """What is seen from now on has no tokens; older ones do not go in any more."""
        self._latest = self._next = None

    def doubt(self, certainty: float, frame: int) -> bool:
        """Before the step `frame` a piece of a word was written with this probability; whether the latest picture is needed for it, and has
        not gone in yet."""
        if self._latest is None or certainty >= self.unsure:
            return False
        self._ask(self._latest, frame)
        return True

    @property
    def asked_ns(self) -> int | None:
        """Since when a picture waits or is going in; None if none is."""
        asked = self._going or self._next
        return None if asked is None else asked.asked_ns

    def part(self, most: int, frame: int) -> Tensor:
        """The next tokens, at most so many, to go in before the step `frame`. To be called only if `asked_ns` is not None."""
        if self._going is None:
            self._going, self._next, self._place = self._next, None, 0
        assert self._going is not None
        part_MV = self._going.tokens[self._place : self._place + most]
        self._place += len(part_MV)
        if self._place == len(self._going.tokens):
            self._lag, self._going = frame - self._going.frame, None
        return part_MV

    def take_lag(self) -> int | None:
        """Steps by which a picture lagged that has got in whole since this was asked last; None if none has."""
        lag, self._lag = self._lag, None
        return lag

    def _ask(self, tokens: Tensor, frame: int) -> None:
        self._latest, self._next = None, Asked(tokens=tokens, frame=frame, asked_ns=time.monotonic_ns())


def check_policy(policy: str, unsure: float) -> None:
    """Raises InputError if there is no such policy, or `unsure` is no probability."""
    if policy not in POLICIES:
        raise InputError(f"unknown sight {policy!r}: choose one of {', '.join(POLICIES)}")
    if not 0 <= unsure <= 1:
        raise InputError(f"unsure must be a probability from 0 to 1, not {unsure}")
