"""What the user tells Ego to keep: their name, and anything they ask it to remember."""

from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import dress, say, slip
from roboego.data.talk.grammar import Pattern, Rng, Slots, chance, patterns, pick
from roboego.data.talk.intents.base import KNOW, Context, Intent, Move, others, reply
from roboego.data.talk.lexicon import COLORS, DAYS, NAMES, NUMBERS, SHAPES, SINGLE_WORDS, SIZES

_TELL = patterns(
    "[hello|hi|hey|good morning], my (name is|name's|first name is) {name} [by the way]",
    "[hello|hi|hey|good evening], (i am|i'm|i am called|this is|it's) {name}",
    "[please|from now on] call me {name}",
    "you (can|may|should) call me {name}",
    "(people|my friends|they all|most people|all my friends) call me {name}",
    "{name} is my name",
    "(let me introduce myself|let me tell you who i am|nice to meet you), (i am|i'm|my name is) {name}",
    "(by the way|just so you know|remember), my name is {name}",
    "(i would like you to|i want you to) call me {name}",
    "i (think|believe) i have not told you my name, it is {name}",
    "(my name|the name) is {name}, (nice|pleased|good) to meet you",
    "(i'm|i am) {name}, (and|what about you|nice to meet you|and who are you)",
    "here is my name, {name}",
    "they named me {name}",
    "you are (talking|speaking) (to|with) {name}",
)
_TELL_REPLY = patterns(
    "nice to meet you, {name}.",
    "hello {name}. nice to meet you.",
    "hi {name}. it is good to meet you.",
    "pleased to meet you, {name}.",
    "okay, {name}. i will remember your name.",
    "thank you, {name}. i will remember that.",
)


def _tell_name(rng: Rng, context: Context) -> Move:
    name = pick(rng, NAMES)
    user = dress(rng, pick(rng, _TELL).sample(rng, {"name": slip(rng, name, NAMES, 0.04)}) + ".", "social")
    return Move(user=user, ego=reply(rng, _TELL_REPLY, {"name": name}), answer=_named(name), name=name)


_CORRECT = patterns(
    "(actually|sorry|no), my name is [really] {name} [not {old}]",
    "(actually|sorry|no|no no), (i'm|i am) {name} [not {old}]",
    "(actually|no), [please] call me {name} [not {old}|from now on]",
    "(i was joking|that was wrong|that's wrong|i lied|you got it wrong), my name is {name}",
    "i am not {old}, (i am|i'm|my name is) {name}",
    "my name is not {old}, it is {name}",
    "i (changed|want to change) my name, (now i am|call me|it is now) {name}",
    "(let me correct that|i made a mistake|wait), my name is {name}",
    "from now on i am {name}",
    "(it's|it is|i said) {name}, not {old}",
)
_CORRECT_REPLY = patterns(
    "okay, your name is {name}.",
    "sorry. nice to meet you, {name}.",
    "okay, i will call you {name}.",
    "thank you. now i know that you are {name}.",
    "i am sorry, {name}. i will remember that.",
)


def _correct_name(rng: Rng, context: Context) -> Move:
    old = context.name or pick(rng, NAMES)
    name = pick(rng, others(NAMES, old))
    slots = {"name": name, "old": old}
    user = dress(rng, pick(rng, _CORRECT).sample(rng, slots) + ".", "social")
    return Move(user=user, ego=reply(rng, _CORRECT_REPLY, slots), answer=_named(name), name=name)


_ASK_NAME = patterns(
    "(what is|what's|what was) my name [again]?",
    "do you [still] (know|remember) my name?",
    "who am i [again]?",
    "what am i called?",
    "({know}) (my name|who i am|what my name is|what i am called).",
    "(did you forget|have you forgotten) my name [already]?",
    "(please|now) say my name.",
    "(can|could) you [please] say my name?",
    "what did i (say|tell you) my name (was|is)?",
    "do you [still] (know|remember) who i am?",
    "(you know|you remember) my name, (don't you|right)?",
    "(how|what) (do|should) you call me?",
    "what is the name i (told|gave) you?",
    "(i told you my name|i gave you my name), what (is|was) it?",
    "what name did i (tell|give) you?",
    "(can|do) you (remember|remind me) what my name is?",
    "who are you (talking|speaking) to?",
)
_ASK_REPLY = patterns(
    "your name is {name}.",
    "you are {name}.",
    "you told me that your name is {name}.",
    "of course, you are {name}.",
    "you said your name is {name}.",
    "i remember. your name is {name}.",
)
_ASK_REPLY_UNKNOWN = patterns(
    "you have not told me your name yet.",
    "i do not know your name yet.",
    "sorry, i do not know your name.",
    "i do not know. what is your name?",
)


