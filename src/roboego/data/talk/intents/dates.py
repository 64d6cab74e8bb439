"""Days of the week."""

from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import Kind, say, slip
from roboego.data.talk.grammar import Pattern, Rng, Slots, patterns, pick
from roboego.data.talk.intents.base import KNOW, Context, Intent, Move, others, reply
from roboego.data.talk.lexicon import DAYS

_AFTER = patterns(
    "(what|which) day (comes|is) [right|just] after {day}?",
    "(what|which) day follows {day}?",
    "what comes [right|just] after {day}?",
    "(what is|what's) the day [right|just] after {day}?",
    "(what is|what's) the next day after {day}?",
    "({know}) (what|which) day comes after {day}.",
    "({know}) the day after {day}.",
    "after {day} comes (what|which day)?",
    "name the day [that comes] after {day}.",
)
_TOMORROW = patterns(
    "if today is {day}, what (is|day is|will be) tomorrow?",
    "today is {day}, (so what is|what is|what day is) tomorrow?",
    "(what|what day) is tomorrow if today is {day}?",
    "(it's|it is) {day} today, what (is|day is) tomorrow?",
    "yesterday was {day}, what day is [it] today?",
    "if yesterday was {day}, what is today?",
    "({know}) what tomorrow is if today is {day}.",
)
_BEFORE = patterns(
    "(what|which) day (comes|is) [right|just] before {day}?",
    "what comes [right|just] before {day}?",
    "(what is|what's) the day [right|just] before {day}?",
    "({know}) (what|which) day comes before {day}.",
    "({know}) the day before {day}.",
    "name the day [that comes] before {day}.",
    "before {day} comes (what|which day)?",
)
_YESTERDAY = patterns(
    "if today is {day}, what (was|day was) yesterday?",
    "today is {day}, (so what was|what was|what day was) yesterday?",
    "(what|what day) was yesterday if today is {day}?",
    "(it's|it is) {day} today, what (was|day was) yesterday?",
    "tomorrow is {day}, what day is [it] today?",
    "if tomorrow is {day}, what is today?",
)
_SHORT_REPLY = ("it is {target}.", "that is {target}.", "the answer is {target}.")
_REPLIES = {
    "after": patterns("{target} comes after {day}.", "the day after {day} is {target}.", "after {day} comes {target}.", *_SHORT_REPLY),
    "before": patterns("{target} comes before {day}.", "the day before {day} is {target}.", "before {day} comes {target}.", *_SHORT_REPLY),
    "step": patterns("that day is {target}.", "then it is {target}.", "the right day is {target}.", *_SHORT_REPLY),
}

_LIST = patterns(
    "(what are|name|list|tell me|say|do you know) [all] the days of the week [for me].",
    "(can|could) you [please] (name|list|say|tell me) [all] the days of the week?",
    "({know}) the seven days [of the week].",
    "which days (are in a week|does a week have)?",
)
_LIST_REPLY = patterns("{list}.", "the days are {list}.", "sure. {list}.")
_MANY = patterns(
    "how many days (are|are there) in a week?",
    "how many days does a week have?",
    "({know}) how many days a week has.",
    "(what is|what's) the number of days in a week?",
    "a week has how many days?",
)
_MANY_REPLY = patterns("a week has seven days.", "there are seven days in a week.", "seven days make a week.")
_WEEKEND = patterns("(which|what) days (are|make up) the weekend?", "({know}) which days are the weekend.", "when is the weekend?")
_WEEKEND_REPLY = patterns("the weekend is saturday and sunday.", "saturday and sunday are the weekend.")

_KINDS = ("after", "tomorrow", "before", "yesterday", "list", "many", "weekend")
_KIND_WEIGHTS = (4.0, 3.0, 3.0, 2.0, 1.0, 0.7, 0.5)


def _days(rng: Rng, context: Context) -> Move:
    kind = pick(rng, _KINDS, _KIND_WEIGHTS)
    if kind == "list":
        answer = Answer(all_of=tuple((day,) for day in DAYS), in_order=True)
        return _move(rng, _LIST, _LIST_REPLY, answer, {"list": ", ".join(DAYS)})
    if kind == "many":
        return _move(rng, _MANY, _MANY_REPLY, Answer(all_of=(("seven",),), none_of=("five", "six", "eight")))
    if kind == "weekend":
        return _move(rng, _WEEKEND, _WEEKEND_REPLY, Answer(all_of=(("saturday",), ("sunday",)), none_of=DAYS[:5]))
    i = int(rng.integers(0, 7))
    forward = kind in ("after", "tomorrow")
    day, target = DAYS[i], DAYS[(i + (1 if forward else -1)) % 7]
    wrong_way = "before" if forward else "after"
    wrong = (f"{target} comes {wrong_way}", f"{wrong_way} {day}", f"it is {day}", f"that is {day}", f"answer is {day}", f"then it is {day}")
    answer = Answer(all_of=((target,),), none_of=(*others(DAYS, day, target), *wrong))
    ask = {"after": _AFTER, "tomorrow": _TOMORROW, "before": _BEFORE, "yesterday": _YESTERDAY}[kind]
    replies = _REPLIES.get(kind, _REPLIES["step"])
    return _move(rng, ask, replies, answer, {"target": target, "day": day}, {"day": slip(rng, day, DAYS, 0.05)})


def _move(
    rng: Rng, ask: tuple[Pattern, ...], replies: tuple[Pattern, ...], answer: Answer, slots: Slots | None = None, asked: Slots | None = None
) -> Move:
    kind: Kind = "question"
    return Move(user=say(rng, ask, kind, {**KNOW, **(asked or {})}), ego=reply(rng, replies, slots or {}), answer=answer)


INTENTS = (
    Intent(
        name="days",
        ask=(*_AFTER, *_TOMORROW, *_BEFORE, *_YESTERDAY, *_LIST, *_MANY, *_WEEKEND),
        reply=(*(p for group in _REPLIES.values() for p in group), *_LIST_REPLY, *_MANY_REPLY, *_WEEKEND_REPLY),
        move=_days,
        weight=1.5,
        slots={**KNOW, "day": DAYS, "target": DAYS, "list": DAYS},
    ),
)
