"""Quick questions: brief answers that are right, half of what is asked for there."""

from collections import Counter
from typing import get_args

import numpy as np

from roboego.data.grounded.exchanges import grounded_exchange
from roboego.data.grounded.quiz import QUESTIONS, is_there, quick_questions
from roboego.data.grounded.view import View
from roboego.data.talk.answer import is_right
from roboego.data.talk.sampling import Split, split_of
from roboego.sim.scene import Scene, sample_scene
from roboego.streams.alphabet import words


def test_answers_are_brief_and_right() -> None:
    rng = np.random.default_rng(0)
    for split in get_args(Split):
        exchange = grounded_exchange(rng, View(sample_scene(rng, 4)), split, topic="quiz")
        assert exchange is not None
        assert split != "train" or len(exchange.turns) == 1 + QUESTIONS
        assert len(exchange.turns) > 1
        for turn in exchange.turns:
            assert is_right(turn.answer, turn.ego)
            assert len(words(turn.ego)) <= 7
            assert split_of(turn.user) == split


def test_half_of_what_is_asked_for_is_there() -> None:
    rng, found = np.random.default_rng(0), Counter[str]()
    for _ in range(400):
        asked = is_there(rng, View(sample_scene(rng, 3)))
        if asked is not None:
            found[asked.answer.all_of[0][0]] += 1
    assert set(found) == {"yes", "no"}
    assert abs(found["yes"] - found["no"]) < 60


def test_nothing_is_asked_about_an_empty_table() -> None:
    assert quick_questions(np.random.default_rng(0), View(Scene(things=())), "train") is None
