"""What there is: how many, whether there is one, all of it."""

from roboego.data.grounded.asked import ABSENT, Asked, ask, yes_or_no
from roboego.data.grounded.view import View, listed
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Rng, chance, patterns, pick
from roboego.data.talk.intents.base import others
from roboego.data.talk.lexicon import COLORS, NUMBERS, SHAPES, SHAPES_MANY, SIZES, with_article
from roboego.sim.things import Thing

MANY = dict(zip(SHAPES, SHAPES_MANY, strict=True))
SEE = "(do you see|can you see|do you have)"
_COUNT = patterns(
    "how many {things} are there [now]?",
    f"how many {{things}} {SEE}?",
    "how many {things} are on the table?",
    "(can|could) you count the {things} [for me]?",
    "count the {things}.",
    "what is the number of {things} [on the table]?",
)
_COUNT_REPLY = patterns("there are {number} {things}.", "i see {number} {things}.", "i count {number} {things}.")
_COUNT_ONE = patterns("there is one {thing}.", "i see one {thing}.")
_COUNT_NONE = patterns("there are no {things}.", "i see no {things}.")


def count(rng: Rng, view: View) -> Asked | None:
    roll = rng.random()
    if roll < 0.35:
        many = pick(rng, ("things", "objects"))
        one, counted = many[:-1], list(range(len(view)))
    elif roll < 0.7:
        kind = pick(rng, SHAPES) if not len(view) or chance(rng, 0.2) else pick(rng, view.things).thing.shape
        one, many, counted = kind, MANY[kind], [i for i, p in enumerate(view.things) if p.thing.shape == kind]
    else:
        hue = pick(rng, COLORS) if not len(view) or chance(rng, 0.2) else pick(rng, view.things).thing.color
        one, many, counted = f"{hue} thing", f"{hue} things", [i for i, p in enumerate(view.things) if p.thing.color == hue]
    number = len(counted)
    reply = _COUNT_NONE if number == 0 else _COUNT_ONE if number == 1 else _COUNT_REPLY
    ego = pick(rng, reply).sample(rng, {"number": NUMBERS[number], "things": many, "thing": one})
    said = ("no", "zero", "nothing", "not any") if number == 0 else (NUMBERS[number],)
    answer = Answer(all_of=(said,), none_of=others(NUMBERS[:11], *said))
    about = (*counted, ABSENT)  # how much of a glance finds nothing tells how many there are
    return Asked(topic="count", user=ask(rng, _COUNT, {"things": many}), ego=ego, answer=answer, about=about)


_EXISTS = patterns(
    "is there {a} [on the table]?", f"{SEE} {{a}} [anywhere]?", "is {a} on the table?", "are there any {many} [on the table]?"
)
_EXISTS_YES = patterns("yes, there is {a}.", "yes, i see {a}.")
_EXISTS_NO = patterns("no, there is no {name}.", "no, i do not see {a}.")


def existence(rng: Rng, view: View) -> Asked | None:
    there = chance(rng, 0.5) and len(view) > 0
    parts = _parts(pick(rng, view.things).thing) if there else absent(rng, view)
    if parts is None:
        return None
    keep = [chance(rng, 0.35), chance(rng, 0.75), True]
    words = [w for w, kept in zip(parts, keep, strict=True) if kept] if there else [w for w in parts if w]
    name = " ".join(words)
    plural = " ".join([*words[:-1], MANY[words[-1]]])
    user = ask(rng, _EXISTS, {"a": with_article(name), "many": plural})
    ego = pick(rng, _EXISTS_YES if there else _EXISTS_NO).sample(rng, {"a": with_article(name), "name": name})
    about = tuple(i for i, p in enumerate(view.things) if set(words) <= set(_parts(p.thing)))
    return Asked(topic="existence", user=user, ego=ego, answer=yes_or_no(there), about=about or (ABSENT,))


def _parts(thing: Thing) -> tuple[str, str, str]:
    return thing.size, thing.color, thing.shape


def absent(rng: Rng, view: View) -> tuple[str, str, str] | None:
    """Words for a thing that is not there, often nearly one that is; a word may be empty."""
    for _ in range(30):
        near = (
            list(_parts(pick(rng, view.things).thing))
            if len(view) and chance(rng, 0.7)
            else [pick(rng, SIZES), pick(rng, COLORS), pick(rng, SHAPES)]
        )
        which = int(rng.integers(3))
        near[which] = pick(rng, (SIZES, COLORS, SHAPES)[which])
        if chance(rng, 0.65):
            near[0] = ""
        if near[0] == "" and chance(rng, 0.2):
            near[1] = ""
        wanted = [w for w in near if w]
        if not any(set(wanted) <= set(_parts(p.thing)) for p in view.things):
            return near[0], near[1], near[2]
    return None


_DESCRIBE = patterns(
    "(describe|look at) the table [for me].",
    "tell me what (is on the table|you see) [now].",
    "what do you see [now|on the table]?",
    "what is on the table [now]?",
    "(can|could) you describe (the table|what you see|everything you see)?",
)


def describe(rng: Rng, view: View) -> Asked:
    user = ask(rng, _DESCRIBE, {})
    if not len(view):
        answer = Answer(all_of=(("empty", "nothing"),))
        return Asked(topic="describe", user=user, ego="the table is empty.", answer=answer, kind="request")
    order = sorted(range(len(view)), key=lambda i: view.things[i].x)
    names = [with_article(f"{view.things[i].thing.color} {view.things[i].thing.shape}") for i in order]
    ego = f"from left to right i see {listed(names)}."
    answer = Answer(all_of=tuple((name.split(" ", 1)[1],) for name in names), in_order=False)
    return Asked(topic="describe", user=user, ego=ego, answer=answer, about=tuple(order), kind="request")
