"""Exchanges about a picture: questions about what it shows, requests that it shows to be impossible, and other talk between them."""

from contextlib import suppress
from dataclasses import replace

from roboego.data.grounded.asked import Asked
from roboego.data.grounded.conflicts import camera_is
from roboego.data.grounded.doing import impossible
from roboego.data.grounded.quiz import quick_questions
from roboego.data.grounded.seeing import ask_about
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.data.talk.dressing import dress
from roboego.data.talk.grammar import Rng, chance, patterns, pick
from roboego.data.talk.sampling import MAX_WORDS, Split, sample_exchange, split_of
from roboego.streams.alphabet import words

TURN_ODDS = (0.5, 0.3, 0.15, 0.05)
"""Of 1, 2, ... questions about a picture."""
TALK = 0.15
"""Chance that something else is talked about before a question."""
REFUSED = 0.15
"""Share of the questions that are requests instead, for something with a thing that is not there."""
TRIES = 200
BLIND = patterns(
    "sorry, i do not see anything.",
    "i cannot see anything right now.",
    "i do not see anything, my camera is off.",
    "sorry, i cannot see now.",
)
"""What Ego says to a question about what it sees when it sees nothing."""
BLIND_ANSWER = Answer(all_of=(("not see", "cannot see"),))


def sample_question(rng: Rng, view: View, split: Split, topic: str | None = None) -> Turn | None:
    """A question about a scene, dressed up, and its answer; the user's sentence is of the split, and in training Ego's is too.

    None where the scene has nothing to ask about.
    """
    for _ in range(TRIES):
        asked = ask_about(rng, view, topic)
        if asked is None:
            return None
        turn = _dressed(rng, asked)
        if _belongs(turn, split):
            return turn
    return None


def sample_refused(rng: Rng, view: View, split: Split) -> Turn | None:
    """A request for what cannot be done, since it is not there, and what Ego says instead; None if none comes to mind."""
    for _ in range(TRIES):
        asked = impossible(rng, view)
        if asked is None:
            return None
        turn = Turn(intent=f"see_{asked.verb}", user=dress(rng, asked.user, "request"), ego=asked.ego, answer=asked.answer)
        if _belongs(turn, split):
            return turn
    return None


def _belongs(turn: Turn, split: Split) -> bool:
    fits = len(words(turn.user)) <= MAX_WORDS and split_of(turn.user) == split
    return fits and (split != "train" or split_of(turn.ego) == "train")


def _dressed(rng: Rng, asked: Asked) -> Turn:
    return Turn(intent=f"see_{asked.topic}", user=dress(rng, asked.user, asked.kind), ego=asked.ego, answer=asked.answer, about=asked.about)


def grounded_exchange(rng: Rng, view: View, split: Split, turns: int | None = None, topic: str | None = None) -> Exchange | None:
    """A conversation about a scene; None where the scene has nothing to ask about.

    Args:
        turns: questions about it; by default mostly few.
        topic: of the one question that there is then, or "quiz": many quick ones; None: of any, and other talk between them.
    """
    if topic == "quiz":
        return quick_questions(rng, view, split)
    if topic is not None:
        only = sample_question(rng, view, split, topic)
        return None if only is None else Exchange(intent=only.intent, turns=(only,))
    count = turns or pick(rng, range(1, len(TURN_ODDS) + 1), TURN_ODDS)
    done: list[Turn] = []
    for _ in range(count):
        if chance(rng, TALK):
            with suppress(RuntimeError):  # nothing of this split can be said
                done += sample_exchange(rng, split, 1).turns
        turn = sample_refused(rng, view, split) if chance(rng, REFUSED) else sample_question(rng, view, split)
        if turn is None:
            return None
        done.append(turn)
    return Exchange(intent=done[-1].intent, turns=tuple(done))


def blind(rng: Rng, exchange: Exchange, *, black: bool = False) -> Exchange:
    """The same conversation when there is no picture, or a black one: Ego says so where it is asked about one."""

    def answered(turn: Turn) -> Turn:
        if not turn.intent.startswith("see_"):
            return turn
        ego, answer = camera_is("black") if black else (pick(rng, BLIND).sample(rng), BLIND_ANSWER)
        return replace(turn, ego=ego, answer=answer)

    return replace(exchange, turns=tuple(answered(turn) for turn in exchange.turns))
