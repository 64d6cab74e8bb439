"""The time and a timer: functions that Ego calls where a session has declared them, and does not make up where it has not."""

import json

from roboego.data.talk.answer import Answer, Calling
from roboego.data.talk.clock import HOURS, MINUTES, by_numbers, by_the_clock, length, told_rightly
from roboego.data.talk.declared import of_kind
from roboego.data.talk.dressing import say, slip
from roboego.data.talk.grammar import Pattern, Rng, Slots, chance, patterns, pick
from roboego.data.talk.intents.base import KNOW, Context, Intent, Move, reply
from roboego.data.talk.lexicon import NUMBERS
from roboego.streams.alphabet import number_words
from roboego.streams.calls import FunctionCall, readable, written_call

FAILS = 0.12
"""Chance that a call fails."""
_ROUND = 0.4
"""Chance of a time that is a multiple of five minutes."""
_SECONDS = 0.3
"""Chance of a timer of seconds."""

_TIME = patterns(
    "what time is it [now|right now|by now]?",
    "(what is|what's) the [exact|current|right] time [now|right now]?",
    "({know}) the [exact|current] time.",
    "({know}) what time it is [now|right now].",
    "({know}) how late it is [now].",
    "do you have the time [for me]?",
    "have you got the time?",
    "how late is it [now|already|by now]?",
    "(can|could|would|will) you [please] (check|look at|read) the (clock|time) [for me]?",
    "[please] (check|look at|read) the (clock|time) [for me].",
    "what does the clock (say|show) [now]?",
    "(i need|i'd like|i would like|i have) to know (the time|what time it is) [now].",
    "[please] (tell|give) me the [exact|current|right] time [now].",
    "what hour is it [now]?",
    "[the] time, please.",
    "what time do we have [now|right now]?",
    "i (lost|forgot|broke) my watch, what time is it [now]?",
    "my (watch|clock|phone) (stopped|is broken|is dead), what time is it?",
    "what time (would|do) you say it is?",
    "(i have no idea|i don't know) what time it is, (do you|can you tell me)?",
    "what is the time on (your|the) clock?",
)
_TIME_REPLY = patterns("it is {time}.", "it is {time} now.", "it's {time}.", "the time is {time}.", "right now it is {time}.")
_TIME_FAILED = patterns(
    "sorry, i could not find out the time.",
    "sorry, the clock did not answer.",
    "i am sorry, i could not read the clock.",
    "sorry, that did not work.",
)
_NO_CLOCK = patterns(
    "sorry, i cannot tell the time.",
    "i do not know, i have no clock.",
    "i am sorry, i have no clock.",
    "sorry, i cannot tell you what time it is.",
    "i cannot tell, there is no clock here.",
)
_NO_CLOCK_ANSWER = Answer(
    all_of=(("cannot tell", "no clock", "do not know", "don't know", "not sure"),), none_of=("o'clock", "past", *NUMBERS)
)
"""(What Ego says of things beyond its world is honest too.)"""
NOT_DONE = Answer(all_of=(("could not", "did not", "sorry"),))

_SLOTS: Slots = {
    **KNOW,
    "please": Pattern("[please|now]|(can|could|would|will) you [please]|i want you to|i'd like you to"),
    "start": Pattern("set|start|make"),
}
_TIMER = patterns(
    "({please}) ({start}) a timer for {length} [for me].",
    "({please}) ({start}) a timer of {length}.",
    "({please}) set the timer (to|for) {length} [for me].",
    "({please}) ({start}) a {span} timer [for me].",
    "({please}) tell me when {length} {are} (over|up|gone).",
    "({please}) (let me know|tell me) (in|after) {length}.",
    "({please}) (remind|warn) me (in|after) {length}.",
    "({please}) wake me [up] (in|after) {length}.",
    "({please}) time {length} [for me].",
    "(i need|i want|i would like|i'd like) a timer (for|of) {length}.",
    "(i need|i want|i would like|i'd like) a {span} timer.",
    "a timer (for|of) {length}, please.",
    "a {span} timer, please.",
    "{length} on the timer, please.",
    "(can|could|may) i have a timer (for|of) {length}?",
    "my (tea|egg|cake|bread|rice) (needs|takes) {length}, ({please}) ({start}) a timer.",
    "let's ({start}) a timer for {length}.",
    "(put|turn) the timer on for {length} [please].",
    "i am cooking, ({please}) ({start}) a timer for {length}.",
    "({please}) watch the clock for {length} [for me].",
)
_TIMER_REPLY = patterns(
    "okay, a timer for {length}.",
    "sure, a timer for {length}.",
    "okay, i am setting a timer for {length}.",
    "sure, {length}, starting now.",
    "okay, {length} from now.",
    "of course. a timer for {length}.",
)
_TIMER_FAILED = patterns(
    "sorry, the timer did not start.",
    "sorry, i could not set the timer.",
    "i am sorry, that did not work.",
    "sorry, the timer did not work.",
)
_NO_TIMER = patterns(
    "sorry, i have no timer.",
    "i am sorry, i cannot set a timer.",
    "i do not have a timer, sorry.",
    "sorry, i cannot set timers.",
    "i cannot do that, i have no timer.",
)
_NO_TIMER_ANSWER = Answer(
    all_of=(("cannot", "no timer", "not have a timer", "do not know", "not sure"),),
    none_of=("okay a timer", "sure a timer", "course a timer", "am setting", "starting now", "from now"),
)
_MOMENTS = patterns("one moment, please.", "let me see.", "just a moment, please.", "let me have a look.", "a moment, please.")

