"""Counting and sums."""

from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import say, slip
from roboego.data.talk.grammar import Pattern, Rng, Slots, chance, patterns, pick
from roboego.data.talk.intents.base import KNOW, Context, Intent, Move, others, reply
from roboego.data.talk.lexicon import NUMBERS

_PLEASE = "[please|now]|(can|could|would|will) you [please]|i want you to|i'd like you to|try to"
_SLOTS: Slots = {**KNOW, "please": Pattern(_PLEASE)}

_COUNT = patterns(
    "({please}) count from {a} [up] to {b} [for me].",
    "({please}) count from {a} [up] to {b}.",
    "({please}) (start|begin) (at|with|from) {a} and count [up] to {b}.",
    "({please}) (say|list|name) (the|all the|all) numbers from {a} (to|up to|until) {b}.",
    "({please}) give me the numbers from {a} to {b}.",
    "(how do you count|show me how you count|can you count) from {a} to {b}?",
    "let's count from {a} to {b}.",
    "let me hear you count from {a} to {b}.",
    "what (are|do you get with) the numbers from {a} to {b}?",
    "({know}) the numbers from {a} to {b}.",
    "count for me from {a} to {b}.",
    "i need the numbers from {a} to {b}.",
)
_COUNT_ONE = patterns(
    "({please}) count [up] to {b} [for me].",
    "(can you count|how do you count|do you know how to count) [up] to {b}?",
    "({please}) say the numbers up to {b}.",
    "let's count [up] to {b}.",
)
_COUNT_DOWN = patterns(
    "({please}) count (down|backwards|back) from {a} to {b} [for me].",
    "({please}) say the numbers [backwards] from {a} down to {b}.",
    "({please}) (start|begin) (at|with) {a} and count (down|back|backwards) to {b}.",
    "(let's|now|how do you) count (down|backwards) from {a} to {b}.",
)
_COUNT_REPLY = patterns("{list}.", "sure. {list}.", "okay, {list}.", "here we go. {list}.", "i am counting. {list}.")


def _count(rng: Rng, context: Context) -> Move:
    span = int(rng.integers(2, 9))
    low = 1 if (to := chance(rng, 0.3)) else int(rng.integers(0, 20 - span + 1))
    high = low + span
    down = not to and chance(rng, 0.25)
    first, last = (high, low) if down else (low, high)
    numbers = NUMBERS[low : high + 1][:: -1 if down else 1]
    ask = _COUNT_DOWN if down else _COUNT_ONE if to else _COUNT
    slots = {"a": slip(rng, NUMBERS[first], NUMBERS, 0.05), "b": slip(rng, NUMBERS[last], NUMBERS, 0.05), **_SLOTS}
    return Move(
        user=say(rng, ask, "request", slots),
        ego=reply(rng, _COUNT_REPLY, {"list": ", ".join(numbers)}),
        answer=Answer(all_of=((" ".join(numbers),),), none_of=others(NUMBERS, *numbers)),
    )


_PLUS = patterns(
    "(what is|what's|how much is) {a} (plus|plus|and) {b}?",
    "({please}) add {a} (and|to) {b}.",
    "{a} plus {b} (is what|makes what|equals what)?",
    "what do (you|i|we) get if (you|i|we) add {a} (and|to) {b}?",
    "what (does|do) {a} (plus|and) {b} make?",
    "(what is|what's) the sum of {a} and {b}?",
    "({know}) (what|how much) {a} (plus|and) {b} is.",
    "({know}) the sum of {a} and {b}.",
    "how many are {a} and {b} [together]?",
    "if i have {a} {things} and get {b} more, how many do i have?",
    "i have {a} {things} and you have {b}, how many do we have?",
    "(there are|i see) {a} {things} and {b} {things_too}, how many is that?",
    "({please}) (calculate|work out) {a} plus {b}.",
    "{a} plus {b}?",
    "{a} and {b} together is how much?",
)
_MINUS = patterns(
    "(what is|what's|how much is) {a} (minus|take away) {b}?",
    "({please}) take {b} away from {a}.",
    "({please}) take {b} from {a}.",
    "what do (you|i|we) get if (you|i|we) take {b} (away from|from) {a}?",
    "({know}) (what|how much) {a} (minus|take away) {b} is.",
    "if i have {a} {things} and give away {b}, how many are left?",
    "i had {a} {things} and lost {b}, how many are left?",
    "({please}) (calculate|work out) {a} minus {b}.",
    "{a} minus {b}?",
    "what is left if you take {b} from {a}?",
)
_PLUS_REPLY = patterns(
    "{a} plus {b} is {c}.",
    "that is {c}.",
    "the answer is {c}.",
    "that makes {c}.",
    "{a} and {b} make {c}.",
    "it is {c}.",
)
_MINUS_REPLY = patterns(
    "{a} minus {b} is {c}.", "that is {c}.", "the answer is {c}.", "that leaves {c}.", "{a} take away {b} is {c}.", "it is {c}."
)
_THINGS = ("cubes", "balls", "boxes", "bowls", "cones", "apples", "coins", "books", "pens")


def _sum(rng: Rng, context: Context) -> Move:
    minus = chance(rng, 0.3)
    a = int(rng.integers(0, 11))
    b = int(rng.integers(0, a + 1 if minus else 11))
    c = a - b if minus else a + b
    said = {"a": NUMBERS[a], "b": NUMBERS[b], "c": NUMBERS[c]}
    slots = {**_SLOTS, "a": slip(rng, NUMBERS[a], NUMBERS[:11], 0.05), "b": slip(rng, NUMBERS[b], NUMBERS[:11], 0.05)}
    slots["things"], slots["things_too"] = pick(rng, _THINGS), pick(rng, _THINGS)
    wrong = tuple(f"{verb} {NUMBERS[n]}" for n in {a, b} - {c} for verb in ("is", "make", "makes", "leaves", "equals"))
    return Move(
        user=say(rng, _MINUS if minus else _PLUS, "question", slots),
        ego=reply(rng, _MINUS_REPLY if minus else _PLUS_REPLY, said),
        answer=Answer(all_of=((NUMBERS[c],),), none_of=(*others(NUMBERS, *said.values()), *wrong)),
    )


_SUM_SLOTS: Slots = {**_SLOTS, "a": NUMBERS[:11], "b": NUMBERS[:11], "c": NUMBERS, "things": _THINGS, "things_too": _THINGS}

INTENTS = (
    Intent(
        name="count",
        ask=(*_COUNT, *_COUNT_ONE, *_COUNT_DOWN),
        reply=_COUNT_REPLY,
        move=_count,
        weight=1.5,
        slots={**_SLOTS, "a": NUMBERS, "b": NUMBERS, "list": NUMBERS},
    ),
    Intent(name="sum", ask=(*_PLUS, *_MINUS), reply=(*_PLUS_REPLY, *_MINUS_REPLY), move=_sum, weight=2.0, slots=_SUM_SLOTS),
)
