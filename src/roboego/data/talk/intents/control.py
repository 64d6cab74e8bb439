"""Say that again, slower, louder: Ego repeats its last answer. Stop: it is quiet."""

import re
from collections.abc import Callable

from roboego.data.talk.answer import Answer, Manner
from roboego.data.talk.dressing import say
from roboego.data.talk.grammar import NO_SLOTS, Pattern, Rng, patterns, pick
from roboego.data.talk.intents.base import Context, Intent, Move, reply
from roboego.streams.alphabet import words

_MOST_WORDS = 14
_INTERJECTION = re.compile(r"^(sure|okay|of course|here we go|i am counting|you said|yes)[.,] ")

_AGAIN = patterns(
    "(can|could|would|will) you [please] (say (that|it) (again|once more|one more time)|repeat (that|it) [once more|for me])?",
    "[please] say (that|it) (again|once more|one more time|once again).",
    "[please] repeat (that|it|what you said|what you just said|your answer) [for me].",
    "what did you [just] say?",
    "what was that [again]?",
    "(sorry|pardon|excuse me), (what|what was that|what did you say)?",
    "i (didn't|did not|couldn't|could not) (hear|catch|get|understand) (that|you|it|what you said).",
    "(come again|pardon me|pardon|say again|i beg your pardon)?",
    "(once more|one more time|again|once again), please.",
    "i (missed|did not get|didn't hear) (that|your answer|what you said), (say it again|can you repeat it|once more)?",
    "what (did you answer|was your answer|were you saying)?",
    "would you mind (saying|repeating) that [again]?",
    "(let me|i want to|i'd like to) hear (that|it) [once] again.",
    "(tell me|say it to me|give me that) (again|once more|one more time).",
    "i was not listening, (what did you say|say that again)?",
)
_AGAIN_INTRO = patterns("i said, ", "sure. ", "of course. ", "again, ", "")

_SLOWER = patterns(
    "(can|could|would|will) you [please] (say|repeat) (that|it) [again] [a bit|a little|much] (slower|more slowly)?",
    "(can|could|would|will) you [please] (speak|talk) [a bit|a little|much] (slower|more slowly)?",
    "[a bit|a little|much] (slower|more slowly), please.",
    "[please] (speak|talk|say that|say it) [a bit|a little] (slower|more slowly).",
    "(that was|you are|you speak|you talk|it was) [way|much|a bit|a little] too (fast|quick) [for me].",
    "(not so fast|slow down|take it slow|slow down a bit|please slow down|take your time).",
    "i (can't|cannot) follow you, (slower|slow down|more slowly) [please].",
    "(again|once more|say it again), but [a bit|a little] (slower|more slowly).",
    "i (want|need|would like) to hear (that|it) [again] (slowly|more slowly|slower).",
    "(say|repeat|tell me) (that|it) (slowly|very slowly|really slowly) [please].",
    "don't (speak|talk|say it) so (fast|quickly).",
    "you (should|need to|must) (speak|talk) (slower|more slowly).",
)
_SLOWER_INTRO = patterns("okay, slower. ", "sure, slowly. ", "slower, of course. ", "slowly now. ")
_SLOWER_ALONE = patterns("okay, i will speak more slowly.", "sure, i will speak slower.", "of course. i will slow down.")

_LOUDER = patterns(
    "(can|could|would|will) you [please] (say|repeat) (that|it) [again] [a bit|a little|much] (louder|more loudly)?",
    "(can|could|would|will) you [please] (speak|talk) [a bit|a little|much] (louder|more loudly)?",
    "(can|could|would|will) you [please] (speak up|raise your voice)?",
    "[a bit|a little|much] (louder|more loudly), please.",
    "[please] (speak|talk|say that|say it) [a bit|a little] (louder|more loudly).",
    "(that was|you are|you speak|you talk|it was) [way|much|a bit|a little] too (quiet|quietly|low|soft) [for me].",
    "(speak up|raise your voice|turn up the volume|turn your voice up) [please|a bit].",
    "i can (hardly|barely) hear you, (louder|speak up|speak louder) [please].",
    "i (can't|cannot) hear you (well|very well|so well), (louder|speak up|speak louder) [please].",
    "(again|once more|say it again), but [a bit|a little] louder.",
    "i (want|need|would like) to hear (that|it) [again] (louder|loud and clear).",
    "don't (speak|talk|say it) so (quietly|softly).",
    "you (should|need to|must) (speak up|speak louder|talk louder).",
    "(it is|it's) (so|too|very) noisy here, (speak up|louder|speak louder) [please].",
)
_LOUDER_INTRO = patterns("okay, louder. ", "sure, louder. ", "louder, of course. ", "a bit louder. ")
_LOUDER_ALONE = patterns("okay, i will speak louder.", "sure, i will speak up.", "of course. i will speak louder.")

