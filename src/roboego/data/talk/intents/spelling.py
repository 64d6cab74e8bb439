"""Words as words: opposites, spelling, and repeating what was said."""

from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import say, slip
from roboego.data.talk.grammar import Rng, Slots, chance, patterns, pick
from roboego.data.talk.intents.base import KNOW, Context, Intent, Move, reply
from roboego.data.talk.lexicon import LETTERS, OPPOSITES_OF, SINGLE_WORDS, SPELLABLE
from roboego.data.talk.phrases import phrase, phrase_words

_OPPOSITE = patterns(
    "(what is|what's) the opposite of [the word] {word}?",
    "({know}) the opposite of [the word] {word}.",
    "({know}) what the opposite of {word} is.",
    "what is the (contrary|reverse) of {word}?",
    "{word} is the opposite of (what|which word)?",
    "(which|what) word is the opposite of {word}?",
    "[please] (give me|name|say|find) the opposite of [the word] {word}.",
    "(can|could) you [please] (give me|name|find) the opposite of {word}?",
    "(what|which word) means the opposite of {word}?",
    "if (something|it) is not {word}, what is it? (name|say) the opposite.",
    "the opposite of {word} is (what|which word)?",
    "what do you call the opposite of {word}?",
    "what would be the opposite of {word}?",
    "how do you say the opposite of {word}?",
    "i need the opposite of [the word] {word}.",
    "(and|now) the opposite of {word}?",
)
_OPPOSITE_REPLY = patterns(
    "the opposite of {word} is {other}.",
    "that is {other}.",
    "{other} is the opposite of {word}.",
    "it is {other}.",
    "the answer is {other}.",
)


def _opposite(rng: Rng, context: Context) -> Move:
    word = pick(rng, tuple(OPPOSITES_OF))
    right = OPPOSITES_OF[word]
    slots = {**KNOW, "word": slip(rng, word, tuple(OPPOSITES_OF), 0.04)}
    none_of = tuple(f"{start} {word}" for start in ("is", "that is", "answer is")) + tuple(f"opposite of {other}" for other in right)
    return Move(
        user=say(rng, _OPPOSITE, "question", slots),
        ego=reply(rng, _OPPOSITE_REPLY, {"word": word, "other": pick(rng, right)}),
        answer=Answer(all_of=(right,), none_of=none_of),
    )


_SPELL = patterns(
    "[please|now] spell [the word] {word} [for me].",
    "(can|could|would|will) you [please] spell [the word] {word} [for me]?",
    "how (do|would|can) (you|i|we) spell [the word] {word}?",
    "how is [the word] {word} spelled?",
    "({know}) how (you|to) spell [the word] {word}.",
    "(what is|what's) the spelling of [the word] {word}?",
    "(what|which) letters are in [the word] {word}?",
    "(i want|i'd like) you to spell [the word] {word}.",
    "how do you write [the word] {word}?",
    "(give me|say|tell me) the letters of [the word] {word}.",
    "which letters (make|make up) [the word] {word}?",
    "try to spell [the word] {word}.",
    "({know}) the letters of [the word] {word}.",
    "(and|now) how is {word} (written|spelled)?",
)
_SPELL_REPLY = patterns(
    "{letters}.",
    "{word} is spelled {letters}.",
    "you spell {word} like this. {letters}.",
    "that is {letters}.",
    "sure. {letters}.",
)


def _spell(rng: Rng, context: Context) -> Move:
    word = pick(rng, SPELLABLE)
    slots = {**KNOW, "word": slip(rng, word, SPELLABLE, 0.04)}
    spelled = " ".join(word)
    return Move(
        user=say(rng, _SPELL, "question", slots),
        ego=reply(rng, _SPELL_REPLY, {"word": word, "letters": ", ".join(word)}),
        answer=Answer(all_of=((spelled,),), none_of=tuple(f"{a}{b}" for c in LETTERS for a, b in ((f"{spelled} ", c), (f"{c} ", spelled)))),
    )


_REPEAT = patterns(
    "[please|now|okay] repeat after me, {what}.",
    "(can|could|would|will) you [please] repeat after me, {what}?",
    "[please|now] say {what}.",
    "(can|could|would|will) you [please] say {what}?",
    "[please] repeat [these words|this|what i say], {what}.",
    "[please] say after me, {what}.",
    "(say|repeat) (the following|exactly this|this after me|these words after me), {what}.",
    "(i want|i'd like|i would like) you to (say|repeat), {what}.",
    "let me hear you say {what}.",
    "(try to|now try to) say {what}.",
    "(copy me|say what i say|speak after me|your turn to say it), {what}.",
    "(would|do) you mind repeating this, {what}?",
    "how does it sound when you say {what}?",
    "after me, {what}.",
    "now repeat, {what}.",
)
_REPEAT_REPLY_ONE = patterns("you said, {what}.", "the word is {what}.", "okay, i say {what}.")
_REPEAT_REPLY = patterns("{what}.", "{what}.", "okay. {what}.", "sure. {what}.", "you said, {what}.")


def _repeat(rng: Rng, context: Context) -> Move:
    if chance(rng, 0.4):
        what = ", ".join(pick(rng, SINGLE_WORDS) for _ in range(int(rng.integers(1, 5))))
    else:
        what = phrase(rng)
    echo = what.replace(",", "")
    return Move(
        user=say(rng, _REPEAT, "verbatim", {"what": what}),
        ego=reply(rng, _REPEAT_REPLY if " " in what else _REPEAT_REPLY_ONE, {"what": what}),
        answer=Answer(all_of=((echo,),)),
    )


_PAIRS: Slots = {"word": tuple(OPPOSITES_OF), "other": tuple(OPPOSITES_OF)}
_PHRASES = tuple(sorted({*SINGLE_WORDS, *phrase_words()}))

INTENTS = (
    Intent(name="opposite", ask=_OPPOSITE, reply=_OPPOSITE_REPLY, move=_opposite, weight=1.5, slots={**KNOW, **_PAIRS}),
    Intent(name="spell", ask=_SPELL, reply=_SPELL_REPLY, move=_spell, weight=1.5, slots={**KNOW, "word": SPELLABLE, "letters": LETTERS}),
    Intent(name="repeat", ask=_REPEAT, reply=(*_REPEAT_REPLY, *_REPEAT_REPLY_ONE), move=_repeat, weight=2.0, slots={"what": _PHRASES}),
)
