"""Questions about what is seen, with the answers that are true of a scene; none where a scene has nothing to ask about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roboego.data.grounded.view import OPPOSITE, PLACES, RELATIONS, View, full_name, listed
from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import Kind
from roboego.data.talk.grammar import Pattern, Rng, Slots, chance, patterns, pick
from roboego.data.talk.intents.base import others
from roboego.data.talk.lexicon import COLORS, NUMBERS, SHAPES, SHAPES_MANY, SIZES, with_article
from roboego.sim.things import Thing


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question and its answer, not yet dressed up.

    Attributes:
        topic: what kind of question it is.
        about: the things that it names, by their place in the scene.
    """

    topic: str
    user: str
    ego: str
    answer: Answer
    about: tuple[int, ...] = ()
    kind: Kind = "question"


Ask = Callable[[Rng, View], Asked | None]
MANY = dict(zip(SHAPES, SHAPES_MANY, strict=True))
SEE = "(do you see|can you see|do you have)"
_REL = {
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "in front of": ("in front of",),
    "behind": ("behind",),
    "next to": ("next to", "near"),
    "on top of": ("on top of", "on"),
    "inside": ("inside", "in"),
}
"""How a relation is said, the plainest way first."""
_AT = {
    "left": ("on the left", "on the left side"),
    "right": ("on the right", "on the right side"),
    "front": ("in front", "at the front", "in the front"),
    "back": ("at the back", "in the back", "at the back of the table"),
    "middle": ("in the middle", "in the middle of the table"),
}
"""How a place is said, the plainest way first."""


def _ask(rng: Rng, options: Sequence[Pattern], slots: Slots) -> str:
    return pick(rng, options, [p.weight for p in options]).sample(rng, slots)


def _some(rng: Rng, view: View) -> int | None:
    """A thing that has a name of its own."""
    named = [i for i, names in enumerate(view.names) if names]
    return pick(rng, named) if named else None


def _yes(said: bool, *true: str, wrong: Sequence[str] = ()) -> Answer:
    return Answer(all_of=(("yes" if said else "no",), *((t,) for t in true)), none_of=("no" if said else "yes", *wrong))


_COLOR = patterns(
    "what color is {the}?", "which color (is|has) {the}?", "(what is|what's) the color of {the}?", "what color does {the} have?"
)
_COLOR_YES = patterns("is {the} {color}?", "is {the} {color} or not?", "is it true that {the} is {color}?")
_COLOR_OR = patterns("is {the} {color} or {other}?")
_COLOR_REPLY = patterns("{the} is {color}.", "it is {color}.", "its color is {color}.")


def color(rng: Rng, view: View) -> Asked | None:
    options = [i for i in range(len(view)) if any(view.things[i].thing.color not in n for n in view.names[i])]
    if not options:
        return None
    i = pick(rng, options)
    thing = view.things[i].thing
    the = f"the {pick(rng, [n for n in view.names[i] if thing.color not in n])}"
    wrong = pick(rng, others(COLORS, thing.color))
    roll = rng.random()
    if roll < 0.25:
        true = chance(rng, 0.5)
        asked = thing.color if true else wrong
        ego = f"yes, {the} is {thing.color}." if true else f"no, {the} is {thing.color}."
        answer = _yes(true, *(() if true else (thing.color,)), wrong=() if true else (f"is {wrong}",))
        return Asked(topic="color", user=_ask(rng, _COLOR_YES, {"the": the, "color": asked}), ego=ego, answer=answer, about=(i,))
    pair = (thing.color, wrong) if chance(rng, 0.5) else (wrong, thing.color)
    user = _ask(rng, _COLOR_OR, {"the": the, "color": pair[0], "other": pair[1]}) if roll < 0.35 else _ask(rng, _COLOR, {"the": the})
    ego = pick(rng, _COLOR_REPLY).sample(rng, {"the": the, "color": thing.color})
    return Asked(
        topic="color", user=user, ego=ego, answer=Answer(all_of=((thing.color,),), none_of=others(COLORS, thing.color)), about=(i,)
    )


