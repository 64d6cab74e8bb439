"""Episodes in which the arm is held up: nothing happens meanwhile, and the expert would go on."""

from dataclasses import replace

import numpy as np

from roboego.data.episodes import Episode
from roboego.data.grounded.held_up import FRAMES, TIMES, held_up
from roboego.sim.scene import Scene
from roboego.sim.tasks import Task

LENGTH, DONE = 30, 22


def episode() -> Episode:
    frames = np.arange(LENGTH)
    return Episode(
        scene=Scene(),
        task=Task(verb="go_home"),
        bins=np.repeat(frames[:, None], 4, 1).astype(np.uint8),
        body=np.repeat(frames[:, None], 11, 1).astype(np.float32),
        touch=np.repeat(frames[:, None], 2, 1).astype(np.float32),
        held=frames.astype(np.int8),
        touched=frames.astype(np.int8),
        looks=tuple((frame, 100 + frame) for frame in range(0, LENGTH, 5)),
        points=np.zeros((6, 4, 3), np.float16),
        done=DONE,
    )


def test_frames_with_pictures_last_longer_and_all_that_belongs_to_them_with_them() -> None:
    longer = 0
    for seed in range(60):
        slow = held_up(episode(), np.random.default_rng(seed))
        longer += len(slow) > LENGTH
        assert LENGTH <= len(slow) < LENGTH + TIMES[1] * FRAMES[1]
        was = slow.bins[:, 0].astype(int)
        assert (np.diff(was) >= 0).all()
        assert set(was) == set(range(LENGTH))
        stands = was[1:][np.diff(was) == 0]
        assert set(stands) <= {0, 5, 10, 15, 20}
        for other in (slow.body[:, 0], slow.touch[:, 0], slow.held, slow.touched):
            assert (other == was).all()
        assert [(was[frame], number) for frame, number in slow.looks] == list(episode().looks) == [(n - 100, n) for _, n in slow.looks]
        assert all(frame == 0 or was[frame - 1] < was[frame] for frame, _ in slow.looks)
        assert was[slow.done] == DONE
    assert 20 < longer < 50


def test_what_goes_by_beats_is_not_held_up() -> None:
    waving = replace(episode(), task=Task(verb="wave"))
    assert all(held_up(waving, np.random.default_rng(seed)) is waving for seed in range(20))
