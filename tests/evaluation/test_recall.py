"""Long conversations that end in what an earlier turn told."""

import numpy as np
import pytest

from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.data.talk.sampling import MAX_TURNS, split_of
from roboego.evaluation import recall
from roboego.evaluation.talk import Question


def question(right: bool) -> Question:
    return Question(intent="recall", user="", expected="", written="", right=right, latency_s=None, early=False)


def exchange(*intents: str) -> Exchange:
    return Exchange(intent=intents[-1], turns=tuple(Turn(intent=i, user="x", ego="", answer=Answer(all_of=())) for i in intents))


@pytest.mark.parametrize("voice", ["heart"])
def test_it_was_told_before_and_is_asked_for_last(voice: str) -> None:
    made = recall.conversations(voice, 4)
    assert {e.turns[-1].intent for e, _ in made} == set(recall.ASKS)
    for spoken, sounds in made:
        assert len(spoken.turns) == len(sounds) == MAX_TURNS
        assert recall.turns_since(spoken) in range(1, MAX_TURNS)
        assert all(split_of(turn.user) == "test" for turn in spoken.turns)
    again = recall.conversations(voice, 4)
    assert all(np.array_equal(a, b) for (_, x), (_, y) in zip(made, again, strict=True) for a, b in zip(x, y, strict=True))


def test_rates_go_by_the_turns_since_the_last_telling() -> None:
    near, far = exchange("remember", "sum", "remember", "recall"), exchange("remember", "sum", "count", "recall")
    assert (recall.turns_since(near), recall.turns_since(far), recall.turns_since(exchange("sum", "recall"))) == (1, 3, None)
    told = recall.summary([(near, question(True)), (far, question(False)), (near, question(True))])
    assert (told["all"]["rate"], told["all"]["of"]) == (2 / 3, 3)
    assert {n: r["rate"] for n, r in told["turns_since"].items()} == {"1": 1.0, "3": 0.0}
