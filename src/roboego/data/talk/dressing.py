"""How people really say it: fillers, address, politeness, hesitations, restarts and self-corrections around a plain sentence."""

import re
from collections.abc import Sequence
from typing import Literal

from roboego.data.talk.grammar import NO_SLOTS, Pattern, Rng, Slots, chance, patterns, pick, tidy
from roboego.streams.alphabet import words

Kind = Literal["question", "request", "social", "verbatim"]
"""What a sentence is, hence what goes with it. A "verbatim" one ends with words to be repeated: nothing is added after them."""

_FILLERS = patterns(
    "um", "uh", "so", "well", "okay", "oh", "and", "now", "alright", "um, so", "okay, so", "so, um", "well, um", "right, so"
)
_SOCIAL_FILLERS = patterns("um", "uh", "oh", "well", "okay", "so", "okay, so", "well, um", "yes")
_ADDRESS = patterns(
    *("ego", "hey ego", "hi ego", "okay ego", "hello ego", "hey robot", "robot", "hey", "hey, robot", "ego, my friend"),
    "(um|uh|so|okay), ego",
)
_LEADS: dict[Kind, tuple[Pattern, ...]] = {
    "question": patterns(
        *("tell me", "quick question", "one question", "[excuse me|sorry], i have a question", "(excuse me|sorry)", "listen"),
        *(
            "next question",
            "here is a question",
            "can i ask you something",
            "i wonder",
            "i would like to know",
            "help me",
            "let me ask you",
        ),
    ),
    "request": patterns(
        *("(excuse me|sorry)", "listen", "one more thing", "do me a favor", "next", "let's try something", "i have a task for you"),
        "now listen",
    ),
    "social": (),
    "verbatim": patterns("listen", "now listen", "let's try something", "one more thing", "here is a task", "do me a favor"),
}
_NAMES_FOR_EGO = patterns("ego", "robot", "my friend")
_OPEN_TAILS = patterns("please", "ego", "do you know", "robot", "any idea", "my friend", "can you tell me")  # after "what is ..."
_POLITE_TAILS = patterns("please", "please", "ego", "robot", "my friend")  # after "can you ..."
_REQUEST_TAILS = patterns("please", "please", "ego", "thanks", "if you can", "would you", "will you", "please, ego", "robot", "okay")
_SLIPS = patterns(
    *(
        "{wrong}, no, {right}",
        "{wrong}, sorry, {right}",
        "{wrong}, i mean {right}",
        "{wrong}, no wait, {right}",
        "{wrong}, um, no, {right}",
    ),
    *("{wrong}, or rather {right}", "{wrong}, uh, {right}, i mean", "{wrong}, oh no, {right}"),
)

EXTRAS = (
    *(*_FILLERS, *_SOCIAL_FILLERS, *_ADDRESS, *_SLIPS, *_NAMES_FOR_EGO, *_OPEN_TAILS, *_POLITE_TAILS, *_REQUEST_TAILS),
    *(p for group in _LEADS.values() for p in group),
)
"""Every pattern of this module, for the vocabulary."""

_TAKEN_BACK = re.compile(r", (?:um, |uh, )?(?:oh no|no wait|no|sorry|or rather|i mean)\b")
_ADDRESSED = {"ego", "robot", "hey", "hi", "hello", "friend"}
_ASK_OPENLY = {"what", "which", "how", "who", "where", "what's", "how's"}
_ASK_POLITELY = {"can", "could", "would", "will"}
_ASK_YES_NO = _ASK_POLITELY | {"do", "is", "are", "did", "does", "have", "am"}
_OPENED = {"um", "uh", "so", "well", "okay", "oh", "and", "now", "alright", "right", "sorry", "excuse", "listen", "next", "no", "wait"}


def say(rng: Rng, options: Sequence[Pattern], kind: Kind, slots: Slots = NO_SLOTS) -> str:
    """A user's sentence from one of the patterns, dressed up. Patterns with many forms come up more often."""
    return dress(rng, pick(rng, options, [p.weight for p in options]).sample(rng, slots), kind)


def dress(rng: Rng, core: str, kind: Kind) -> str:
    """Adds what people add, before, within and after the sentence, or (every other time) nothing."""
    body, end, said = core[:-1], core[-1], words(core)
    if said[0] in _ASK_OPENLY | _ASK_POLITELY or (said[0] == "do" and said[1:2] == ["you"]):
        end = "?"
    if kind == "question" and end == ".":
        kind = "request"
    if kind != "social":
        body = _restart(rng, body, said)
    addressed = bool(_ADDRESSED & set(said))
    if kind != "verbatim" and chance(rng, 0.2):
        tail = pick(rng, _tails(kind, end, said)).sample(rng)
        if not set(words(tail)) & {*said, *(_ADDRESSED if addressed else ())} and "please" not in said:
            body = f"{body}, {tail}"
            addressed = addressed or bool(_ADDRESSED & set(words(tail)))
            end = "?" if tail in ("would you", "will you", "okay") else end
    return tidy(_opening(rng, kind, said, addressed) + body + end)


def slip(rng: Rng, right: str, others: Sequence[str], probability: float = 0.06) -> str:
    """The right word, sometimes after a hesitation or after a wrong one that is taken back."""
    roll = rng.random()
    if roll < probability:
        wrong = pick(rng, [o for o in others if o != right])
        return pick(rng, _SLIPS).sample(rng, {"wrong": wrong, "right": right})
    if roll < probability + 0.04:
        return f", {pick(rng, ('um', 'uh'))}, {right}"
    return right


def takes_back(sentence: str) -> bool:
    """Whether the user takes a word of it back, as `slip` has it."""
    return _TAKEN_BACK.search(sentence) is not None


def _restart(rng: Rng, body: str, said: list[str]) -> str:
    """ "what is two plus two" -> "what is, um, what is two plus two", now and then."""
    if len(said) < 5 or said[0] not in _ASK_OPENLY | _ASK_YES_NO | {"i", "if", "tell"} or not chance(rng, 0.05):
        return body
    first = body.split()[: pick(rng, (1, 2))]
    return body if any("," in w for w in first) else f"{' '.join(first)}, {pick(rng, ('um, ', 'uh, ', ''))}{body}"


def _tails(kind: Kind, end: str, said: list[str]) -> tuple[Pattern, ...]:
    if kind == "social":
        return _NAMES_FOR_EGO
    if said[0] in _ASK_POLITELY and end == "?":
        return _POLITE_TAILS
    if kind == "question" or end == "?":
        return _OPEN_TAILS if said[0] in _ASK_OPENLY else _NAMES_FOR_EGO
    return _REQUEST_TAILS


def _opening(rng: Rng, kind: Kind, said: list[str], addressed: bool) -> str:
    if said[0] in _OPENED:
        return ""
    roll = rng.random()
    if kind == "social":
        return f"{pick(rng, _SOCIAL_FILLERS).sample(rng)}, " if roll < 0.18 else ""
    if roll < 0.14:
        return f"{pick(rng, _FILLERS).sample(rng)}, "
    if roll < 0.32 and not addressed:
        return f"{pick(rng, _ADDRESS).sample(rng)}, "
    if roll < 0.42 and said[0] not in _ADDRESSED | {"tell", "please", "i'd", "i"}:
        lead = pick(rng, _LEADS[kind]).sample(rng)
        return "" if set(words(lead)) & set(said) else f"{lead}, "
    return ""
