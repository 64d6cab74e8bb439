"""Questions about a scene, and whether their answers are true of it."""

import numpy as np
import pytest

from roboego.data.grounded.seeing import DETAIL, TOPICS, ask_about
from roboego.data.grounded.view import View
from roboego.data.talk.answer import is_right
from roboego.data.talk.lexicon import COLORS, SHAPES, SIZES
from roboego.data.talk.sampling import vocabulary
from roboego.sim.scene import Placed, Scene, sample_scene
from roboego.sim.things import COLORS as PAINTS
from roboego.sim.things import SHAPES as BUILT
from roboego.sim.things import SIZES as MADE
from roboego.sim.things import Thing
from roboego.streams.alphabet import words

BOWL = Placed(thing=Thing(shape="bowl", color="red", size="big"), x=-0.2, y=0.0)
BALL = Placed(thing=Thing(shape="ball", color="blue", size="small"), x=-0.2, y=0.0, inside=0)
CUBE = Placed(thing=Thing(shape="cube", color="red", size="small", label="a7"), x=0.2, y=0.1)
VIEW = View(Scene(things=(BOWL, BALL, CUBE)))


def test_the_simulator_and_the_talk_know_the_same_things() -> None:
    assert (tuple(PAINTS), BUILT, MADE) == (COLORS, SHAPES, SIZES)


@pytest.mark.parametrize("topic", [*TOPICS, *DETAIL])
def test_answers_are_right_by_their_own_rule_and_speak_words_that_nano_knows(topic: str) -> None:
    rng, asked, known = np.random.default_rng(0), 0, set(vocabulary())
    for _ in range(150):
        found = ask_about(rng, View(sample_scene(rng)), topic)
        if found is None:
            continue
        asked += 1
        assert found.topic == topic
        assert is_right(found.answer, found.ego), found
        assert set(words(found.ego)) <= known, found.ego
        assert len(words(found.user)) <= 14
        assert topic in ("describe", "detail", "relation") or len(words(found.ego)) <= 14
    assert asked > 40


def answers(topic: str, count: int = 300) -> dict[str, str]:
    rng = np.random.default_rng(1)
    found = (ask_about(rng, VIEW, topic) for _ in range(count))
    return {a.user: a.ego for a in found if a is not None}


def test_what_is_said_is_true_of_the_table() -> None:
    assert answers("color")["what color is the ball?"].endswith("blue.")
    assert "two" in answers("count")["how many red things are there?"]
    cones = [ego for user, ego in answers("count").items() if "cones" in user]
    assert cones
    assert all(" no cones" in ego for ego in cones)
    related = answers("relation")
    assert related["what is inside the bowl?"] in (
        "a blue ball is inside the bowl.", "a small blue ball is inside the bowl.", "that is a blue ball.", "that is a small blue ball.",
        "a blue ball is inside it.", "a small blue ball is inside it.",
    )  # fmt: skip
    assert all(ego.endswith("so no.") for user, ego in related.items() if user.startswith("is the cube left of"))
    assert all("a, seven" in ego for ego in answers("label").values())
    assert not any("which" in user for user in answers("label"))  # it is neither a letter nor a digit
    assert answers("place")["where is the cube?"].endswith("is on the right at the back.")


def test_relations_that_are_too_close_to_call_are_not() -> None:
    near = View(Scene(things=(BOWL, Placed(thing=CUBE.thing, x=-0.17, y=0.13))))
    assert near.holds(0, "left of", 1) is None
    assert near.holds(0, "in front of", 1) is True
    assert near.holds(1, "in front of", 0) is False
    assert VIEW.holds(1, "inside", 0) is True
    assert VIEW.holds(1, "left of", 0) is None
    assert near.holds(0, "next to", 1) is True
    assert View(Scene(things=(BOWL, CUBE))).holds(0, "next to", 1) is False
    edge = View(Scene(things=(Placed(thing=CUBE.thing, x=0.09, y=0.0),)))
    assert edge.at("right") is None
    assert edge.where(0) == ()


def test_names_fit_one_thing_alone() -> None:
    alike = Placed(thing=Thing(shape="cube", color="red", size="big"), x=0.0, y=-0.1)
    view = View(Scene(things=(BOWL, BALL, CUBE, alike)))
    assert view.names[2] == ("small cube", "small red cube")
    assert view.names[0] == ("bowl", "red bowl", "big bowl", "big red bowl")
    rng = np.random.default_rng(0)
    assert {view.called(rng, 3) for _ in range(30)} == {"the big cube", "the big red cube"}
    assert View(Scene()).names == ()