_SHAPE = patterns(
    "what shape is the {color} (thing|one|object)?", "what is the {color} (thing|one|object)?", "what kind of thing is the {color} one?"
)
_SHAPE_OR = patterns("is the {color} (thing|one) a {a} or a {b}?")
_SHAPE_REPLY = patterns("the {color} one is a {shape}.", "it is a {shape}.", "that is a {shape}.")


def shape(rng: Rng, view: View) -> Asked | None:
    colors = [p.thing.color for p in view.things]
    options = [i for i, c in enumerate(colors) if colors.count(c) == 1]
    if not options:
        return None
    i = pick(rng, options)
    thing = view.things[i].thing
    if chance(rng, 0.25):
        pair = [thing.shape, pick(rng, others(SHAPES, thing.shape))]
        a, b = pair if chance(rng, 0.5) else pair[::-1]
        user = _ask(rng, _SHAPE_OR, {"color": thing.color, "a": a, "b": b})
    else:
        user = _ask(rng, _SHAPE, {"color": thing.color})
    ego = pick(rng, _SHAPE_REPLY).sample(rng, {"color": thing.color, "shape": thing.shape})
    return Asked(
        topic="shape", user=user, ego=ego, answer=Answer(all_of=((thing.shape,),), none_of=others(SHAPES, thing.shape)), about=(i,)
    )


_SIZE = patterns("is {the} big or small?", "how big is {the}?", "what size is {the}?", "is {the} a big one or a small one?")
_SIZE_YES = patterns("is {the} {size}?", "is {the} a {size} one?")
_SIZE_REPLY = patterns("{the} is {size}.", "it is {size}.", "it is a {size} {shape}.")


def size(rng: Rng, view: View) -> Asked | None:
    options = [i for i in range(len(view)) if any(view.things[i].thing.size not in n for n in view.names[i])]
    if not options:
        return None
    i = pick(rng, options)
    thing = view.things[i].thing
    the = f"the {pick(rng, [n for n in view.names[i] if thing.size not in n])}"
    other = others(SIZES, thing.size)[0]
    if chance(rng, 0.3):
        true = chance(rng, 0.5)
        user = _ask(rng, _SIZE_YES, {"the": the, "size": thing.size if true else other})
        ego = f"{'yes' if true else 'no'}, {the} is {thing.size}."
        return Asked(topic="size", user=user, ego=ego, answer=_yes(true, wrong=(other,)), about=(i,))
    ego = pick(rng, _SIZE_REPLY).sample(rng, {"the": the, "size": thing.size, "shape": thing.shape})
    answer = Answer(all_of=((thing.size,),), none_of=(other,))
    return Asked(topic="size", user=_ask(rng, _SIZE, {"the": the}), ego=ego, answer=answer, about=(i,))


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
        one, many, number = "thing", pick(rng, ("things", "objects")), len(view)
        one = many[:-1]
    elif roll < 0.7:
        kind = pick(rng, SHAPES) if not len(view) or chance(rng, 0.2) else pick(rng, view.things).thing.shape
        one, many, number = kind, MANY[kind], view.count(kind)
    else:
        hue = pick(rng, COLORS) if not len(view) or chance(rng, 0.2) else pick(rng, view.things).thing.color
        one, many, number = f"{hue} thing", f"{hue} things", sum(p.thing.color == hue for p in view.things)
    reply = _COUNT_NONE if number == 0 else _COUNT_ONE if number == 1 else _COUNT_REPLY
    ego = pick(rng, reply).sample(rng, {"number": NUMBERS[number], "things": many, "thing": one})
    said = ("no", "zero", "nothing", "not any") if number == 0 else (NUMBERS[number],)
    answer = Answer(all_of=(said,), none_of=others(NUMBERS[:11], *said))
    return Asked(topic="count", user=_ask(rng, _COUNT, {"things": many}), ego=ego, answer=answer)


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
    user = _ask(rng, _EXISTS, {"a": with_article(name), "many": plural})
    ego = pick(rng, _EXISTS_YES if there else _EXISTS_NO).sample(rng, {"a": with_article(name), "name": name})
    return Asked(topic="existence", user=user, ego=ego, answer=_yes(there))


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


