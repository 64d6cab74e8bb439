"""The camera."""

import numpy as np

from roboego.sim.eye import Eye
from roboego.sim.scene import rearranged, sample_scene
from roboego.sim.table import Table


def test_a_camera_that_turns_to_another_table_sees_what_a_new_one_does() -> None:
    rng = np.random.default_rng(1)
    scene = sample_scene(rng, 4, labelled=True)
    other = rearranged(rng, scene)
    with Eye(Table(scene), 112, 112) as eye:
        before = eye.picture()
        eye.turn_to(Table(other))
        turned = eye.picture(), eye.things(), eye.depth(), eye.points()
    with Eye(Table(other), 112, 112) as fresh:
        for ours, theirs in zip(turned, (fresh.picture(), fresh.things(), fresh.depth(), fresh.points()), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(before, turned[0])
