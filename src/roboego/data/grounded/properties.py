"""What things look like: colours, shapes, sizes, labels."""

from roboego.data.grounded.asked import Asked, ask, some, verdict, yes_or_no
from roboego.data.grounded.view import View, listed
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Rng, chance, patterns, pick
from roboego.data.talk.intents.base import others
from roboego.data.talk.lexicon import COLORS, NUMBERS, SHAPES, SIZES
from roboego.sim.things import Thing

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
        ego = f"{pick(rng, (the, 'it'))} is {thing.color}, {verdict(true)}."
        brief = f"{thing.color}, {verdict(true)}."
        answer = yes_or_no(true, *(() if true else (thing.color,)), wrong=() if true else (f"is {wrong}",))
        user = ask(rng, _COLOR_YES, {"the": the, "color": asked})
        return Asked(topic="color", user=user, ego=ego, answer=answer, brief=brief, about=(i,))
    pair = (thing.color, wrong) if chance(rng, 0.5) else (wrong, thing.color)
    user = ask(rng, _COLOR_OR, {"the": the, "color": pair[0], "other": pair[1]}) if roll < 0.35 else ask(rng, _COLOR, {"the": the})
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
        user = ask(rng, _SHAPE_OR, {"color": thing.color, "a": a, "b": b})
    else:
        user = ask(rng, _SHAPE, {"color": thing.color})
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
        user = ask(rng, _SIZE_YES, {"the": the, "size": thing.size if true else other})
        ego, brief = f"{pick(rng, (the, 'it'))} is {thing.size}, {verdict(true)}.", f"{thing.size}, {verdict(true)}."
        return Asked(topic="size", user=user, ego=ego, answer=yes_or_no(true, wrong=(other,)), brief=brief, about=(i,))
    ego = pick(rng, _SIZE_REPLY).sample(rng, {"the": the, "size": thing.size, "shape": thing.shape})
    answer = Answer(all_of=((thing.size,),), none_of=(other,))
    return Asked(topic="size", user=ask(rng, _SIZE, {"the": the}), ego=ego, answer=answer, about=(i,))


_SAME = patterns(
    "what has the same color as {the}?", "does anything have the same color as {the}?", "which things have the same color as {the}?"
)


def same_color(rng: Rng, view: View) -> Asked | None:
    i = some(rng, view)
    if i is None:
        return None
    alike = [p.thing for j, p in enumerate(view.things) if j != i and p.thing.color == view.things[i].thing.color]
    user = ask(rng, _SAME, {"the": view.called(rng, i)})
    if not alike:
        answer = Answer(all_of=(("nothing", "no"),))
        return Asked(topic="color", user=user, ego="nothing has the same color.", answer=answer)
    ego = f"{listed([f'the {t.size} {t.shape}' for t in alike])} {'has' if len(alike) == 1 else 'have'} the same color."
    return Asked(topic="color", user=user, ego=ego, answer=Answer(all_of=tuple((t.shape,) for t in alike)))


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
        ego = f"{a if is_a else b} is {more}, {verdict(is_a)}."
        return Asked(
            topic="size", user=ask(rng, _BIGGER_YES, {"a": a, "b": b, "more": more}), ego=ego, answer=yes_or_no(is_a), about=(i, j)
        )
    one, other = (i, j) if is_a else (j, i)
    true, false = view.things[one].thing, view.things[other].thing
    named = (a, b) if is_a else (b, a)
    differs = true.color if true.color != false.color else true.size
    answer = Answer(all_of=((differs,),), none_of=(false.color,) if true.color != false.color else ())
    user = ask(rng, _BIGGER, {"a": a, "b": b, "more": more})
    return Asked(topic="size", user=user, ego=f"{_telling(named[0], true, differs)} is {more}.", answer=answer, about=(i, j))


def _telling(name: str, thing: Thing, differs: str) -> str:
    """A name that says in what the thing differs: its colour or its size."""
    return name if differs in name.split() else f"the {differs} {thing.shape}"


_LABEL = patterns(
    "(read|can you read) the label [on {the}].",
    "what does the label [on {the}] say?",
    "what is (written|printed) on {the}?",
    "what does {the} say?",
)
_LETTER, _LETTERS = patterns("which letter is on {the}?"), patterns("which letters are on {the}?")
_DIGIT, _DIGITS = patterns("which (digit|number) is on {the}?"), patterns("which (digits|numbers) are on {the}?")
_LABEL_REPLY = patterns("the label says {label}.", "i read {label}.", "it says {label}.")


def spelled(thing: Thing) -> str:
    """ "a, seven": how a label is read."""
    return ", ".join(NUMBERS[int(c)] if c.isdigit() else c for c in thing.label)


def label(rng: Rng, view: View) -> Asked | None:
    """What is printed on a thing: letter by letter, digits as words."""
    options = [i for i, p in enumerate(view.things) if p.thing.label and view.names[i]]
    if not options:
        return None
    i = pick(rng, options)
    said, printed = spelled(view.things[i].thing), view.things[i].thing.label
    kinds = (_LETTER, _LETTERS) if printed.isalpha() else (_DIGIT, _DIGITS) if printed.isdigit() else None
    user = ask(rng, _LABEL if kinds is None else (*_LABEL, *kinds[len(printed) > 1]), {"the": view.called(rng, i)})
    ego = pick(rng, _LABEL_REPLY).sample(rng, {"label": said})
    return Asked(topic="label", user=user, ego=ego, answer=Answer(all_of=((said.replace(",", ""),),)), about=(i,))