_RELATED = patterns("is {the} {rel} {other}?", "is {the} {rel} {other} or not?")
_RELATED_YES = patterns("yes, {the} is {rel} {other}.", "yes, it is {rel} {other}.")
_RELATED_NO = patterns("no, {the} is not {rel} {other}.", "no, it is not {rel} {other}.")
_RELATED_BUT = patterns("no, {the} is {true} {other}.", "no, it is {true} {other}.")
_WHAT = patterns(
    "what is {rel} {the}?", "what (do you see|stands) {rel} {the}?", "which thing is {rel} {the}?", "is there anything {rel} {the}?"
)
_WHAT_REPLY = patterns("{a} is {rel} {the}.", "{a} is {rel} it.", "that is {a}.")


def relation(rng: Rng, view: View) -> Asked | None:
    named = [(i, j) for i, j in view.pairs() if view.names[i] and view.names[j]]
    if not named:
        return None
    return _relation_of(rng, view, named) if chance(rng, 0.5) else _what_is(rng, view)


def _relation_of(rng: Rng, view: View, named: Sequence[tuple[int, int]]) -> Asked | None:
    told = [(i, r, j, view.holds(i, r, j)) for i, j in named for r in RELATIONS if view.holds(i, r, j) is not None]
    true, false = ([t for t in told if t[3] is value] for value in (True, False))
    options = true if true and (not false or chance(rng, 0.5)) else false
    if not options:
        return None
    rare = [t for t in options if t[1] in ("next to", "on top of", "inside")]
    i, rel, j, holds = pick(rng, rare if rare and chance(rng, 0.35) else options)
    the, other = view.called(rng, i), view.called(rng, j)
    slots: Slots = {"the": the, "other": other, "rel": pick(rng, _REL[rel])}
    user = _ask(rng, _RELATED, slots)
    if holds:
        return Asked(
            topic="relation", user=user, ego=pick(rng, _RELATED_YES).sample(rng, {**slots, "rel": rel}), answer=_yes(True), about=(i, j)
        )
    if rel in OPPOSITE:
        ego = pick(rng, _RELATED_BUT).sample(rng, {**slots, "true": OPPOSITE[rel]})
    else:
        ego = pick(rng, _RELATED_NO).sample(rng, {**slots, "rel": rel})
    return Asked(topic="relation", user=user, ego=ego, answer=_yes(False), about=(i, j))


def _what_is(rng: Rng, view: View) -> Asked | None:
    """What is in a relation to a thing, where that is one thing alone."""
    found = [
        (r, j, near)
        for j in range(len(view))
        for r in RELATIONS
        if view.names[j] and (near := view.related(r, j)) is not None and len(near) == 1
    ]
    if not found:
        return None
    rare = [f for f in found if f[0] in ("next to", "on top of", "inside")]
    rel, j, (i,) = pick(rng, rare if rare and chance(rng, 0.5) else found)
    thing = view.things[i].thing
    the = view.called(rng, j)
    short = with_article(f"{thing.color} {thing.shape}")
    user = _ask(rng, _WHAT, {"rel": pick(rng, _REL[rel]), "the": the})
    ego = pick(rng, _WHAT_REPLY).sample(rng, {"a": pick(rng, (short, full_name(thing))), "rel": rel, "the": the})
    return Asked(topic="relation", user=user, ego=ego, answer=Answer(all_of=((thing.shape,), (thing.color,))), about=(i, j))


_PLACE = patterns("where is {the} [now]?", "where (do you see|can i find) {the}?", "on which side is {the}?", "in which place is {the}?")
_PLACE_YES = patterns("is {the} {place}?", "(do|can) you see {the} {place}?")


def place(rng: Rng, view: View) -> Asked | None:
    options = [i for i in range(len(view)) if view.names[i] and view.where(i)]
    if not options:
        return None
    i = pick(rng, options)
    the, where = view.called(rng, i), view.where(i)
    if chance(rng, 0.35):
        asked = pick(rng, PLACES if "middle" not in where else ("left", "right", "middle"))
        at = view.at(asked)
        if at is None:
            return None
        true = i in at
        true_place = pick(rng, where)
        ego = f"yes, {the} is {_AT[asked][0]}." if true else f"no, {the} is {_AT[true_place][0]}."
        user = _ask(rng, _PLACE_YES, {"the": the, "place": pick(rng, _AT[asked])})
        return Asked(topic="place", user=user, ego=ego, answer=_yes(true), about=(i,))
    opposite = {"left": "right", "right": "left", "front": "back", "back": "front"}
    said = _AT[where[0]][0] if len(where) == 1 else f"{_AT[where[0]][0]} {_AT[where[1]][0]}"
    answer = Answer(all_of=tuple((w,) for w in where[:1]), none_of=tuple(opposite[w] for w in where if w in opposite))
    return Asked(topic="place", user=_ask(rng, _PLACE, {"the": the}), ego=f"{pick(rng, (the, 'it'))} is {said}.", answer=answer, about=(i,))


