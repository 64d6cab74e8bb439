"""What is kept of a conversation: all that its transcript tells, and little beside."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from roboego.commands.exchange.record import DRAWN_FRAMES
from roboego.commands.exchange.transcript import transcript
from roboego.timebase import seconds_to_frames
from tests.commands.scene import FRAMES, make_scene

HOUR = seconds_to_frames(3_600)
DRAWN = -(-DRAWN_FRAMES // FRAMES)
"""How often the scene is longer than what is drawn."""


def kept_bytes(folder: Path, again: int) -> int:
    """Memory of the scene's record, when all else is gone."""
    tracemalloc.start()
    try:
        record, _ = make_scene(folder, again=again)
        assert record.frames == again * FRAMES
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_what_is_kept_of_an_hour_stays_small(tmp_path: Path) -> None:
    """Of an hour like the scene, by how much it grows past what is drawn."""
    kept_bytes(tmp_path, 2 * DRAWN)  # what is made once, in the first call, is no growth
    grown = kept_bytes(tmp_path, 2 * DRAWN) - kept_bytes(tmp_path, DRAWN)
    assert grown / (DRAWN * FRAMES) * HOUR < 8e6


def test_past_what_is_drawn_every_step_is_still_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.commands.exchange.record.DRAWN_FRAMES", FRAMES // 2)
    record, _ = make_scene(tmp_path)
    assert len(record.codes) == FRAMES // 2
    told = transcript(record, {})
    assert len(told["step_ms"]) == len(told["spoken_upto"]) == len(told["actions"]) == told["frames"] == FRAMES
    assert all(len(bins) == 4 for bins in told["actions"])
    assert max(ms for ms in told["step_ms"]) == told["step_ms"][100] > 80
    assert (told["counters"]["late_steps"], record.spoken[-1], told["tokens"][-1]["frame"] > FRAMES // 2) == (1, 10, True)
