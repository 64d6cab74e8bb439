"""What was seen and felt while recorded conversations went on, in a file beside their shard of grids.

`NAME-00000.witnessed.npz` holds the frames in which pictures came, and their numbers in the bank of the same name among the pictures, and
of each sense the frames in which readings came, and the readings; all with the number of the grid that they belong to.
"""
# T frames, R readings, L pictures shown

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from roboego.data.pictures import PATCH_PIXELS, JpegFile, entry_of
from roboego.errors import InputError
from roboego.sound.files import appearing
from roboego.streams.grid import Tokens
from roboego.streams.readings import NO_READING, Readings

SUFFIX = ".witnessed.npz"
QUALITY = 90
UNKNOWN = entry_of((), np.full((PATCH_PIXELS, PATCH_PIXELS), -1, np.int16), None)
"""Nobody says what such a picture shows."""

Came = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Frames [R] in which a sense's readings came, and the readings [R, ...]."""


def witnessed_of(shard: Path) -> Path:
    """Where it lies, beside a shard of grids."""
    return shard.with_name(shard.stem + SUFFIX)


class WitnessWriter:
    """Takes in what belongs to one grid after another."""

    def __init__(self) -> None:
        self.pictures = JpegFile()
        self._grids = 0
        self._looks: list[tuple[int, int, int]] = []
        self._felt: dict[str, list[tuple[int, int, NDArray[np.float32]]]] = {}

    def add(self, shown: list[tuple[int, NDArray[np.uint8]]], felt: Mapping[str, Came]) -> None:
        """Of the next grid: frames and pictures [H, W, 3] that were shown, and by name what was felt.

        Raises:
            InputError: readings of a sense have another shape than those before.
        """
        for frame, picture in shown:
            self._looks.append((self._grids, frame, len(self.pictures)))
            self.pictures.add(picture, QUALITY, UNKNOWN)
        for name, (frames, values) in felt.items():
            mine = self._felt.setdefault(name, [])
            if mine and len(values) and mine[0][2].shape != values.shape[1:]:
                raise InputError(f"its readings of {name} are {list(values.shape[1:])}, those before {list(mine[0][2].shape)}")
            mine += [(self._grids, int(frame), value) for frame, value in zip(frames, values, strict=True)]
        self._grids += 1

    def save(self, shard: Path, pictures: Path) -> None:
        """Writes the file, and the bank of pictures into its folder; nothing of either where nothing came, and what was there is removed.

        Raises:
            InputError: they cannot be written.
        """
        path, index = witnessed_of(shard), pictures / f"{shard.stem}.jsonl"
        for old in (path, *pictures.glob(f"{shard.stem}.*")):
            old.unlink(missing_ok=True)
        if self._looks:
            self.pictures.save(index)
        arrays: dict[str, Any] = {"looks": np.array(self._looks, np.int64).reshape(-1, 3)}
        for name, felt in self._felt.items():
            if felt:
                arrays[f"{name}.at"] = np.array([(grid, frame) for grid, frame, _ in felt], np.int64)
                arrays[f"{name}.values"] = np.stack([value for *_, value in felt])
        if len(arrays) == 1 and not self._looks:
            return
        try:
            with appearing(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **arrays)
        except OSError as error:
            raise InputError(f"cannot write {path} ({error.strerror}): free some space or choose another folder") from error


class Witnessed:
    """Implements `roboego.training.rows.Looks` and `Feelings` for the grids of a shard.

    Args:
        frames: of each grid.
        shapes: of the readings of each sense that is wanted; fresh_frames: for how long each of them counts as fresh.
    Raises:
        InputError: the file is missing or damaged, or holds readings of another shape.
    """

    def __init__(
        self, shard: Path, frames: NDArray[np.int64], shapes: Mapping[str, tuple[int, ...]], fresh_frames: Mapping[str, int]
    ) -> None:
        path, self._frames, self._fresh = witnessed_of(shard), frames, fresh_frames
        try:
            with path.open("rb") as raw, np.load(raw) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, BadZipFile) as error:
            raise InputError(f"cannot read {path} ({error}); import the conversations again: roboego data import-recordings") from error
        self._looks = arrays["looks"]
        self._felt = {name: (arrays[f"{name}.at"], arrays[f"{name}.values"]) for name in shapes if f"{name}.at" in arrays}
        for name, (_, values) in self._felt.items():
            if values.shape[1:] != shapes[name]:
                raise InputError(f"{path} has readings of {name} of shape {list(values.shape[1:])}, the model takes {list(shapes[name])}")

    def looks(self, i: int) -> Tokens:
        """[T] the number of the picture that is in sight in grid `i`; -1 where there is none."""
        track = np.full(int(self._frames[i]), -1, np.int32)
        for _, frame, number in self._looks[self._looks[:, 0] == i]:
            track[frame:] = number
        return track

    def senses(self, i: int) -> dict[str, Readings]:
        """What is felt in grid `i`."""
        place, found = np.arange(int(self._frames[i])), dict[str, Readings]()
        for name, (at, values) in self._felt.items():
            mine = at[:, 0] == i
            if not mine.any():
                continue
            frames = at[mine, 1]
            which = np.searchsorted(frames, place, "right") - 1
            age = place - frames[np.maximum(which, 0)]
            stale = (which != NO_READING) & (age >= self._fresh.get(name, 1))
            found[name] = Readings(values=values[mine], which=which, stale=stale)
        return found
