"""A question about a scene, and what its kinds have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import Kind
from roboego.data.talk.grammar import Pattern, Rng, Slots, pick

ABSENT = -1
"""The place of a thing that is not in the scene."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question and its answer, not yet dressed up.

    Attributes:
        topic: what kind of question it is.
        brief: the shortest answer, where that is more than what the answer has to contain.
        about: the things that have to be looked at for the answer, by their place in the scene; `ABSENT` alone where none is there,
            and beside those that are counted.
    """

    topic: str
    user: str
    ego: str
    answer: Answer
    brief: str = ""
    about: tuple[int, ...] = ()
    kind: Kind = "question"


Ask = Callable[[Rng, View], Asked | None]
"""Draws a question of a kind; None where the scene has nothing to ask about."""


def ask(rng: Rng, options: Sequence[Pattern], slots: Slots) -> str:
    return pick(rng, options, [p.weight for p in options]).sample(rng, slots)


def some(rng: Rng, view: View) -> int | None:
    """A thing that has a name of its own."""
    named = [i for i, names in enumerate(view.names) if names]
    return pick(rng, named) if named else None


def yes_or_no(said: bool, *true: str, wrong: Sequence[str] = ()) -> Answer:
    return Answer(all_of=(("yes" if said else "no",), *((t,) for t in true)), none_of=("no" if said else "yes", *wrong))


def verdict(said: bool) -> str:
    """How a reply ends that tells first what is seen: the verdict follows from that, and need not be guessed before it is said."""
    return "so yes" if said else "so no"
