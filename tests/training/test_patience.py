"""Replies put off: everything of Ego's comes later, what was heard stays with its captions."""

import numpy as np

from roboego.recipes import nano
from roboego.streams.grid import empty_grid
from roboego.training.patience import LATE, put_off


def test_replies_come_later_and_captions_stay_with_what_was_heard() -> None:
    text, frames = nano.text_layout(), 80
    grid, captions = empty_grid(nano.tiny().layout, frames), np.full(frames, 0, np.int32)
    grid.read[0] = text.duplex or 0
    grid.listen[:] = np.arange(frames)[:, None]
    grid.speak[:] = 7
    grid.text[10:13], grid.speak[12:20, 0], grid.spoken[14:] = (100, 101, 102), np.arange(8) + 50, 3
    grid.text[50:52] = 103, 104
    captions[[8, 12]], captions[[40, 53]] = (200, 201), (202, 203)
    grid.text_weight[:] = 1

    late, heard = put_off(grid, captions, text, 2, np.random.default_rng(0))
    assert len(late) == len(heard) == frames + 4
    assert np.flatnonzero(late.text >= text.first_word).tolist() == [12, 13, 14, 54, 55]
    assert late.speak[14:22, 0].tolist() == list(range(50, 58))
    assert late.listen[:10, 0].tolist() == list(range(10))
    assert late.listen[10:12, 0].tolist() in ([0, 1], [1, 2])
    assert late.listen[12:54, 0].tolist()[:40] == list(range(10, 50))
    assert np.flatnonzero(heard).tolist() == [8, 12, 42, 55]
    assert np.flatnonzero(late.read).tolist() == [0]
    assert late.text_weight.all()
    assert np.flatnonzero(late.spoken == 3)[0] == 16
    same, _ = put_off(empty_grid(nano.tiny().layout, 5), captions[:5], text, 2, np.random.default_rng(0))
    assert len(same) == 5
    assert LATE > 4


def test_a_reply_at_the_very_start_stays() -> None:
    text = nano.text_layout()
    grid = empty_grid(nano.tiny().layout, 9)
    grid.text[0] = 100
    late, captions = put_off(grid, np.zeros(9, np.int32), text, 2, np.random.default_rng(0))
    assert late == grid
    assert len(captions) == 9
