"""Quick questions about one picture, each answered in a word or two: many more answers in as many frames as a conversation takes.

Whether something is there hangs on one word of a reply, and a small model learned nothing of it from a few such replies in each step.
"""

from roboego.data.grounded.asked import ABSENT, Asked, ask, yes_or_no
from roboego.data.grounded.presence import MANY, absent
from roboego.data.grounded.seeing import ask_about
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.data.talk.dressing import dress
from roboego.data.talk.grammar import Rng, chance, patterns, pick
from roboego.data.talk.lexicon import COLORS, SHAPES, with_article
from roboego.data.talk.sampling import MAX_WORDS, Split, split_of
from roboego.sim.things import Thing
from roboego.streams.alphabet import words

QUESTIONS = 10
"""Of an exchange."""
PRESENCE = 0.45
"""Share of those that only ask whether something is there."""
TOPICS = {"color": 2.0, "shape": 1.5, "size": 1.0, "count": 2.0, "relation": 3.5, "place": 2.0, "label": 1.5}
"""How often the others come up."""
TRIES = 200
_OPENING = patterns(
    "[some|a few] quick questions, answer in (a|one) word.",
    "quick questions now, (short answers|one word each).",
    "i ask, and you answer in (a|one) word.",
    "(answer|tell me) in (a|one) word [please].",
    "let's do a (quick|short) quiz.",
)
_BEGINS = patterns("okay.", "yes, go on.", "okay, go on.")
_IS_THERE = patterns(
    *("{a}?", "{a}?", "any {many}?", "is there {a}?", "do you see {a}?", "is there {a} on the table?", "are there any {many}?"),
)


def quick_questions(rng: Rng, view: View, split: Split) -> Exchange | None:
    """An exchange of them, all of the user's sentences of the split; None where the table is empty."""
    opening = _opening(rng, split) if len(view) else None
    if opening is None:
        return None
    turns = [Turn(intent="quiz", user=opening, ego=ask(rng, _BEGINS, {}), answer=Answer(all_of=(("okay", "yes"),)))]
    for _ in range(TRIES):
        asked = is_there(rng, view) if chance(rng, PRESENCE) else ask_about(rng, view, pick(rng, list(TOPICS), list(TOPICS.values())))
        if asked is not None and split_of(asked.user) == split:
            turns.append(Turn(intent=f"see_{asked.topic}", user=asked.user, ego=briefly(asked), answer=asked.answer, about=asked.about))
        if len(turns) > QUESTIONS:
            break
    return Exchange(intent=turns[-1].intent, turns=tuple(turns))


def is_there(rng: Rng, view: View) -> Asked | None:
    """Whether there is a thing of a shape, of a colour, of both, or one that is much like another: half of them are there."""
    there = chance(rng, 0.5)
    for _ in range(TRIES):
        color, shape = _of_one(pick(rng, view.things).thing, rng) if there else _of_none(rng, view)
        wanted = {*color.split(), *shape.split()}
        if there != any(wanted <= {p.thing.size, p.thing.color, p.thing.shape} for p in view.things):
            continue
        name, many = (f"{color} {word}".strip() for word in ((shape, MANY[shape]) if shape else ("thing", "things")))
        user = ask(rng, _IS_THERE, {"a": with_article(name), "many": many})
        about = tuple(i for i, p in enumerate(view.things) if wanted <= {p.thing.size, p.thing.color, p.thing.shape})
        return Asked(topic="existence", user=user, ego="", answer=yes_or_no(there), about=about or (ABSENT,))
    return None


def _of_one(thing: Thing, rng: Rng) -> tuple[str, str]:
    """The colour, the shape or both of a thing; "" for what is left out."""
    roll = rng.random()
    return "" if roll < 0.3 else thing.color, "" if 0.3 <= roll < 0.55 else thing.shape


def _of_none(rng: Rng, view: View) -> tuple[str, str]:
    """The same of what may not be there, often much like what is; with a size before the colour now and then."""
    missing = absent(rng, view) if chance(rng, 0.2) else None
    if missing is not None:
        return " ".join(missing[:2]).strip(), missing[2]
    roll = rng.random()
    return "" if roll < 0.35 else pick(rng, COLORS), "" if 0.35 <= roll < 0.65 else pick(rng, SHAPES)


def briefly(asked: Asked) -> str:
    """What has to be said, and no more."""
    if asked.brief:
        return asked.brief
    said = [alternatives[0] for alternatives in asked.answer.all_of]
    if asked.topic == "relation" and len(said) == 2:  # a shape and its colour
        return f"{said[1]} {said[0]}."
    return f"{', '.join(said)}."


def _opening(rng: Rng, split: Split) -> str | None:
    """How the user begins; None if nothing of the split comes to mind."""
    for _ in range(TRIES):
        user = dress(rng, ask(rng, _OPENING, {}), "request")
        if len(words(user)) <= MAX_WORDS and split_of(user) == split:
            return user
    return None
