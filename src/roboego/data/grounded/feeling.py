"""Questions about what the hand feels, with the answers that are true of it."""

from collections.abc import Callable
from dataclasses import dataclass

from roboego.data.grounded.asked import Asked, ask, yes_or_no
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Rng, patterns, pick
from roboego.data.talk.lexicon import with_article


@dataclass(frozen=True, kw_only=True)
class Felt:
    """What the hand has to do with the things of a scene.

    Attributes:
        held: the thing that it holds, by its place in the scene; None: none.
        touched: whether it has touched the thing that it was asked to touch, or to point at; None: it was asked for nothing of the kind.
    """

    held: int | None = None
    touched: bool | None = None


_HOLDING = patterns(
    "are you holding (something|anything) [now|in your hand]?",
    "do you (hold|have) (something|anything) [in your hand|between your fingers]?",
    "is there (something|anything) (in your hand|between your fingers)?", "is your hand (empty|free) [now]?",
)  # fmt: skip
_HOLDING_WHAT = patterns(
    "what are you holding [now|in your hand]?", "what do you (hold|have) in your hand?", "what is (in your hand|between your fingers)?",
    "which thing are you holding?",
)  # fmt: skip
_SOFT = patterns(
    "is it (hard or soft|soft or hard)?", "is it (soft|hard)?",
    "does it feel (hard or soft|soft or hard)?", "how does it feel, hard or soft?",
    "is the thing in your hand (hard or soft|soft or hard)?", "tell me if it is (hard|soft).",
)  # fmt: skip
_HEAVY = patterns(
    "is it (heavy or light|light or heavy)?", "is it (heavy|light)?", "does it feel (heavy or light|light or heavy)?", "how heavy is it?",
    "is the thing in your hand (heavy or light|light or heavy)?", "tell me if it is (heavy|light).",
)  # fmt: skip
_TOUCHED = patterns(
    "did you touch it?", "have you touched it?", "did you (really|just) touch it?", "did your hand touch it?", "are you touching it?"
)
_NOTHING = patterns("i am holding nothing.", "no, my hand is empty.", "i do not hold anything.")


def _holding(rng: Rng, view: View, felt: Felt) -> Asked | None:
    user = ask(rng, _HOLDING, {})
    asks_empty = "empty" in user or "free" in user
    if felt.held is None:
        ego = "yes, my hand is empty." if asks_empty else pick(rng, ("no, i am holding nothing.", "no, my hand is empty."))
        return Asked(topic="holding", user=user, ego=ego, answer=Answer(all_of=(("nothing", "empty"),), none_of=("i am holding a",)))
    thing = view.things[felt.held].thing
    named = with_article(f"{thing.color} {thing.shape}")
    ego = f"{'no' if asks_empty else 'yes'}, i am holding {named}."
    return Asked(topic="holding", user=user, ego=ego, answer=yes_or_no(not asks_empty), about=(felt.held,))


def _holding_what(rng: Rng, view: View, felt: Felt) -> Asked | None:
    user = ask(rng, _HOLDING_WHAT, {})
    if felt.held is None:
        return Asked(
            topic="holding",
            user=user,
            ego=pick(rng, _NOTHING).sample(rng),
            answer=Answer(all_of=(("nothing", "empty", "not hold anything"),)),
        )
    thing = view.things[felt.held].thing
    ego = f"i am holding {with_article(f'{thing.color} {thing.shape}')}."
    return Asked(topic="holding", user=user, ego=ego, answer=Answer(all_of=((f"{thing.color} {thing.shape}",),)), about=(felt.held,))


def _soft(rng: Rng, view: View, felt: Felt) -> Asked | None:
    return _either(rng, view, felt, "soft", ("soft", "hard"), ask(rng, _SOFT, {}))


def _heavy(rng: Rng, view: View, felt: Felt) -> Asked | None:
    return _either(rng, view, felt, "heavy", ("heavy", "light"), ask(rng, _HEAVY, {}))


def _either(rng: Rng, view: View, felt: Felt, topic: str, words: tuple[str, str], user: str) -> Asked | None:
    if felt.held is None:
        return None
    is_first = bool(getattr(view.things[felt.held].thing, topic))
    true, false = words if is_first else words[::-1]
    ego = pick(rng, (f"it is {true}.", f"it feels {true}."))
    return Asked(
        topic=topic, user=user, ego=ego, answer=Answer(all_of=((true,),), none_of=(f"is {false}", f"feels {false}")), about=(felt.held,)
    )


def _touched(rng: Rng, view: View, felt: Felt) -> Asked | None:
    if felt.touched is None:
        return None
    ego = pick(rng, ("yes, i touched it.", "yes, i did.")) if felt.touched else pick(rng, ("no, i did not touch it.", "no, i did not."))
    return Asked(topic="touched", user=ask(rng, _TOUCHED, {}), ego=ego, answer=yes_or_no(felt.touched))


Feel = Callable[[Rng, View, Felt], Asked | None]
TOPICS: dict[str, tuple[Feel, ...]] = {"holding": (_holding, _holding_what), "soft": (_soft,), "heavy": (_heavy,), "touched": (_touched,)}
"""Kinds of question by topic."""


def ask_what_is_felt(rng: Rng, view: View, felt: Felt, topic: str | None = None) -> Asked | None:
    """A question about what is felt, of a topic or of any; None where there is nothing to ask."""
    kinds = [pick(rng, group) for name, group in TOPICS.items() if topic in (None, name)]
    found = [asked for kind in kinds if (asked := kind(rng, view, felt)) is not None]
    return pick(rng, found) if found else None
