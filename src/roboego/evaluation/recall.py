"""What a model still knows later in a conversation: five turns, of which the last asks for what an earlier one told."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from roboego.data.talk.answer import Exchange
from roboego.data.talk.intents import BY_NAME
from roboego.data.talk.sampling import MAX_TURNS, sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import Sound
from roboego.evaluation.material import level
from roboego.evaluation.talk import Question, rate

ASKS = ("name_ask", "recall")
"""What the last turn may be: the user's name, and what was to be remembered."""


def conversations(voice: str, count: int, *, seed: int = 0) -> list[tuple[Exchange, list[Sound]]]:
    """So many held-out conversations, spoken; both kinds of question in turn."""
    rng, speaker = np.random.default_rng([seed, 23]), open_voice(voice)
    made = [_exchange(rng, ASKS[i % len(ASKS)]) for i in range(count)]
    return [(exchange, [level(speaker.say(t.user, rng).pcm) for t in exchange.turns]) for exchange in made]


def _exchange(rng: np.random.Generator, intent: str) -> Exchange:
    while True:
        exchange = sample_exchange(rng, "test", MAX_TURNS, intent=intent)
        if turns_since(exchange) is not None:
            return exchange


def turns_since(exchange: Exchange) -> int | None:
    """How many turns before the last one it was told what that asks for; None if it was not."""
    told = [i for i, turn in enumerate(exchange.turns[:-1]) if turn.intent == BY_NAME[exchange.turns[-1].intent].needs]
    return len(exchange.turns) - 1 - told[-1] if told else None


def summary(asked: Sequence[tuple[Exchange, Question]]) -> dict[str, Any]:
    """How often the last turn of each exchange was answered rightly: all of them, and by the turns since it was told."""
    far = {turns_since(exchange) for exchange, _ in asked} - {None}
    by_turns = {str(n): rate([q.right for exchange, q in asked if turns_since(exchange) == n]) for n in sorted(far, key=str)}
    return {"all": rate([q.right for _, q in asked]), "turns_since": by_turns}
