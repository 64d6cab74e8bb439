"""Pictures of drawn tables with what is true of them, in shards: what seeing is learned from.

A shard is `NAME-00012.jpegs` (JPEG files one after another) and `NAME-00012.jsonl` (one picture a line), made in one go from its own seed
and renamed into place.
"""
# S pixels a side, G patches a side

import base64
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roboego.errors import InputError
from roboego.sim.mjcf import HOME_M
from roboego.sim.scene import MOST_THINGS, Placed, rearranged, sample_scene
from roboego.sound.files import appearing
from roboego.strict import from_json

if TYPE_CHECKING:
    from roboego.sim.table import Table

PATCH_PIXELS = 16
SEEN_PIXELS = 25
"""A thing that fewer pixels show is not asked for."""
COVERED = 0.2
"""Share of a patch that a thing has to fill to be what the patch shows."""
QUALITY = (70, 96)
"""Of the JPEGs, as cameras and clients have it."""
AT_HOME, HOLDING = 0.45, 0.12
"""How often the arm rests, and how often it holds something up; else it is somewhere above the table."""
SHARD = re.compile(r"(-\d{5})?")
"""What follows a bank's name in that of a shard; nothing, where it is a shard's already."""


@dataclass(frozen=True, kw_only=True)
class PictureJob:
    """One shard to make, of at least `count` pictures.

    Attributes:
        labelled: there are only things with labels: what is learned last is to read.
        tables: pictures of the same things, in other colours and at other places each time, with the same labels.
    """

    folder: Path
    name: str
    shard: int
    count: int = 250
    size: int = 272
    seed: int = 0
    labelled: bool = False
    tables: int = 8

    @property
    def out(self) -> Path:
        """The file that is written last."""
        return self.folder / f"{self.name}-{self.shard:05d}.jsonl"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture and what is true of it.

    Attributes:
        picture: [S, S, 3].
        things: what is on the table, as it was placed.
        seen: of each thing, how many pixels show it.
        patches: [G, G] which thing each patch shows, by its place; -1: none, -2: the arm.
        held: the thing that the arm holds up; None if it holds none.
    """

    picture: NDArray[np.uint8]
    things: tuple[Placed, ...]
    seen: tuple[int, ...]
    patches: NDArray[np.int8]
    held: int | None


def make_pictures(job: PictureJob) -> Path:
    """Draws one shard, unless it is there already.

    Raises:
        InputError: this machine cannot draw, or the shard cannot be written.
    """
    if job.out.exists():
        return job.out
    rng, made = np.random.default_rng([job.seed, job.shard]), JpegFile()
    while len(made) < job.count:
        _draw(rng, job, made)
    made.save(job.out)
    return job.out


class JpegFile:
    """Pictures on their way into a shard."""

    def __init__(self) -> None:
        self._jpegs: list[bytes] = []
        self._entries: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._jpegs)

    def add(self, picture: NDArray[np.uint8], quality: int, entry: dict[str, Any]) -> None:
        """Adds a picture [S, S, 3] and what is true of it, see `entry_of`."""
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "JPEG", quality=quality)
        self._jpegs.append(out.getvalue())
        self._entries.append(entry)

    def extend(self, others: "JpegFile") -> None:
        """Adds all of the others."""
        self._jpegs += others._jpegs
        self._entries += others._entries

    def save(self, index: Path) -> None:
        """Writes the shard whose index is to be this file.

        Raises:
            InputError: it cannot be written.
        """
        starts = np.cumsum([0, *(len(jpeg) for jpeg in self._jpegs)])
        lines = [
            json.dumps({"offset": int(start), "bytes": len(jpeg), **entry})
            for start, jpeg, entry in zip(starts, self._jpegs, self._entries, strict=False)
        ]
        try:
            index.parent.mkdir(parents=True, exist_ok=True)
            for path, data in ((index.with_suffix(".jpegs"), b"".join(self._jpegs)), (index, "\n".join(lines).encode())):
                with appearing(path) as temporary:
                    temporary.write_bytes(data)
        except OSError as error:
            raise InputError(f"cannot write {index} ({error.strerror}): free some space or choose another folder") from error


def entry_of(things: tuple[Placed, ...], shown_SS: NDArray[np.int16], held: int | None) -> dict[str, Any]:
    """What is true of a picture, for its line in the index.

    Args:
        things: where they are; shown_SS: which of them each pixel shows, as of `Eye.things`; held: which one the arm holds.
    """
    return {
        "things": [asdict(p) for p in things],
        "seen": [int((shown_SS == i).sum()) for i in range(len(things))],
        "patches": base64.b64encode(patch_things(shown_SS, len(things)).tobytes()).decode(),
        "held": held,
    }


def _draw(rng: np.random.Generator, job: PictureJob, made: JpegFile) -> None:
    """Adds tables with the same things as the camera sees them, the arm here and there."""
    from roboego.sim.eye import Eye
    from roboego.sim.table import Table

    scene = sample_scene(rng, int(rng.integers(1, MOST_THINGS + 1)), labelled=True) if job.labelled else sample_scene(rng)
    with Eye(Table(scene), job.size, job.size) as eye:
        for _ in range(job.tables):
            table = Table(rearranged(rng, scene))
            eye.turn_to(table)
            try:
                held = _pose(table, rng)
            except InputError:  # it slips out of the hand, and may lie anywhere now
                continue
            picture, quality = eye.picture(), int(rng.integers(*QUALITY))
            made.add(picture, quality, entry_of(table.scene.things, eye.things(), held))


def _pose(table: "Table", rng: np.random.Generator) -> int | None:
    """The arm at home, somewhere above the table, or with a thing held up: which one.

    Raises:
        InputError: it could not be taken up.
    """
    from roboego.sim.env import take
    from roboego.sim.tasks import possible

    roll = rng.random()
    lifts = [t for t in possible(table.scene) if t.verb == "pick_up"]
    if lifts and roll < HOLDING:
        task = lifts[int(rng.integers(len(lifts)))]
        take(table, task)
        return task.thing
    home = roll < HOLDING + AT_HOME
    tip = HOME_M if home else (rng.uniform(-0.3, 0.3), rng.uniform(-0.28, 0.2), rng.uniform(0.15, 0.28))
    table.place_hand(np.array(tip), 0.03 if home else float(rng.uniform(0, 0.055)))
    return None


def patch_things(shown_SS: NDArray[np.int16], count: int) -> NDArray[np.int8]:
    """[G, G] what each patch shows: the thing, or the arm (-2), that covers the most of it, if that is enough; else -1."""
    grid = len(shown_SS) // PATCH_PIXELS
    cells = shown_SS.reshape(grid, PATCH_PIXELS, grid, PATCH_PIXELS).swapaxes(1, 2).reshape(grid, grid, -1)
    names = np.array([*range(count), -2], np.int8)
    shares = np.stack([(cells == name).mean(-1) for name in names], -1)
    most = shares.argmax(-1)
    return np.where(shares.max(-1) >= COVERED, names[most], np.int8(-1)).astype(np.int8)


class PictureBank:
    """Reads the shards of a folder.

    Args:
        names: which banks of the folder to open, one after another, or the name of one of its shards.
    Attributes:
        indices: its shards, and `counts`, how many pictures each holds.
    Raises:
        InputError: the folder holds no shard of one of them, or a damaged one.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._entries: list[tuple[Path, dict[str, Any]]] = []
        self._files: dict[Path, NDArray[np.uint8]] = {}
        self.indices = tuple(index for name in names for index in _shards(folder, name))
        self.counts: list[int] = []
        for index in self.indices:
            entries = _read(index)
            self._entries += [(index.with_suffix(".jpegs"), entry) for entry in entries]
            self.counts.append(len(entries))

    def __len__(self) -> int:
        return len(self._entries)

    def where(self, wanted: Callable[[Sequence[int], int | None], bool]) -> list[int]:
        """The numbers of the pictures that are wanted, by what of each thing is `seen`, and what is `held`."""
        return [i for i, (_, entry) in enumerate(self._entries) if wanted(entry["seen"], entry["held"])]

    def things(self, i: int) -> tuple[Placed, ...]:
        """What is on the table of a picture."""
        return tuple(from_json(Placed, thing, "a picture's thing") for thing in self._entries[i][1]["things"])

    def shown(self, i: int) -> tuple[tuple[Placed, ...], tuple[int, ...], int | None]:
        """What is true of a picture's things: they, of each how many pixels show it, and which one is held; see `Shown`."""
        entry = self._entries[i][1]
        return self.things(i), tuple(entry["seen"]), entry["held"]

    def __getitem__(self, i: int) -> Shown:
        path, entry = self._entries[i]
        if path not in self._files:
            self._files[path] = np.memmap(path, np.uint8, "r")
        jpeg = self._files[path][entry["offset"] : entry["offset"] + entry["bytes"]].tobytes()
        patches = np.frombuffer(base64.b64decode(entry["patches"]), np.int8)
        grid = round(len(patches) ** 0.5)
        return Shown(
            picture=np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")),
            things=self.things(i),
            seen=tuple(entry["seen"]),
            patches=patches.reshape(grid, grid),
            held=entry["held"],
        )


def fully_shown(bank: PictureBank) -> list[int]:
    """Numbers of the pictures that show all that is on their table.

    Raises:
        InputError: there is none.
    """
    found = bank.where(lambda seen, held: held is None and all(pixels >= SEEN_PIXELS for pixels in seen))
    if not found:
        raise InputError("none of the pictures shows all that is on its table; make more: roboego synth pictures")
    return found


def _shards(folder: Path, name: str) -> list[Path]:
    found = sorted(p for p in folder.glob(f"{name}*.jsonl") if SHARD.fullmatch(p.stem, len(name)))
    if not found:
        raise InputError(
            f"no pictures {name!r} in {folder}; make them with: roboego synth {'episodes' if 'episodes' in name else 'pictures'}"
        )
    return found


def _read(index: Path) -> list[dict[str, Any]]:
    """Raises an InputError if a shard's files do not belong together."""
    try:
        entries = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
        size = max((e["offset"] + e["bytes"] for e in entries), default=0)
        if index.with_suffix(".jpegs").stat().st_size != size:
            raise ValueError("its pictures are not those that it tells of")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{index} is damaged ({error}); delete it, and roboego synth pictures makes it again") from error
    return entries
