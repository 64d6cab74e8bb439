"""Printed labels stuck onto pictures where nothing stands: what is printed is few pixels, and reading it takes more labels than can be
drawn on things, each with the patches that it is to be read from."""
# S pixels a side, G patches a side, M patches

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roboego.data.pictures import PATCH_PIXELS
from roboego.sim.labels import label_image
from roboego.sim.scene import sample_label

MOST = 30
"""Labels that are tried on a picture; about two thirds of them find a place."""
PRINTED = 5_000
"""Different ones."""
PRINTED_PIXELS = 32
WIDE, CHARACTER, FLAT = (9, 27), 5, (0.65, 1.05)
"""Pixels of one, from and below, and of each of its characters at least, and its height as a share of that: as things' labels are seen."""
TURN_DEGREES, LIGHT = 12.0, (0.35, 1.0)
READABLE = 0.3
"""Share of a label that a patch has to show to be the one that it is read from."""


class Stuck(NamedTuple):
    """A picture [S, S, 3] with labels, `labels` [M] of patches ("": none is read there), and the patches `touched` [M] by one."""

    picture: NDArray[np.uint8]
    labels: list[str]
    touched: NDArray[np.bool_]


def stuck(picture: NDArray[np.uint8], patches_GG: NDArray[np.int8], rng: np.random.Generator) -> Stuck:
    """Sticks labels where patches show nothing (-1)."""
    grid, image = len(patches_GG), Image.fromarray(picture)
    taken, labels = patches_GG != -1, [""] * patches_GG.size
    touched = np.zeros_like(taken)
    for _ in range(MOST):
        text, printed, mask = printed_labels()[int(rng.integers(PRINTED))]
        width = int(rng.integers(max(WIDE[0], CHARACTER * len(text)), WIDE[1]))
        height = max(6, round(width * rng.uniform(*FLAT)))
        left, top = (int(rng.integers(0, len(picture) - size)) for size in (width, height))
        rows, columns = _patches(top, height), _patches(left, width)
        if taken[rows, columns].any():
            continue
        taken[rows, columns] = touched[rows, columns] = True
        light = rng.uniform(*LIGHT)
        look = printed.resize((width, height), Image.Resampling.BOX).point([round(value * light) for value in range(256)])
        image.paste(look.convert("RGB"), (left, top), mask.resize((width, height), Image.Resampling.BOX))
        for row in range(rows.start, rows.stop):
            for column in range(columns.start, columns.stop):
                shown = _overlap(top, height, row) * _overlap(left, width, column) / (width * height)
                labels[row * grid + column] = text if shown >= READABLE else ""
    return Stuck(np.asarray(image), labels, touched.ravel())


@lru_cache
def printed_labels() -> list[tuple[str, Image.Image, Image.Image]]:
    """What they say, how they look in grey, each turned a little, and where they are; the same ones in every process."""
    rng, made = np.random.default_rng(0), []
    size = (PRINTED_PIXELS, PRINTED_PIXELS)
    for _ in range(PRINTED):
        text, turn = sample_label(rng), float(rng.uniform(-TURN_DEGREES, TURN_DEGREES))
        printed = label_image(text).convert("L")
        look, mask = (part.rotate(turn).resize(size, Image.Resampling.BOX) for part in (printed, Image.new("L", printed.size, 255)))
        made.append((text, look, mask))
    return made


def _patches(start: int, size: int) -> slice:
    """Those that a stretch lies in, along one axis."""
    return slice(start // PATCH_PIXELS, (start + size - 1) // PATCH_PIXELS + 1)


def _overlap(start: int, size: int, patch: int) -> int:
    """Pixels of a stretch that lie in a patch, along one axis."""
    return max(0, min(start + size, (patch + 1) * PATCH_PIXELS) - max(start, patch * PATCH_PIXELS))
