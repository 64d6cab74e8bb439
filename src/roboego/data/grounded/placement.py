"""Where things are: their places, and their relations to each other."""

from collections.abc import Sequence

from roboego.data.grounded.asked import Asked, ask, verdict, yes_or_no
from roboego.data.grounded.view import OPPOSITE, PLACES, RELATIONS, View, full_name, listed
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Rng, Slots, chance, patterns, pick
from roboego.data.talk.lexicon import with_article

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
OPPOSITE_SIDE = {"left": "right", "right": "left", "front": "back", "back": "front"}


_RELATED = patterns("is {the} {rel} {other}?", "is {the} {rel} {other} or not?")
_RELATED_YES = patterns("{the} is {rel} {other}, so yes.", "it is {rel} {other}, so yes.")
_RELATED_NO = patterns("{the} is not {rel} {other}, so no.", "it is not {rel} {other}, so no.")
_RELATED_BUT = patterns("{the} is {true} {other}, so no.", "it is {true} {other}, so no.")
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
    user = ask(rng, _RELATED, slots)
    if holds:
        return Asked(
            topic="relation",
            user=user,
            ego=pick(rng, _RELATED_YES).sample(rng, {**slots, "rel": rel}),
            answer=yes_or_no(True),
            brief=f"{rel} it, {verdict(True)}.",
            about=(i, j),
        )
    if rel in OPPOSITE:
        ego, brief = pick(rng, _RELATED_BUT).sample(rng, {**slots, "true": OPPOSITE[rel]}), f"{OPPOSITE[rel]} it, {verdict(False)}."
    else:
        ego, brief = pick(rng, _RELATED_NO).sample(rng, {**slots, "rel": rel}), f"not {rel} it, {verdict(False)}."
    return Asked(topic="relation", user=user, ego=ego, answer=yes_or_no(False), brief=brief, about=(i, j))


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
    user = ask(rng, _WHAT, {"rel": pick(rng, _REL[rel]), "the": the})
    ego = pick(rng, _WHAT_REPLY).sample(rng, {"a": pick(rng, (short, full_name(thing))), "rel": rel, "the": the})
    return Asked(topic="relation", user=user, ego=ego, answer=Answer(all_of=((thing.shape,), (thing.color,))), about=(i, j))


def said_place(where: Sequence[str]) -> str:
    """ "on the left in front": how the places of a thing are said; "" where there is none."""
    return " ".join(_AT[place][0] for place in where)


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
        told = asked if true else OPPOSITE_SIDE[asked] if OPPOSITE_SIDE.get(asked) in where else pick(rng, where)
        ego, brief = f"{pick(rng, (the, 'it'))} is {_AT[told][0]}, {verdict(true)}.", f"{_AT[told][0]}, {verdict(true)}."
        user = ask(rng, _PLACE_YES, {"the": the, "place": pick(rng, _AT[asked])})
        return Asked(topic="place", user=user, ego=ego, answer=yes_or_no(true), brief=brief, about=(i,))
    opposite = tuple(OPPOSITE_SIDE[w] for w in where if w in OPPOSITE_SIDE)
    answer = Answer(all_of=tuple((w,) for w in where[:1]), none_of=opposite)
    return Asked(
        topic="place",
        user=ask(rng, _PLACE, {"the": the}),
        ego=f"{pick(rng, (the, 'it'))} is {said_place(where)}.",
        answer=answer,
        about=(i,),
    )


_AT_PLACE = patterns("what is {place}?", "what do you see {place}?", "which things are {place}?", "tell me what is {place}.")


def at_place(rng: Rng, view: View) -> Asked | None:
    """What is at a place where there are one or two things, or nothing."""
    told = [(p, found) for p in PLACES if (found := view.at(p)) is not None and len(found) <= 2]
    if not told:
        return None
    where, found = pick(rng, told)
    user = ask(rng, _AT_PLACE, {"place": pick(rng, _AT[where])})
    if not found:
        return Asked(topic="place", user=user, ego=f"there is nothing {_AT[where][0]}.", answer=Answer(all_of=(("nothing", "no"),)))
    things = [view.things[i].thing for i in found]
    ego = f"{pick(rng, ('i see ', 'there is '))}{listed([with_article(f'{t.color} {t.shape}') for t in things])}."
    answer = Answer(all_of=tuple((f"{t.color} {t.shape}",) for t in things))
    return Asked(topic="place", user=user, ego=ego, answer=answer, about=tuple(found))


_MOST = patterns("what is the {most} (thing|object)?", "which (thing|object) is the {most} one?", "which (thing|object) is {far}?")


def outermost(rng: Rng, view: View) -> Asked | None:
    """The leftmost or rightmost thing, where it is clearly that."""
    side = pick(rng, ("left", "right"))
    order = sorted(range(len(view)), key=lambda i: view.things[i].x if side == "left" else -view.things[i].x)
    if len(order) < 2 or abs(view.things[order[0]].x - view.things[order[1]].x) < 0.03:
        return None
    thing = view.things[order[0]].thing
    user = ask(rng, _MOST, {"most": f"{side}most", "far": f"on the far {side}"})
    ego = pick(rng, (f"the {side}most thing is the {thing.color} {thing.shape}.", f"that is the {thing.color} {thing.shape}."))
    return Asked(topic="place", user=user, ego=ego, answer=Answer(all_of=((f"{thing.color} {thing.shape}",),)), about=(order[0],))
