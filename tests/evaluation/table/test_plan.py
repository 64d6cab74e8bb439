"""What plans are drawn from: held-out tables and sentences."""

import numpy as np
import pytest

from roboego.data.talk.grammar import patterns, pick
from roboego.data.talk.sampling import split_of
from roboego.evaluation.table.plan import TEST_SEED, Meanwhile, NoSentence, begins_at, can_take, drawn, held_out, shared_out
from roboego.recipes import nano_demonstrations, nano_sight
from roboego.sim.tasks import HOLDING, VERBS, Task
from tests.evaluation.table.tables import SCENE


def test_tables_are_those_that_no_training_sees() -> None:
    for seeds in (nano_demonstrations.SEEDS, nano_sight.SEEDS):
        assert seeds["test"] == TEST_SEED
        assert TEST_SEED not in (seeds["train"], seeds["validation"])


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in (*HOLDING, "stop")])
def test_there_is_a_held_out_sentence_for_every_verb(verb: str) -> None:
    scene, asked = drawn(np.random.default_rng(0), verb)  # type: ignore[arg-type]
    assert split_of(asked.user) == "test"
    assert asked.task is not None
    assert asked.task.verb == verb
    assert asked.task.thing is None or asked.task.thing < len(scene.things)


def test_a_sentence_that_is_not_held_out_is_not_found() -> None:
    rng, (pattern,) = np.random.default_rng(0), patterns("wave (once|twice|three times|four times|five times|again|now) [at me|at him].")
    text = held_out(rng, lambda: pattern.sample(rng), "request")
    assert text is not None
    assert split_of(text) == "test"
    assert held_out(rng, lambda: pick(rng, ("hello there.",)), "verbatim") is None
    assert "wave" in str(NoSentence("a request to wave"))


def test_the_arm_begins_at_home_or_somewhere_above_and_never_at_home_to_go_there() -> None:
    rng = np.random.default_rng(0)
    tips = [begins_at(rng, "touch") for _ in range(40)]
    assert 10 < sum(tip is None for tip in tips) < 30
    assert all(tip is None or tip[2] > 0.15 for tip in tips)
    assert begins_at(rng, "put_down") is None
    homeward = [begins_at(rng, "go_home") for _ in range(20)]
    assert all(tip is not None and tip[1] <= 0 for tip in homeward)


def test_what_can_be_taken() -> None:
    assert can_take(SCENE, Task(verb="put_down", thing=1))


def test_voices_share_what_there_is_to_say() -> None:
    assert shared_out(5, ["a", "b"]) == [(0, "a", 3), (1, "b", 2)]
    assert shared_out(1, ["a", "b"]) == [(0, "a", 1), (1, "b", 0)]


def test_what_happens_meanwhile_in_words() -> None:
    assert Meanwhile(after_frames=1, text="stop.", typed="go on.").told == "stop., reads: go on."
    assert Meanwhile(after_frames=1, camera="frozen").told == "camera frozen"
