from dataclasses import replace

import numpy as np
import pytest

from roboego.errors import InputError, ShapeError
from roboego.streams.grid import concatenate, empty_grid
from roboego.streams.layout import SoundLayout
from streams.examples import LAYOUT


def test_an_empty_grid_waits() -> None:
    grid = empty_grid(LAYOUT, 4)
    assert len(grid) == 4
    assert (grid.text == LAYOUT.text.wait).all()
    assert (grid.speak == LAYOUT.speak.pad_id).all()
    assert not any(getattr(grid, f"{s}_weight").any() for s in ("text", "speak", "spoken", "act"))


def test_parts_make_up_the_whole() -> None:
    grid = empty_grid(LAYOUT, 9)
    grid.text[:] = np.arange(9)
    assert concatenate([grid[:4], grid[4:4], grid[4:]]) == grid
    assert len(grid[2:5]) == 3
    assert grid[2:5] != grid[3:6]


def test_arrays_of_other_lengths_are_refused() -> None:
    grid = empty_grid(LAYOUT, 4)
    with pytest.raises(ShapeError, match="read"):
        replace(grid, read=grid.read[:3])
    with pytest.raises(ShapeError, match="speak"):
        replace(grid, speak=grid.speak[:, 0])


def test_sound_layouts() -> None:
    sound = SoundLayout(codebooks=3, entries=8)
    assert (sound.delays, sound.ids, sound.pad_id, sound.max_delay) == ((0, 0, 0), 9, 8, 0)
    assert SoundLayout(codebooks=2, entries=8, delays=(0, 3)).max_delay == 3
    with pytest.raises(InputError, match="delays"):
        SoundLayout(codebooks=2, entries=8, delays=(0,))
    with pytest.raises(InputError, match="pad_id"):
        SoundLayout(codebooks=2, entries=8, ids=8)
