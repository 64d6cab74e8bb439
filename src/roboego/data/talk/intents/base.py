"""What an intent is: ways to ask, ways to answer, and what makes an answer right in the context of the conversation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roboego.data.talk.answer import Answer, Calling, Manner
from roboego.data.talk.dressing import Kind, say
from roboego.data.talk.grammar import NO_SLOTS, Pattern, Rng, Slots, pick
from roboego.streams.calls import Function

KNOW: Slots = {
    "know": Pattern("(can|could|would|will) you [please] tell me|do you know|i want to know|i'd like to know|please tell me|tell me")
}
"""Ways to begin an indirect question."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a conversation knows so far.

    Attributes:
        name: what the user is called.
        kept: what Ego was asked to remember, as Ego says it.
        last: Ego's last answer, without the words that only introduced a repetition.
        last_answer: what made it right.
        functions: what Ego may call.
    """

    name: str | None = None
    kept: str | None = None
    last: str | None = None
    last_answer: Answer | None = None
    functions: tuple[Function, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Move:
    """A turn as an intent proposes it, with what it adds to the context (None: nothing new).

    Attributes:
        base: the part of `ego` that "say that again" repeats, if not all of it.
        passing: "say that again" repeats what was said before it.
        call: what Ego calls before it replies.
        ends: the length of a timer that was set, which will end.
    """

    user: str
    ego: str
    answer: Answer
    manner: Manner = "plain"
    name: str | None = None
    kept: str | None = None
    base: str | None = None
    passing: bool = False
    call: Calling | None = None
    ends: str | None = None


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One kind of thing that a user wants.

    Attributes:
        ask: all patterns of what the user says.
        reply: all patterns of what Ego answers.
        move: draws a turn.
        weight: how often it comes up, relative to the others.
        needs: another intent that should have come before in a conversation.
        slots: everything that can stand in the slots, for the vocabulary.
    """

    name: str
    ask: tuple[Pattern, ...]
    reply: tuple[Pattern, ...]
    move: Callable[[Rng, Context], Move]
    weight: float = 1.0
    needs: str | None = None
    slots: Slots

    @property
    def forms(self) -> int:
        """Ways to ask, whatever stands in the slots and before dressing."""
        return sum(p.forms() for p in self.ask)


def reply(rng: Rng, options: Sequence[Pattern], slots: Slots = NO_SLOTS) -> str:
    """Ego's sentence from one of the patterns."""
    return pick(rng, options).sample(rng, slots)


def others(everything: Sequence[str], *but: str) -> tuple[str, ...]:
    return tuple(e for e in everything if e not in but)


def fixed(
    name: str,
    ask: tuple[Pattern, ...],
    answers: tuple[Pattern, ...],
    answer: Answer,
    *,
    kind: Kind = "question",
    slots: Slots = NO_SLOTS,
    weight: float = 0.8,
) -> Intent:
    """An intent whose right answer is always the same."""

    def move(rng: Rng, context: Context) -> Move:
        return Move(user=say(rng, ask, kind, slots), ego=reply(rng, answers), answer=answer)

    return Intent(name=name, ask=ask, reply=answers, move=move, slots=slots, weight=weight)