_AT_PLACE = patterns("what is {place}?", "what do you see {place}?", "which things are {place}?", "tell me what is {place}.")


def at_place(rng: Rng, view: View) -> Asked | None:
    """What is at a place where there are one or two things, or nothing."""
    told = [(p, found) for p in PLACES if (found := view.at(p)) is not None and len(found) <= 2]
    if not told:
        return None
    where, found = pick(rng, told)
    user = _ask(rng, _AT_PLACE, {"place": pick(rng, _AT[where])})
    if not found:
        return Asked(topic="place", user=user, ego=f"there is nothing {_AT[where][0]}.", answer=Answer(all_of=(("nothing", "no"),)))
    things = [view.things[i].thing for i in found]
    ego = f"{pick(rng, ('i see ', 'there is '))}{listed([with_article(f'{t.color} {t.shape}') for t in things])}."
    answer = Answer(all_of=tuple((f"{t.color} {t.shape}",) for t in things))
    return Asked(topic="place", user=user, ego=ego, answer=answer, about=tuple(found))


_BIGGER = patterns("which (is|one is) {more}, {a} or {b}?", "what is {more}, {a} or {b}?")
_BIGGER_YES = patterns("is {a} {more} than {b}?")


def bigger(rng: Rng, view: View) -> Asked | None:
    """Which of two things is bigger: of the same shape, so that their sizes say it."""
    pairs = [(i, j) for i, j in view.pairs() if view.names[i] and view.names[j]]
    pairs = [
        (i, j)
        for i, j in pairs
        if view.things[i].thing.shape == view.things[j].thing.shape and view.things[i].thing.size != view.things[j].thing.size
    ]
    if not pairs:
        return None
    i, j = pick(rng, pairs)
    a, b = view.called(rng, i), view.called(rng, j)
    more, wanted = pick(rng, (("bigger", "big"), ("smaller", "small")))
    is_a = view.things[i].thing.size == wanted
    if chance(rng, 0.4):
        ego = f"{'yes' if is_a else 'no'}, {a if is_a else b} is {more}."
        return Asked(topic="size", user=_ask(rng, _BIGGER_YES, {"a": a, "b": b, "more": more}), ego=ego, answer=_yes(is_a), about=(i, j))
    one, other = (i, j) if is_a else (j, i)
    true, false = view.things[one].thing, view.things[other].thing
    named = (a, b) if is_a else (b, a)
    differs = true.color if true.color != false.color else true.size
    answer = Answer(all_of=((differs,),), none_of=(false.color,) if true.color != false.color else ())
    user = _ask(rng, _BIGGER, {"a": a, "b": b, "more": more})
    return Asked(topic="size", user=user, ego=f"{_full(named[0], true)} is {more}.", answer=answer, about=(i, j))


def _full(name: str, thing: Thing) -> str:
    return name if thing.color in name else f"the {thing.color} {thing.shape}"


_MOST = patterns("what is the {most} (thing|object)?", "which (thing|object) is the {most} one?", "which (thing|object) is {far}?")


def outermost(rng: Rng, view: View) -> Asked | None:
    """The leftmost or rightmost thing, where it is clearly that."""
    side = pick(rng, ("left", "right"))
    order = sorted(range(len(view)), key=lambda i: view.things[i].x if side == "left" else -view.things[i].x)
    if len(order) < 2 or abs(view.things[order[0]].x - view.things[order[1]].x) < 0.03:
        return None
    thing = view.things[order[0]].thing
    user = _ask(rng, _MOST, {"most": f"{side}most", "far": f"on the far {side}"})
    ego = pick(rng, (f"the {side}most thing is the {thing.color} {thing.shape}.", f"that is the {thing.color} {thing.shape}."))
    return Asked(topic="place", user=user, ego=ego, answer=Answer(all_of=((f"{thing.color} {thing.shape}",),)), about=(order[0],))