def _ask_name(rng: Rng, context: Context) -> Move:
    user = say(rng, _ASK_NAME, "question", KNOW)
    if context.name is None:
        answer = Answer(all_of=(("not told me", "do not know", "don't know"),), none_of=NAMES)
        return Move(user=user, ego=reply(rng, _ASK_REPLY_UNKNOWN), answer=answer)
    return Move(user=user, ego=reply(rng, _ASK_REPLY, {"name": context.name}), answer=_named(context.name))


def _named(name: str) -> Answer:
    return Answer(all_of=((name,),), none_of=others(NAMES, name))


# Things to remember. Each line gives the user's words and Ego's; those with a verb begin with "that".
_KEEPSAKES = (
    ("the word {word}", "the word {word}"),
    ("the number {number}", "the number {number}"),
    ("the color {color}", "the color {color}"),
    ("the {thing}", "the {thing}"),
    ("the letter {letter}", "the letter {letter}"),
    ("the words {word} and {word_too}", "the words {word} and {word_too}"),
    ("that my favorite color is {color}", "that your favorite color is {color}"),
    ("that my favorite number is {number}", "that your favorite number is {number}"),
    ("that my birthday is on {day}", "that your birthday is on {day}"),
    ("that we meet on {day}", "that we meet on {day}"),
    ("that i like the {thing}", "that you like the {thing}"),
    ("that {name} has the {thing}", "that {name} has the {thing}"),
    ("that the {thing} is mine", "that the {thing} is yours"),
    ("that {name} is coming on {day}", "that {name} is coming on {day}"),
    ("that my keys are in the {color} {holder}", "that your keys are in the {color} {holder}"),
    ("that the {color} {shape} is {property}", "that the {color} {shape} is {property}"),
)
_KEPT = tuple((Pattern(user), Pattern(ego)) for user, ego in _KEEPSAKES)
_LETTERS = tuple("bcdefghjklmnopqrstuvwxyz")  # "a" and "i" would read as words
_PROPERTIES = ("heavy", "light", "hard", "soft", "full", "empty", "new", "old", "clean", "dirty")
_HOLDERS = ("bowl", "box")

_KEEP = patterns(
    "[please|now] remember {what} [for me]",
    "(can|could|would|will) you [please] remember {what} [for me]",
    "(i want|i'd like|i would like|i need) you to remember {what}",
    "[please] (don't|do not) forget {what}",
    "[please] try to remember {what}",
    "(i ask|i'm asking|i am asking) you to remember {what}",
    "(can|could) you (make sure|try) to remember {what}",
    "you (should|must|have to|need to) remember {what}",
    "(here is something to remember|something to remember|keep this in mind|remember this), {bare}",
    "you must not forget {what}",
    "(please|now) keep in mind {what}",
    "(will|can) you keep in mind {what}",
    "(make sure you remember|never forget|always remember) {what}",
)
_KEEP_REPLY = patterns(
    "okay, i will remember {kept}.",
    "sure, i will remember {kept}.",
    "i will not forget {kept}.",
    "got it. i will remember {kept}.",
    "i will keep in mind {kept}.",
)


def _keep(rng: Rng, context: Context) -> Move:
    word, word_too = pick(rng, SINGLE_WORDS), pick(rng, SINGLE_WORDS)
    slots: Slots = {
        "word": word, "word_too": word_too, "number": pick(rng, NUMBERS), "color": pick(rng, COLORS), "shape": pick(rng, SHAPES),
        "letter": pick(rng, _LETTERS), "day": pick(rng, DAYS), "name": pick(rng, NAMES), "property": pick(rng, _PROPERTIES),
        "holder": pick(rng, _HOLDERS), "thing": _thing(rng),
    }  # fmt: skip
    asked, kept = (p.sample(rng, slots) for p in pick(rng, _KEPT))
    ask = pick(rng, _KEEP).sample(rng, {"what": asked, "bare": asked.removeprefix("that ")})
    ego = reply(rng, _KEEP_REPLY, {"kept": kept})
    return Move(user=dress(rng, ask + ".", "request"), ego=ego, answer=_kept_answer(kept), kept=kept)


