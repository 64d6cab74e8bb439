"""Requests: the tasks that they mean, and what cannot be done."""

import numpy as np
import pytest

from roboego.data.grounded.doing import impossible, request, spoken
from roboego.data.grounded.view import View
from roboego.data.talk.answer import is_right
from roboego.data.talk.sampling import vocabulary
from roboego.sim.scene import Scene, sample_scene
from roboego.sim.tasks import VERBS, Task
from roboego.streams.alphabet import words


@pytest.mark.parametrize("verb", VERBS)
def test_every_task_can_be_asked_for_and_answered(verb: str) -> None:
    rng, known, asked = np.random.default_rng(0), set(vocabulary()), 0
    for _ in range(60):
        view = View(sample_scene(rng, 5))
        found = request(rng, view, verb)  # type: ignore[arg-type]
        if found is None:
            continue
        asked += 1
        assert found.task is not None
        assert found.task.verb == found.verb == verb
        assert is_right(found.answer, found.ego), found
        assert set(words(found.ego)) <= known, found.ego
    assert asked > 10


def test_what_is_not_there_is_refused_by_name() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        view = View(sample_scene(rng))
        found = impossible(rng, view)
        if found is None:
            continue
        assert found.task is None
        assert is_right(found.answer, found.ego), found
        assert not is_right(found.answer, "okay, i am picking it up.")
        if "only see" in found.ego:
            asked, there = (words(part)[-1 if i == 0 else -2] for i, part in enumerate(found.ego.split(", but i only see ")))
            assert asked in found.user
            assert asked != there
            continue
        named = found.ego.rstrip(".").split(" no ")[-1].split(" see ")[-1].removeprefix("a ").removeprefix("an ")
        assert view.count(named) == 0


def test_there_are_many_ways_to_ask_for_the_same() -> None:
    rng = np.random.default_rng(0)
    assert len({spoken(rng, View(Scene()), Task(verb="wave")).user for _ in range(300)}) > 20
