"""Greetings, how Ego is, thanks and goodbye."""

from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import dress
from roboego.data.talk.grammar import Pattern, Rng, chance, patterns, pick
from roboego.data.talk.intents.base import Context, Intent, Move, fixed, reply
from roboego.data.talk.lexicon import DAYS, NAMES

_GREETING = Pattern(
    "(hi|hello|hey|hi there|hey there|hello there|hello again|hi again|greetings|good {time}|good {time}|hello and good {time})"
    " [ego|robot|, little robot|, my friend|, my robot friend]"
)
_GREETING_MORE = patterns(
    "[it's|it is] (nice|good|great|lovely|so nice|so good) to (see|meet|hear) you [again|today]",
    "(i am|i'm) [glad|happy|so happy] (back|here) [again|now|today]",
    "how nice to (see|meet) you [again]",
    "(pleased|glad|happy) to (meet|see) you [again]",
    "(i hope you are well|i have missed you|i missed you|here i am [again]|there you are|long time no see)",
    "let's (start|begin|talk|play) [now]",
    "it's (me|me again|only me)",
)
_GREETING_REPLY = patterns(
    "hello. how can i help you?",
    "hi there. how can i help?",
    "hello. nice to see you.",
    "hi. it is good to hear you.",
    "hello there. what can i do for you?",
)
_GREETING_REPLY_TIME = patterns(
    "good {time}. how can i help you?",
    "good {time}. nice to see you.",
    "good {time} to you. what can i do?",
    "good {time}. it is good to hear you.",
)
_TIMES = ("morning", "afternoon", "evening", "day")


def _greet(rng: Rng, context: Context) -> Move:
    time = pick(rng, _TIMES)
    hello = _GREETING.sample(rng, {"time": time})
    more = pick(rng, _GREETING_MORE).sample(rng) if chance(rng, 0.6) else ""
    user = dress(rng, f"{hello}{pick(rng, (', ', '. ')) if more else ''}{more}.", "social")
    timed = f"good {time}" in user
    ego = reply(rng, _GREETING_REPLY_TIME if timed else _GREETING_REPLY, {"time": time})
    greetings = (f"good {time}",) if timed else ("good morning", "good afternoon", "good evening", "good day")
    return Move(user=user, ego=ego, answer=Answer(all_of=(("hello", "hi", "hey", *greetings),)))


_HOW = patterns(
    "how are you [doing|feeling] [today|this morning|tonight|now|right now]?",
    "how's it going [today|with you]?",
    "how (are things|is everything|is life) [with you|going] [today]?",
    "how do you feel [today|now|this morning]?",
    "(are you|do you feel|you feeling) (okay|well|alright|fine|good) [today|now]?",
    "how have you been [today|lately]?",
    "is everything (okay|alright|fine|good) [with you] [today]?",
    "how is your (day|morning|evening) [going|so far]?",
    "are you having a (good|nice|great) (day|time|morning)?",
    "(can you tell me|tell me|i want to know|please tell me) how you are [doing|feeling] [today].",
    "(i hope|i trust) you are (well|fine|okay) [today]. how are you [doing]?",
    "(and how|hello, how) are you [today]?",
    "what's up [with you] [today]?",
    "did you sleep well [last night]?",
)
_HOW_REPLY = patterns(
    "i am fine, thank you.",
    "i am doing well, thanks for asking.",
    "i feel great today, thank you.",
    "i am very well, thank you.",
    "all is well with me, thank you.",
    "i am fine, and happy to help you.",
)


_THANKS = patterns(
    "(thank you|thanks) [very much|so much|a lot|again|once more|once again]",
    "(many thanks|thanks a million|a big thank you|thank you kindly)",
    "(thank you|thanks) [so much|a lot] for (your help|that|the answer|helping me|everything|telling me|your time|listening|your answer)",
    "(that was|that's|that is) (great|helpful|very helpful|nice|kind|very kind|perfect|wonderful) [of you], (thank you|thanks)",
    "i [really] (appreciate|like) (it|that|your help), (thank you|thanks)",
    "(good job|well done|nice work|very good|good robot|great|perfect|wonderful|excellent), (thank you|thanks) [a lot|so much|again]",
    "(you are|you're) (very|so|really) (kind|helpful|nice|good), (thank you|thanks)",
    "you (helped|have helped) me [a lot|so much], (thank you|thanks)",
    "i (want|would like|just wanted) to (thank you|say thank you|say thanks) [for that|for your help|for everything]",
    "(i am|i'm) [very|so|really] (grateful|thankful) [for your help|for that|for everything]",
    "let me thank you [for that|for your help]",
)
_THANKS_REPLY = patterns(
    "you are welcome.",
    "no problem, i am happy to help.",
    "you are very welcome.",
    "it was my pleasure.",
    "i am happy to help you.",
)
_THANKS_REPLY_NAME = patterns("you are welcome, {name}.", "no problem, {name}. i am happy to help.", "it was my pleasure, {name}.")
_THANKS_ANSWER = Answer(all_of=(("welcome", "pleasure", "happy to help", "no problem"),))


