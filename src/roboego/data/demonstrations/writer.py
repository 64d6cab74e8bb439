"""Records demonstrations, episode by episode."""
# T frames, H high, W wide, D dimensions, Q readings of the robot's own state, S pads

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from numpy.typing import ArrayLike, NDArray

from roboego.data.demonstrations.layout import ACTION, STATE, TOUCH, Setup
from roboego.data.demonstrations.recorded import Taken, opened
from roboego.data.demonstrations.statistics import PictureFigures, Stats, of_numbers
from roboego.data.demonstrations.video import Encoder
from roboego.errors import InputError, ShapeError

DATA_MB, VIDEO_MB = 10, 50
"""The last file of each kind is written anew with every episode, so that it is always complete: hence they are smaller than LeRobot's."""


class DemonstrationWriter:
    """Writes a dataset in LeRobot's layout v3.0, or goes on with one.

        with DemonstrationWriter(folder, setup) as out:
            out.begin("pick up the red cube.")
            out.add(picture, state, touch, action)
            out.end()

    A recording that is interrupted, even killed, loses the episode that was not ended yet, and nothing else.

    Args:
        folder: of the dataset; it is made if there is none.
        data_mb, video_mb: MiB from which on another Parquet or video file is begun.
    Raises:
        InputError: the folder holds something else, another robot's demonstrations, damaged ones, or cannot be written.
    """

    def __init__(self, folder: Path, setup: Setup, *, data_mb: float = DATA_MB, video_mb: float = VIDEO_MB) -> None:
        self.setup = setup
        with _writing(folder):
            self._recorded = opened(folder, setup, data_mb, video_mb)
        self._taking: _Taking | None = None

    @property
    def episodes(self) -> int:
        """How many are there, those of earlier recordings among them."""
        return self._recorded.info.episodes

    def begin(self, task: str) -> None:
        """Begins an episode.

        Args:
            task: what is done in it, in words.
        Raises:
            InputError: an episode has begun already, or the task is empty.
        """
        if self._taking is not None:
            raise InputError("an episode has begun already: end() or drop() it first")
        if not task.strip():
            raise InputError("an episode needs its task in words")
        self._taking = _Taking(self.setup, task)

    def add(self, picture: NDArray[np.uint8], state: ArrayLike, touch: ArrayLike, action: ArrayLike) -> None:
        """Adds a frame: what was seen and felt, and what was done then.

        Args:
            picture: [H, W, 3].
            state: [Q]. touch: [S]. action: [D]. All are kept as float32.
        Raises:
            ShapeError: something has another shape, or the picture another type.
            InputError: no episode has begun, or a number is not finite.
        """
        self._current().add(picture, {STATE: state, TOUCH: touch, ACTION: action})

    def end(self) -> int:
        """Ends the episode and writes it. Returns its number.

        Raises:
            InputError: none has begun, it has no frames, or it cannot be written; the episodes before it are kept, and this one is
                dropped.
        """
        taking = self._current()
        if not len(taking):
            raise InputError("an episode needs at least one frame: add() some, or drop() it")
        self._taking = None
        with _writing(self._recorded.folder):
            self._recorded = self._recorded.with_episode(taking.finish())
        return self.episodes - 1

    def drop(self) -> None:
        """Gives up the episode, if one has begun."""
        if self._taking is not None:
            self._taking.close()
            self._taking = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        unfinished = self._taking is not None
        self.drop()
        if unfinished and error is None:
            raise InputError("the last episode was neither ended nor dropped, so it is lost: call end() or drop()")

    def _current(self) -> "_Taking":
        if self._taking is None:
            raise InputError("no episode has begun: call begin() first")
        return self._taking


class _Taking:
    """The episode that is being recorded."""

    def __init__(self, setup: Setup, task: str) -> None:
        self._setup, self._task = setup, task
        self._rows: dict[str, list[NDArray[np.float32]]] = {key: [] for key in setup.numbers}
        self._figures = PictureFigures()
        self._encoder = Encoder(setup.height, setup.width, setup.fps)

    def __len__(self) -> int:
        return len(self._rows[ACTION])

    def add(self, picture: NDArray[np.uint8], given: dict[str, ArrayLike]) -> None:
        size = (self._setup.height, self._setup.width, 3)
        if picture.shape != size or picture.dtype != np.uint8:
            raise ShapeError(f"a picture is uint8 {list(size)} here, not {picture.dtype} {list(picture.shape)}")
        names = {key: self._setup.numbers.get(key, ()) for key in given}
        rows = {key: _checked(key, value, len(names[key])) for key, value in given.items()}
        for key, kept in self._rows.items():
            kept.append(rows[key])
        self._figures.add(picture)
        self._encoder.add(picture)

    def finish(self) -> Taken:
        times = (np.arange(len(self)) / self._setup.fps).astype(np.float32)
        numbers: dict[str, NDArray[np.float32]] = {**{key: np.stack(rows) for key, rows in self._rows.items()}, "timestamp": times}
        stats: Stats = {key: of_numbers(values) for key, values in numbers.items()}
        stats[self._setup.video_key] = self._figures.figures()
        return Taken(task=self._task, numbers=numbers, clip=self._encoder.finish(), stats=stats)

    def close(self) -> None:
        self._encoder.close()


def _checked(key: str, value: ArrayLike, width: int) -> NDArray[np.float32]:
    row = np.asarray(value, np.float32)
    if row.shape != (width,):
        raise ShapeError(f"{key} has {width} numbers here, not shape {row.shape}")
    if not np.isfinite(row).all():
        raise InputError(f"{key} must be finite, not {row}")
    return row


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns what the disk and its libraries say into what can be done about it."""
    try:
        yield
    except (OSError, av.error.FFmpegError) as error:
        raise InputError(
            f"cannot write to {folder} ({error.strerror or error}): free some space or choose another folder; complete episodes are kept"
        ) from error
