"""Readings of senses one after another: each frame keeps its own, and has none where a sense was missing."""

import numpy as np

from roboego.streams.readings import NO_READING, fresh, joined


def test_joined_readings_keep_their_frames() -> None:
    first = {"touch": fresh(np.array([[1.0], [2.0]], np.float32), np.array([0, 0, 1]))}
    second = {
        "touch": fresh(np.array([[3.0]], np.float32), np.array([NO_READING, 0])),
        "body": fresh(np.ones((1, 2), np.float32), np.zeros(2, int)),
    }
    made = joined([first, {}, second], [3, 2, 2], 6)
    touch, body = made["touch"], made["body"]
    felt = [None if n < 0 else float(touch.values[n, 0]) for n in touch.which]
    assert felt == [1, 1, 2, None, None, None]
    assert body.which.tolist() == [NO_READING] * 5 + [0]
    assert not touch.stale.any()
    assert joined([{}, {}], [1, 2], 3) == {}
