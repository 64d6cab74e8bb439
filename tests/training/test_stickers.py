"""Labels stuck onto pictures: where nothing stands, and told to the patches that show them."""

import numpy as np

from roboego.data.pictures import PATCH_PIXELS
from roboego.training.stickers import MOST, stuck

GRID = 8
SIZE = GRID * PATCH_PIXELS


def test_labels_are_where_nothing_stands_and_told_where_they_can_be_read() -> None:
    patches = np.full((GRID, GRID), -1, np.int8)
    patches[:, :4] = 0
    blank = np.zeros((SIZE, SIZE, 3), np.uint8)
    for seed in range(20):
        found = stuck(blank, patches, np.random.default_rng(seed))
        changed = (found.picture != 0).any(-1).reshape(GRID, PATCH_PIXELS, GRID, PATCH_PIXELS).any((1, 3))
        assert not changed[:, :4].any()
        assert not (changed & ~found.touched.reshape(GRID, GRID)).any()
        told = np.array([bool(label) for label in found.labels])
        assert not (told & ~found.touched).any()
        assert len({label for label in found.labels if label}) <= MOST
    assert not blank.any()


def test_a_full_table_stays_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    found = stuck(picture, np.zeros((GRID, GRID), np.int8), np.random.default_rng(1))
    assert np.array_equal(found.picture, picture)
    assert not any(found.labels)
    assert not found.touched.any()
