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

MOST = 40
"""Labels that are tried on a picture; about two thirds of them find a place."""
PRINTED = 6_000
"""Different ones."""


class Plate(NamedTuple):
    """What labels are printed on, as the camera sees it.

    Attributes:
        aspect: how wide it is, as a multiple of its height.
        wide: pixels from and below; flat: its height as a share of that; character: pixels that each character has at least.
    """

    aspect: float
    wide: tuple[int, int]
    flat: tuple[float, float]
    character: float


PLATES = (Plate(1.0, (14, 32), (0.6, 0.95), 7.0), Plate(2.67, (28, 50), (0.24, 0.38), 8.0))
"""Cubes' and boxes'."""
TURN_DEGREES, SHEAR = 10.0, 0.25
SHARPNESS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
"""How large labels become small ones: some are sharper than others."""
LIGHTS = [[round(value * light) for value in range(256)] for light in np.linspace(0.35, 1.0, 32)]
"""What becomes of each grey in different lights."""
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
        text, plate, printed, mask = printed_labels()[int(rng.integers(PRINTED))]
        width = int(rng.integers(max(plate.wide[0], round(plate.character * len(text))), plate.wide[1]))
        height = max(6, round(width * rng.uniform(*plate.flat)))
        left, top = (int(rng.integers(0, len(picture) - size)) for size in (width, height))
        rows, columns = _patches(top, height), _patches(left, width)
        if taken[rows, columns].any():
            continue
        taken[rows, columns] = touched[rows, columns] = True
        how = SHARPNESS[int(rng.integers(len(SHARPNESS)))]
        look = printed.resize((width, height), how).point(LIGHTS[int(rng.integers(len(LIGHTS)))])
        image.paste(look.convert("RGB"), (left, top), mask.resize((width, height), how))
        for row in range(rows.start, rows.stop):
            for column in range(columns.start, columns.stop):
                shown = _overlap(top, height, row) * _overlap(left, width, column) / (width * height)
                labels[row * grid + column] = text if shown >= READABLE else ""
    return Stuck(np.asarray(image), labels, touched.ravel())


@lru_cache
def printed_labels() -> list[tuple[str, Plate, Image.Image, Image.Image]]:
    """What they say, on what, how they look in grey, each turned a little, and where they are; the same ones in every process."""
    rng, made = np.random.default_rng(0), []
    for i in range(PRINTED):
        text, plate, turn = sample_label(rng), PLATES[i % len(PLATES)], float(rng.uniform(-TURN_DEGREES, TURN_DEGREES))
        printed = label_image(text, plate.aspect).convert("L")
        shear = rng.uniform(-SHEAR, SHEAR) / plate.aspect  # as of a plate that is turned away
        skew = (1.0, 0.0, 0.0, shear, 1.0, -shear * printed.width / 2)
        parts = (printed, Image.new("L", printed.size, 255))
        look, mask = (p.transform(p.size, Image.Transform.AFFINE, skew).rotate(turn).reduce(2) for p in parts)
        made.append((text, plate, look, mask))
    return made


def _patches(start: int, size: int) -> slice:
    """Those that a stretch lies in, along one axis."""
    return slice(start // PATCH_PIXELS, (start + size - 1) // PATCH_PIXELS + 1)


def _overlap(start: int, size: int, patch: int) -> int:
    """Pixels of a stretch that lie in a patch, along one axis."""
    return max(0, min(start + size, (patch + 1) * PATCH_PIXELS) - max(start, patch * PATCH_PIXELS))
