"""What a right answer must contain, and the exchanges that carry it."""

from dataclasses import dataclass
from typing import Literal

from roboego.errors import InputError
from roboego.streams.alphabet import normalize, words
from roboego.streams.calls import Function

Manner = Literal["plain", "slower", "louder"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Which word sequences make an answer right.

    Attributes:
        all_of: each entry lists alternatives, of which one must be said.
        none_of: none of these may be said.
        in_order: the entries of `all_of` must be said one after another.
    """

    all_of: tuple[tuple[str, ...], ...]
    none_of: tuple[str, ...] = ()
    in_order: bool = False


@dataclass(frozen=True, kw_only=True)
class Calling:
    """A function that Ego calls in a turn. When the result comes is for whoever lays the turn out.

    Attributes:
        text: the call as Ego writes it; result: what it reads of what came of it. Both as `roboego.streams.calls` has them.
        moment: what Ego says where the result takes long; "": nothing.
        at_once: the turn's reply does not wait for the result.
        after: what Ego says when it has read the result of such a call; "": nothing.
    """

    text: str
    result: str
    moment: str = ""
    at_once: bool = False
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One thing that the user says, or that Ego reads, and what Ego replies.

    Attributes:
        intent: what the user wants, one of `intents()`, or what Ego is told.
        user: what the user says; "" where nobody speaks.
        ego: the reply; of a turn with a call what is said when the result has been read, unless it is said at once.
        answer: what makes all that Ego says in this turn right.
        manner: how Ego should say it.
        call: what Ego calls before it replies.
        read: what Ego reads, and replies to, where nobody speaks.
        about: the things of a picture that the reply tells of, by their place in its scene; -1 stands for what is not there.
    """

    intent: str
    user: str
    ego: str
    answer: Answer
    manner: Manner = "plain"
    call: Calling | None = None
    read: str = ""
    about: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A conversation in which the user speaks one to five times. Its intent is the last time's, which may lean on what was said before.

    Attributes:
        functions: what Ego may call in it, told at its beginning.
    """

    intent: str
    turns: tuple[Turn, ...]
    functions: tuple[Function, ...] = ()


def is_right(answer: Answer, said: str) -> bool:
    """Judges what was said. It is normalized first; what cannot be expressed in the alphabet is not a right answer."""
    try:
        spoken = words(normalize(said))
    except InputError:
        return False
    if any(_find(spoken, phrase, 0) is not None for phrase in answer.none_of):
        return False
    at = 0
    for alternatives in answer.all_of:
        ends = [end for phrase in alternatives if (end := _find(spoken, phrase, at)) is not None]
        if not ends:
            return False
        if answer.in_order:
            at = min(ends)
    return True


def _find(spoken: list[str], phrase: str, start: int) -> int | None:
    """Index after the first place at or after `start` where the words of `phrase` stand in a row."""
    wanted = phrase.split()
    for i in range(start, len(spoken) - len(wanted) + 1):
        if spoken[i : i + len(wanted)] == wanted:
            return i + len(wanted)
    return None
