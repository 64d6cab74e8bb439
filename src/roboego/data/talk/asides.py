"""What asks nothing of Ego: words to somebody else, backchannels, sentences that trail off; and what Ego offers after a long silence."""

from roboego.data.talk.grammar import Rng, patterns, pick
from roboego.data.talk.lexicon import NAMES
from roboego.streams.alphabet import words

_BACKCHANNELS = patterns(
    "uh huh", "um hum", "right", "okay", "i see", "yeah", "yes", "oh", "oh okay", "yeah, right", "good", "oh, i see", "sure", "yeah, okay"
)
"""("um hum" is how voices that read letters say "mm-hmm".)"""
_OTHER_BACKCHANNELS = patterns(
    "um hum", "right", "okay", "oh, right", "okay, i see", "yeah, sure", "yes, right", "uh huh, okay", "um, okay"
)
"""Those of evaluation: the most usual ones, and some that no training has."""
_CALLS = patterns("hey {name}", "{name}", "hi {name}", "oh, {name}", "hello {name}", "um, {name}", "sorry, {name}", "no, {name}")
_TO_OTHERS = patterns(
    "(can|could|would|will) you (close|open) the (door|window) [please]?",
    "(can|could) you (bring|get|give|hand|pass) me (the|my|that) (cup|book|phone|coffee|key|pen|bag) [please]?",
    "(where|when) (are you going|did you put it|is my (phone|book|bag|key|cup))?",
    "(do you want|would you like) (some|more) (coffee|tea|water)?",
    "i will (be right there|call you back|come in a minute|see you tomorrow|talk to you later).",
    "(come|look) (here|over here) [for a (second|minute|moment)].",
    "(dinner|lunch|the coffee|the tea) is ready.",
    "(did|have) you (see|seen|call|called|eat|eaten|find|found) (him|her|it|that) [yet]?",
    "(what time|when) (is|does) the (train|bus|film|meeting) [today|start]?",
    "(wait|hold on) (for me|a minute), i am (busy|on the phone|talking to the robot|trying the robot).",
    "(don't|do not) (touch|take|eat) (that|it).",
    "(are|were) you (at home|at work|tired|hungry|late) [today|yesterday]?",
)
_OFFERS = patterns(
    "can i help you?",
    "are you still there?",
    "do you need (help|anything)?",
    "can i do anything for you?",
    "how can i help you?",
    "is there anything i can do?",
)
EXTRAS = (*_BACKCHANNELS, *_CALLS, *_TO_OTHERS, *_OFFERS)
"""Every pattern of this module, for the vocabulary."""

_OPEN = {
    *("the", "a", "an", "my", "your", "this", "to", "of", "is", "are", "was", "am", "i'm", "it's", "and", "or", "plus", "from", "with"),
    *("in", "for", "after", "before", "than", "can", "could", "would", "will", "do", "did", "does", "if", "um", "uh", "so", "which"),
    *("call", "called", "comes", "spell", "opposite", "remember", "repeat", "count", "want", "like", "between", "two", "three", "four"),
}
"""Words after which no sentence of the world ends (some numbers among them: sums go on)."""


def backchannel(rng: Rng, *, held_out: bool = False) -> str:
    """What a listener says without wanting the floor."""
    return pick(rng, _OTHER_BACKCHANNELS if held_out else _BACKCHANNELS).sample(rng) + "."


def to_another(rng: Rng, sentence: str) -> str:
    """Words to somebody in the room: a remark of their own, or a sentence that would be Ego's to answer but for the name before it."""
    remark = sentence if rng.random() < 0.5 else pick(rng, _TO_OTHERS, [p.weight for p in _TO_OTHERS]).sample(rng)
    return f"{pick(rng, _CALLS).sample(rng, {'name': NAMES})}, {remark}"


def offer(rng: Rng) -> str:
    """What Ego asks, once, when nothing has been said for long."""
    return pick(rng, _OFFERS).sample(rng)


def open_ends(sentence: str) -> tuple[int, ...]:
    """After how many of its words a sentence cannot be over."""
    said = words(sentence)
    return tuple(i for i in range(1, len(said)) if said[i - 1] in _OPEN)