_NOTHING = patterns("i have not said anything yet.", "i did not say anything yet.", "sorry, i have not said anything so far.")

_STOP = patterns(
    "stop [it|that] [please].",
    "stop (talking|speaking) [please|now].",
    "(wait|hold on) [a second|a minute|a moment] [please].",
    "[please] be quiet [now].",
    "quiet, please.",
    "(okay|thanks|no|thank you), (stop|enough|that is enough|wait).",
    "(that is|that's) enough [for now|thank you].",
    "(please|just) (stop|wait|be quiet).",
    "you can stop [now|talking now].",
    "(no|no no), (stop|wait|hold on).",
    "i do not want to hear (it|that|more).",
)
_STOP_REPLY = patterns("okay, i stop.", "okay, i am quiet.", "sure, i will stop.", "of course. i will wait.", "okay, i am waiting.")


def _stop(rng: Rng, context: Context) -> Move:
    """What Ego was saying stays what it said last."""
    quiet = Answer(all_of=(("stop", "quiet", "wait", "waiting"),))
    return Move(user=say(rng, _STOP, "social"), ego=reply(rng, _STOP_REPLY), answer=quiet, passing=context.last is not None)


def _repeating(
    ask: tuple[Pattern, ...], intro: tuple[Pattern, ...], alone: tuple[Pattern, ...], without: Answer, manner: Manner
) -> Callable[[Rng, Context], Move]:
    def move(rng: Rng, context: Context) -> Move:
        user = say(rng, ask, "request")
        if context.last is None or context.last_answer is None:
            return Move(user=user, ego=reply(rng, alone), answer=without, manner=manner)
        base = _INTERJECTION.sub("", context.last)
        ego = f"{pick(rng, intro).sample(rng)} {base}".strip()
        if len(words(ego)) > _MOST_WORDS:
            ego = base
        return Move(user=user, ego=ego, answer=context.last_answer, manner=manner, base=base)

    return move


_SILENT = Answer(all_of=(("not said anything", "not say anything"),))
_SLOW = Answer(all_of=(("slower", "slow", "slowly"),))
_LOUD = Answer(all_of=(("louder", "speak up"),))

INTENTS = (
    Intent(
        name="again",
        ask=_AGAIN,
        reply=(*_AGAIN_INTRO, *_NOTHING),
        move=_repeating(_AGAIN, _AGAIN_INTRO, _NOTHING, _SILENT, "plain"),
        slots=NO_SLOTS,
    ),
    Intent(
        name="slower",
        ask=_SLOWER,
        reply=(*_SLOWER_INTRO, *_SLOWER_ALONE),
        slots=NO_SLOTS,
        weight=0.6,
        move=_repeating(_SLOWER, _SLOWER_INTRO, _SLOWER_ALONE, _SLOW, "slower"),
    ),
    Intent(
        name="louder",
        ask=_LOUDER,
        reply=(*_LOUDER_INTRO, *_LOUDER_ALONE),
        slots=NO_SLOTS,
        weight=0.6,
        move=_repeating(_LOUDER, _LOUDER_INTRO, _LOUDER_ALONE, _LOUD, "louder"),
    ),
    Intent(name="stop", ask=_STOP, reply=_STOP_REPLY, move=_stop, slots=NO_SLOTS, weight=0.7),
)