_ENDS = patterns("the timer of {length} has ended.", "timer ended, {length}.", "{length} {are} over.", "the timer for {length} is done.")
"""What Ego reads when a timer ends; the first is what our own says."""
_ENDED = patterns(
    "the timer of {length} has ended.",
    "your timer of {length} has ended.",
    "your {length} {are} over.",
    "the {length} {are} up.",
    "time is up. {length} {are} over.",
)
TIMER_MINUTES = (*range(1, 21), 25, 30, 35, 40, 45, 50, 55, 60, 90)
TIMER_SECONDS = (5, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60, 90)
_DONE = ("okay", "done", "the timer is set.", '{"status": "ok"}', "started", '{"timer": "set"}', "the timer runs.")
_WRONG = (
    "error", '{"error": "not available"}', '{"error": "no answer"}', "error, something went wrong.", "failed", "it did not work.",
    '{"ok": false}', "not available now.",
)  # fmt: skip


def _time(rng: Rng, context: Context) -> Move:
    user = say(rng, _TIME, "question", KNOW)
    function = of_kind(context.functions, "time")
    if function is None:
        return Move(user=user, ego=reply(rng, _NO_CLOCK), answer=_NO_CLOCK_ANSWER)
    called = written_call(FunctionCall(name=function.name, arguments={}))
    if chance(rng, FAILS):
        return Move(user=user, ego=reply(rng, _TIME_FAILED), answer=NOT_DONE, call=_waiting(rng, called, pick(rng, _WRONG)))
    hour = int(rng.integers(HOURS))
    minute = 5 * int(rng.integers(MINUTES // 5)) if chance(rng, _ROUND) else int(rng.integers(MINUTES))
    result, told = _time_result(rng, hour, minute)
    return Move(
        user=user,
        ego=reply(rng, _TIME_REPLY, {"time": told}),
        answer=told_rightly(hour, minute),
        call=_waiting(rng, called, result),
    )


def _time_result(rng: Rng, hour: int, minute: int) -> tuple[str, str]:
    """A time as a function may return it, and how Ego tells that: as it reads it, by a clock of twelve."""
    words, numbers = by_the_clock(hour, minute), by_numbers(hour, minute)
    digits, half = f"{(hour - 1) % 12 + 1}:{minute:02}", "am" if hour < 12 else "pm"
    return pick(
        rng,
        (
            (words, words), (words, words), (f"it is {words}.", words), (numbers, numbers), (f"the time is {numbers}.", numbers),
            (f"{digits} {half}", numbers), (json.dumps({"time": f"{digits} {half}"}), numbers), (f"{hour}:{minute:02}", numbers),
            (json.dumps({"time": f"{hour}:{minute:02}"}), numbers), (json.dumps({"hour": hour, "minute": minute}), numbers),
        ),
    )  # fmt: skip


def _waiting(rng: Rng, called: str, result: str) -> Calling:
    return Calling(text=called, result=readable(result), moment=pick(rng, _MOMENTS).sample(rng))


def _timer(rng: Rng, context: Context) -> Move:
    seconds = chance(rng, _SECONDS)
    numbers = TIMER_SECONDS if seconds else TIMER_MINUTES
    n, unit = pick(rng, numbers), "second" if seconds else "minute"
    said, told = slip(rng, number_words(n), [number_words(other) for other in numbers], 0.04), length(**{f"{unit}s": n})
    asked: Slots = {"length": f"{said} {told.split()[-1]}", "span": f"{said} {unit}", "are": _are(told)}
    user = say(rng, _TIMER, "request", {**_SLOTS, **asked})
    function = of_kind(context.functions, "timer")
    if function is None:
        return Move(user=user, ego=reply(rng, _NO_TIMER), answer=_NO_TIMER_ANSWER)
    ego = reply(rng, _TIMER_REPLY, {"length": told})
    called = written_call(FunctionCall(name=function.name, arguments={f"{unit}s": n}))
    if chance(rng, FAILS):
        after = reply(rng, _TIMER_FAILED)
        call = Calling(text=called, result=readable(pick(rng, _WRONG)), at_once=True, after=after)
        return Move(user=user, ego=ego, answer=NOT_DONE, base=after, call=call)
    call = Calling(text=called, result=readable(pick(rng, _DONE)), at_once=True)
    return Move(user=user, ego=ego, answer=Answer(all_of=((told,),)), call=call, ends=told)


def timer_end(rng: Rng, told: str) -> tuple[str, str, Answer]:
    """That a timer has ended: what Ego reads, what it says, and what must be said.

    Args:
        told: the timer's length, in words.
    """
    slots = {"length": told, "are": _are(told)}
    answer = Answer(all_of=((told,), ("ended", "over", "up", "done")))
    return reply(rng, _ENDS, slots), reply(rng, _ENDED, slots), answer


def _are(told: str) -> str:
    return "is" if told.startswith("one ") and not told.endswith("s") else "are"


_TIMES = tuple(told(h, m) for told in (by_the_clock, by_numbers) for h in range(HOURS) for m in range(MINUTES))
_LENGTHS = (*(length(minutes=n) for n in TIMER_MINUTES), *(length(seconds=n) for n in TIMER_SECONDS))
_TIMER_SLOTS: Slots = {**_SLOTS, "length": _LENGTHS, "span": ("minute", "second"), "are": ("is", "are")}

INTENTS = (
    Intent(
        name="time",
        ask=_TIME,
        reply=(*_TIME_REPLY, *_TIME_FAILED, *_NO_CLOCK, *_MOMENTS),
        move=_time,
        weight=0.6,
        slots={**KNOW, "time": _TIMES},
    ),
    Intent(
        name="timer",
        ask=_TIMER,
        reply=(*_TIMER_REPLY, *_TIMER_FAILED, *_NO_TIMER, *_ENDED),
        move=_timer,
        weight=0.6,
        slots=_TIMER_SLOTS,
    ),
)