def _thanks(rng: Rng, context: Context) -> Move:
    user = dress(rng, pick(rng, _THANKS, [p.weight for p in _THANKS]).sample(rng) + ".", "social")
    if context.name and chance(rng, 0.3):
        return Move(user=user, ego=reply(rng, _THANKS_REPLY_NAME, {"name": context.name}), answer=_THANKS_ANSWER)
    return Move(user=user, ego=reply(rng, _THANKS_REPLY), answer=_THANKS_ANSWER)


_BYE_WHY = Pattern(
    "i (have to|must|need to|should|will) (go|leave) [now|soon]"
    "|(i'm|i am) (leaving|going home|going|off) [now]"
    "|(that's|that is) all [for today|for now]"
    "|it's (late|time to go)|we are done [for today]|let's stop here|i am (tired|done|finished) [now]"
)
_BYE = Pattern(
    "(bye|bye bye|goodbye|goodbye for now|bye for now|farewell|good night)"
    "|see you (later|soon|tomorrow|next time|again|then|next week|on {day})"
    "|(talk|speak) to you (later|soon|tomorrow|again soon)"
    "|(take care|have a (nice|good|great|lovely) (day|evening|night|time|weekend))"
    "|until (tomorrow|next time|then|{day})"
)
_BYE_REPLY = patterns(
    "goodbye. see you soon.",
    "bye bye. have a nice day.",
    "goodbye, and take care.",
    "goodbye. it was nice talking to you.",
    "see you next time. goodbye.",
)
_BYE_REPLY_NAME = patterns("goodbye, {name}. see you soon.", "bye bye, {name}. take care.", "goodbye, {name}. have a nice day.")
_BYE_REPLY_NIGHT = patterns("good night. see you soon.", "good night, and sleep well.", "good night. it was nice talking to you.")


def _bye(rng: Rng, context: Context) -> Move:
    parts = [_BYE.sample(rng, {"day": DAYS})]
    if chance(rng, 0.3):
        parts.append(_BYE.sample(rng, {"day": DAYS}))
    if chance(rng, 0.4):
        parts.insert(0, _BYE_WHY.sample(rng))
    parts = list(dict.fromkeys(parts))
    address = pick(rng, ("", "", ", ego", " ego", ", robot", ", my friend"))
    user = dress(rng, pick(rng, (". ", ", ")).join(parts) + address + ".", "social")
    answer = Answer(all_of=(("goodbye", "bye", "good night", "see you", "take care"),))
    if "good night" in user:
        return Move(user=user, ego=reply(rng, _BYE_REPLY_NIGHT), answer=answer)
    if context.name and chance(rng, 0.4):
        return Move(user=user, ego=reply(rng, _BYE_REPLY_NAME, {"name": context.name}), answer=answer)
    return Move(user=user, ego=reply(rng, _BYE_REPLY), answer=answer)


INTENTS = (
    Intent(
        name="greeting",
        ask=(_GREETING, *_GREETING_MORE),
        reply=(*_GREETING_REPLY, *_GREETING_REPLY_TIME),
        move=_greet,
        weight=1.2,
        slots={"time": _TIMES},
    ),
    fixed("how_are_you", _HOW, _HOW_REPLY, Answer(all_of=(("fine", "well", "great", "good", "okay"),), none_of=("not",))),
    Intent(name="thanks", ask=_THANKS, reply=(*_THANKS_REPLY, *_THANKS_REPLY_NAME), move=_thanks, weight=0.8, slots={"name": NAMES}),
    Intent(
        name="goodbye",
        ask=(_BYE_WHY, _BYE),
        reply=(*_BYE_REPLY, *_BYE_REPLY_NAME, *_BYE_REPLY_NIGHT),
        move=_bye,
        weight=0.8,
        slots={"day": DAYS, "name": NAMES},
    ),
)