_SAME = patterns(
    "what has the same color as {the}?", "does anything have the same color as {the}?", "which things have the same color as {the}?"
)


def same_color(rng: Rng, view: View) -> Asked | None:
    i = _some(rng, view)
    if i is None:
        return None
    alike = [p.thing for j, p in enumerate(view.things) if j != i and p.thing.color == view.things[i].thing.color]
    user = _ask(rng, _SAME, {"the": view.called(rng, i)})
    if not alike:
        answer = Answer(all_of=(("nothing", "no"),))
        return Asked(topic="color", user=user, ego="nothing has the same color.", answer=answer, about=(i,))
    ego = f"{listed([f'the {t.size} {t.shape}' for t in alike])} {'has' if len(alike) == 1 else 'have'} the same color."
    return Asked(topic="color", user=user, ego=ego, answer=Answer(all_of=tuple((t.shape,) for t in alike)), about=(i,))


_DESCRIBE = patterns(
    "(describe|look at) the table [for me].",
    "tell me what (is on the table|you see) [now].",
    "what do you see [now|on the table]?",
    "what is on the table [now]?",
    "(can|could) you describe (the table|what you see|everything you see)?",
)


def describe(rng: Rng, view: View) -> Asked:
    user = _ask(rng, _DESCRIBE, {})
    if not len(view):
        answer = Answer(all_of=(("empty", "nothing"),))
        return Asked(topic="describe", user=user, ego="the table is empty.", answer=answer, kind="request")
    order = sorted(range(len(view)), key=lambda i: view.things[i].x)
    names = [with_article(f"{view.things[i].thing.color} {view.things[i].thing.shape}") for i in order]
    ego = f"from left to right i see {listed(names)}."
    answer = Answer(all_of=tuple((name.split(" ", 1)[1],) for name in names), in_order=False)
    return Asked(topic="describe", user=user, ego=ego, answer=answer, about=tuple(order), kind="request")


_LABEL = patterns(
    "(read|can you read) the label [on {the}].",
    "what does the label [on {the}] say?",
    "what is (written|printed) on {the}?",
    "which (letter|letters|digit|number) (is|are) on {the}?",
    "what does {the} say?",
)
_LABEL_REPLY = patterns("the label says {label}.", "i read {label}.", "it says {label}.")


def label(rng: Rng, view: View) -> Asked | None:
    """What is printed on a thing: letter by letter, digits as words."""
    options = [i for i, p in enumerate(view.things) if p.thing.label and view.names[i]]
    if not options:
        return None
    i = pick(rng, options)
    spelled = [NUMBERS[int(c)] if c.isdigit() else c for c in view.things[i].thing.label]
    user = _ask(rng, _LABEL, {"the": view.called(rng, i)}).replace("letters is", "letters are").replace("letter are", "letter is")
    ego = pick(rng, _LABEL_REPLY).sample(rng, {"label": ", ".join(spelled)})
    return Asked(topic="label", user=user, ego=ego, answer=Answer(all_of=((" ".join(spelled),),)), about=(i,))


TOPICS: dict[str, tuple[tuple[Ask, float], ...]] = {
    "color": ((color, 3.0), (same_color, 0.6)),
    "shape": ((shape, 2.5),),
    "size": ((size, 1.0), (bigger, 0.8)),
    "count": ((count, 2.5),),
    "existence": ((existence, 2.5),),
    "relation": ((relation, 3.0),),
    "place": ((place, 1.5), (at_place, 1.0), (outermost, 0.8)),
    "describe": ((describe, 0.8),),
    "label": ((label, 1.5),),
}
"""Kinds of question by topic, with how often they come up."""


def ask_about(rng: Rng, view: View, topic: str | None = None, tries: int = 20) -> Asked | None:
    """A question about a scene, of a topic or of any; None where the scene has nothing to ask about."""
    kinds = [k for name, group in TOPICS.items() if topic in (None, name) for k in group]
    for _ in range(tries):
        asked = pick(rng, [k for k, _ in kinds], [w for _, w in kinds])(rng, view)
        if asked is not None:
            return asked
    return None