_RECALL = patterns(
    "what did i (ask|tell|want) you to (remember|keep in mind) [for me|before|earlier]?",
    "what (were|are) you (supposed|asked|told) to remember?",
    "do you [still] (remember|know) what i (asked|told) you to remember?",
    "what should you remember [for me]?",
    "what was it (that i asked|i asked|i told) you to remember?",
    "({know}) what i (asked|told) you (to remember|not to forget).",
    "(can|could) you [please] remind me what i (asked|told) you to remember?",
    "what do you have to remember [for me]?",
    "(can|do) you [still] remember it, what i asked you to remember?",
    "(i asked|i told) you to remember something, what was it?",
    "what (was|is) the thing (you should|you had to|i asked you to) remember?",
    "(have you forgotten|did you forget) what i (asked|told) you to remember?",
    "what did i (tell|ask) you not to forget?",
    "(remind me|say again), what did i ask you to remember?",
    "what do you remember [for me]?",
)
_RECALL_REPLY = patterns(
    "you asked me to remember {kept}.",
    "you told me to remember {kept}.",
    "i remember {kept}.",
    "you wanted me to remember {kept}.",
)
_RECALL_REPLY_NOTHING = patterns(
    "you have not asked me to remember anything yet.",
    "nothing yet. what should i remember?",
    "you did not ask me to remember anything.",
    "there is nothing yet that i should remember.",
)


def _recall(rng: Rng, context: Context) -> Move:
    user = say(rng, _RECALL, "question", KNOW)
    if context.kept is None:
        answer = Answer(all_of=(("not asked me", "not ask me", "nothing yet"),))
        return Move(user=user, ego=reply(rng, _RECALL_REPLY_NOTHING), answer=answer)
    return Move(user=user, ego=reply(rng, _RECALL_REPLY, {"kept": context.kept}), answer=_kept_answer(context.kept))


def _kept_answer(kept: str) -> Answer:
    return Answer(all_of=((kept.removeprefix("that "),),))


def _thing(rng: Rng) -> str:
    size = f"{pick(rng, SIZES)} " if chance(rng, 0.4) else ""
    return f"{size}{pick(rng, COLORS)} {pick(rng, SHAPES)}"


_NAMED: Slots = {"name": NAMES, "old": NAMES}
_KEPT_SLOTS: Slots = {
    "word": SINGLE_WORDS, "word_too": SINGLE_WORDS, "number": NUMBERS, "color": COLORS, "shape": SHAPES, "letter": _LETTERS, "day": DAYS,
    "name": NAMES, "property": _PROPERTIES, "holder": _HOLDERS, "thing": (*SIZES, *COLORS, *SHAPES),
}  # fmt: skip

INTENTS = (
    Intent(name="name_tell", ask=_TELL, reply=_TELL_REPLY, move=_tell_name, weight=1.5, slots=_NAMED),
    Intent(name="name_correct", ask=_CORRECT, reply=_CORRECT_REPLY, move=_correct_name, weight=0.3, needs="name_tell", slots=_NAMED),
    Intent(
        name="name_ask",
        ask=_ASK_NAME,
        reply=(*_ASK_REPLY, *_ASK_REPLY_UNKNOWN),
        move=_ask_name,
        weight=1.5,
        needs="name_tell",
        slots={**_NAMED, **KNOW},
    ),
    Intent(
        name="remember",
        ask=(*_KEEP, *(user for user, _ in _KEPT)),
        reply=(*_KEEP_REPLY, *(ego for _, ego in _KEPT)),
        move=_keep,
        weight=1.5,
        slots=_KEPT_SLOTS,
    ),
    Intent(
        name="recall",
        ask=_RECALL,
        reply=(*_RECALL_REPLY, *_RECALL_REPLY_NOTHING),
        move=_recall,
        weight=1.5,
        needs="remember",
        slots=KNOW,
    ),
)
