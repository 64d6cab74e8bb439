"""Exercises in which Ego speaks while somebody else does."""

from dataclasses import replace

import numpy as np
import pytest

from roboego.recipes import nano
from roboego.streams.grid import FrameGrid, empty_grid
from roboego.training.overhearing import SHORTEST, overheard
from roboego.training.rows import Mixture, Pool

TEXT = nano.text_layout()


def exercise(mode: int | None, frames: int, words: list[int]) -> FrameGrid:
    """Words from frame 6 on; every frame hears codes of its own."""
    assert mode is not None
    grid = empty_grid(nano.layout(), frames)
    text, read = np.full(frames, TEXT.wait, np.int32), np.full(frames, TEXT.wait, np.int32)
    text[6 : 6 + len(words)], read[0] = words, mode
    listen = np.tile(np.arange(frames, dtype=np.int16)[:, None] + (100 if mode == TEXT.asr else 0), (1, nano.layout().listen.codebooks))
    return replace(grid, text=text, read=read, listen=listen)


@pytest.mark.parametrize("frames", [20, 60, 200])
def test_what_is_heard_meanwhile_is_written_down_where_a_transcription_has_it(frames: int) -> None:
    said, other = exercise(TEXT.tts, 60, [100, 101, 102]), exercise(TEXT.asr, frames, [200, 201])
    starts = set()
    for seed in range(20):
        grid, captions = overheard(said, other, TEXT, np.random.default_rng(seed))
        start = int(np.flatnonzero(grid.listen[:, 0] != said.listen[:, 0])[0])
        stop = min(start + frames, 60)
        starts.add(start)
        assert 1 <= start < 60 - SHORTEST
        assert np.array_equal(grid.listen[start:stop], other.listen[: stop - start])
        assert np.array_equal(grid.listen[stop:], said.listen[stop:])
        assert np.array_equal(captions[start:stop], other.text[: stop - start])
        assert set(captions[:start].tolist()) | set(captions[stop:].tolist()) <= {TEXT.wait}
        for name in ("text", "read", "speak", "text_weight", "speak_weight"):
            assert np.array_equal(getattr(grid, name), getattr(said, name))
    assert len(starts) > 5


def test_rows_hold_as_much_of_it_as_was_asked_for() -> None:
    pools = [Pool([exercise(TEXT.tts, 60, [100, 101])], 0.5), Pool([exercise(TEXT.asr, 60, [200, 201])], 0.5)]

    def overheard_words(overhears: float) -> int:
        row = Mixture(pools, TEXT, overhears=overhears).row(np.random.default_rng(0), 2_000)
        return int((np.isin(row.captions, [200, 201]) & (row.grid.text != row.captions)).sum())

    assert overheard_words(0.0) == 0
    assert overheard_words(1.0) > 10
