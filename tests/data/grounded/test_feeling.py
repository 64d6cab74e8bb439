"""Questions about what the hand feels, and whether their answers are true of it."""

import numpy as np
import pytest

from roboego.data.grounded.feeling import TOPICS, Felt, ask_what_is_felt
from roboego.data.grounded.view import View
from roboego.data.talk.answer import is_right
from roboego.sim.scene import Placed, Scene
from roboego.sim.things import Thing

VIEW = View(
    Scene(
        things=(
            Placed(thing=Thing(shape="cube", color="red", size="small", soft=True), x=0.1, y=0.0),
            Placed(thing=Thing(shape="ball", color="blue", size="big", heavy=True), x=-0.1, y=0.0),
        )
    )
)


@pytest.mark.parametrize("topic", list(TOPICS))
@pytest.mark.parametrize("felt", [Felt(), Felt(held=0, touched=True), Felt(held=1, touched=False)])
def test_answers_are_right_by_their_own_rule_and_another_hands_are_wrong(topic: str, felt: Felt) -> None:
    rng = np.random.default_rng(0)
    other = Felt(held=None, touched=not felt.touched) if felt.held is not None else Felt(held=1, touched=False)
    for _ in range(40):
        asked = ask_what_is_felt(rng, VIEW, felt, topic)
        if asked is None:
            assert topic != "holding"
            assert felt.held is None
            continue
        assert asked.topic == topic
        assert is_right(asked.answer, asked.ego), asked
        others = ask_what_is_felt(np.random.default_rng(1), VIEW, other, topic)
        if topic == "touched" and others is not None and felt.touched is not None:
            assert not is_right(asked.answer, others.ego)


def test_what_is_said_is_true_of_the_hand() -> None:
    rng = np.random.default_rng(2)

    def said(felt: Felt, topic: str) -> set[str]:
        return {a.ego for _ in range(60) if (a := ask_what_is_felt(rng, VIEW, felt, topic)) is not None}

    assert said(Felt(held=0), "soft") == {"it is soft.", "it feels soft."}
    assert said(Felt(held=1), "soft") == {"it is hard.", "it feels hard."}
    assert said(Felt(held=1), "heavy") == {"it is heavy.", "it feels heavy."}
    assert said(Felt(), "soft") == set()
    assert "i am holding a blue ball." in said(Felt(held=1), "holding")
    assert "no, my hand is empty." in said(Felt(), "holding")
