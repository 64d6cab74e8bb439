"""Tables as they are drawn, and things."""

import math
from dataclasses import replace

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.sim.scene import APART_M, MOST_THINGS, Placed, Scene, rearranged, sample_label, sample_scene
from roboego.sim.things import LABEL_SHAPES, Thing

CUBE = Thing(shape="cube", color="red", size="big")
BALL = Thing(shape="ball", color="blue", size="small")
BOWL = Thing(shape="bowl", color="white", size="big")


def test_equal_seeds_give_equal_tables_and_others_others() -> None:
    drawn = [[sample_scene(np.random.default_rng([seed, i])) for i in range(5)] for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_things_leave_room_for_the_gripper_and_no_two_are_called_the_same() -> None:
    rng, kinds, below = np.random.default_rng(0), set(), 0
    for _ in range(60):
        things = sample_scene(rng).things
        assert len({str(p.thing) for p in things}) == len(things)
        kinds |= {p.thing.shape for p in things}
        below += sum(p.below is not None for p in things)
        alone = [p for p in things if p.below is None]
        for i, a in enumerate(alone):
            for b in alone[:i]:
                assert math.hypot(a.x - b.x, a.y - b.y) > a.thing.radius_m + b.thing.radius_m + APART_M
    assert len(kinds) == 6
    assert below > 10


def test_what_is_inside_or_on_top_of_something_stands_as_high() -> None:
    scene = Scene(things=(Placed(thing=BOWL, x=0, y=0), Placed(thing=BALL, x=0, y=0, inside=0), Placed(thing=CUBE, x=0.2, y=0)))
    assert [scene.height_m(i) for i in range(3)] == [0.0, 0.004, 0.0]
    scene = Scene(things=(Placed(thing=CUBE, x=0, y=0), Placed(thing=Thing(shape="cone", color="red", size="small"), x=0, y=0, on=0)))
    assert scene.height_m(1) == CUBE.height_m


@pytest.mark.parametrize(
    "things",
    [
        (Placed(thing=BALL, x=0, y=0, on=1), Placed(thing=CUBE, x=0, y=0)),  # what carries it comes later
        (Placed(thing=CUBE, x=0, y=0), Placed(thing=BALL, x=0, y=0, on=0)),  # a ball rolls off
        (Placed(thing=CUBE, x=0, y=0), Placed(thing=BALL, x=0, y=0, inside=0)),  # a cube holds nothing
        (Placed(thing=CUBE, x=0, y=0),) * (MOST_THINGS + 1),
    ],
)
def test_tables_that_cannot_be_are_refused(things: tuple[Placed, ...]) -> None:
    with pytest.raises(InputError):
        Scene(things=things)


@pytest.mark.parametrize(
    "wrong", [{"shape": "pyramid"}, {"color": "pink"}, {"size": "huge"}, {"label": "abcd"}, {"label": "?"}, {"shape": "ball", "label": "a"}]
)
def test_things_that_are_not_of_this_world_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InputError):
        Thing(**{"shape": "cube", "color": "red", "size": "big", **wrong})  # type: ignore[arg-type]


def test_a_small_cube_has_room_for_two_characters() -> None:
    Thing(shape="cube", color="red", size="small", label="a1")
    Thing(shape="box", color="red", size="small", label="a1b")
    with pytest.raises(InputError, match="small cube"):
        Thing(shape="cube", color="red", size="small", label="a1b")


def test_labels_say_no_letter_that_is_taken_for_a_digit() -> None:
    rng = np.random.default_rng(0)
    labels = [sample_label(rng) for _ in range(2_000)]
    assert set("".join(labels)) == set("abcdefghjklmnprstuvwxyz0123456789")
    assert {len(label) for label in labels} == {1, 2, 3}


def test_things_are_laid_anew() -> None:
    rng = np.random.default_rng(3)
    scene = sample_scene(rng, 5)
    again = rearranged(rng, scene)

    def kept(scene: Scene) -> list[Thing]:
        return [replace(placed.thing, color="red") for placed in scene.things]

    assert kept(again) == kept(scene)
    assert [(p.x, p.y) for p in again.things] != [(p.x, p.y) for p in scene.things]
    assert [p.thing.color for p in again.things] != [p.thing.color for p in scene.things]
    assert (again.light, again.camera, again.table) != (scene.light, scene.camera, scene.table)


def test_plain_tables_differ_in_their_things_alone() -> None:
    labelled = [placed.thing for i in range(5) for placed in sample_scene(np.random.default_rng(i), 4, labelled=True).things]
    assert {thing.shape for thing in labelled} == set(LABEL_SHAPES)
    assert all(thing.label for thing in labelled)
    plain = sample_scene(np.random.default_rng(0), 4, plain=True)
    assert (plain.light, plain.camera, plain.table) == (Scene().light, Scene().camera, Scene().table)
    assert not any(p.thing.soft or p.thing.heavy or p.thing.label for p in plain.things)
    assert sample_scene(np.random.default_rng(0), 4).camera != plain.camera
