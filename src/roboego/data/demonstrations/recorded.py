"""What of a dataset is on the disk for good, how it grows by an episode, and how a recording that was interrupted goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from roboego.data.demonstrations.episodes import Part, Row, episode_files, read_rows, table_of
from roboego.data.demonstrations.layout import DATA, EPISODES, INFO, MIB, STATS, TASKS, VIDEO, Info, Place, Setup, write_json
from roboego.data.demonstrations.statistics import Stats, as_json, from_columns, merged
from roboego.data.demonstrations.statistics import of_numbers as figures_of
from roboego.data.demonstrations.tables import Series, of_numbers, read_table, read_tasks, write_tasks
from roboego.data.demonstrations.video import append, fits_behind
from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Taken:
    """An episode that is complete in memory.

    Attributes:
        numbers: columns [T] or [T, D] of the features that the robot gave, and the timestamps.
        clip: its video, as an MP4 file.
    """

    task: str
    numbers: Mapping[str, NDArray[Any]]
    clip: bytes
    stats: Stats

    def __len__(self) -> int:
        return len(self.numbers["timestamp"])


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A dataset on the disk.

    Attributes:
        video: the last video file. shown: how many frames of it count.
    """

    folder: Path
    setup: Setup
    info: Info
    tasks: tuple[str, ...]
    stats: Stats
    data: Series
    rows: Series
    video: Place
    shown: int

    def with_episode(self, taken: Taken) -> "Recorded":
        """Writes an episode. `meta/info.json` comes last: until it counts the episode, whatever lies in the other files is ignored.

        Raises:
            InputError: the last video file is damaged.
            OSError: something cannot be written.
        """
        video, before = self._room_for(taken.clip)
        append(video.path(self.folder, VIDEO, self.setup.video_key), before, taken.clip, self.setup.fps)
        tasks = self.tasks if taken.task in self.tasks else (*self.tasks, taken.task)
        counted = self._counted(len(taken), tasks.index(taken.task))
        data = self.data.grown(of_numbers({**taken.numbers, **counted}))
        data.write(self.folder)
        fps, length = self.setup.fps, len(taken)
        part = Part(place=video, start_s=before / fps, end_s=(before + length) / fps)
        row = Row(episode=self.info.episodes, length=length, first=self.info.frames, data=data.place, videos={self.setup.video_key: part})
        own = {**taken.stats, **{key: figures_of(values) for key, values in counted.items()}}
        rows = self.rows.grown(table_of(row, taken.task, self.rows.next_place, own))
        rows.write(self.folder)
        write_tasks(self.folder, tasks)
        stats = merged(self.stats, own)
        write_json(self.folder / STATS, as_json(stats))
        info = replace(self.info, episodes=self.info.episodes + 1, frames=self.info.frames + length, tasks=len(tasks))
        info.write(self.folder)
        return replace(self, info=info, tasks=tasks, stats=stats, data=data, rows=rows, video=video, shown=before + length)

    def _room_for(self, clip: bytes) -> tuple[Place, int]:
        """The video file that a clip goes to, and how many frames stand there before it."""
        if not self.shown:
            return self.video, 0
        path = self.video.path(self.folder, VIDEO, self.setup.video_key)
        if not path.is_file():
            raise InputError(f"{path} is gone; take it from a copy of the dataset")
        full = path.stat().st_size + len(clip) > self.info.video_mb * MIB
        return (self.video.next, 0) if full or not fits_behind(path, clip) else (self.video, self.shown)

    def _counted(self, length: int, task: int) -> dict[str, NDArray[np.int64]]:
        """What every frame of the next episode is numbered with."""
        return {
            "frame_index": np.arange(length),
            "episode_index": np.full(length, self.info.episodes),
            "index": np.arange(self.info.frames, self.info.frames + length),
            "task_index": np.full(length, task),
        }


def opened(folder: Path, setup: Setup, data_mb: float, video_mb: float) -> Recorded:
    """What a recording in a folder begins with: nothing, or the episodes that are there already.

    Raises:
        InputError: the folder holds something else, another robot's demonstrations, or damaged ones.
        OSError: it cannot be written.
    """
    if not (folder / INFO).is_file():
        if folder.is_file() or any(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*")):
            raise InputError(f"{folder} holds something else than demonstrations; choose another folder")
        Info(robot=setup.robot, fps=setup.fps, features=setup.features(), data_mb=data_mb, video_mb=video_mb).write(folder)
    info = replace(Info.read(folder), data_mb=data_mb, video_mb=video_mb)
    _check_same(folder, info, setup)
    for left in folder.rglob(".*.part*"):
        left.unlink(missing_ok=True)  # of a recording that was killed
    rows = read_rows(folder, info, [setup.video_key])
    kept = _kept_rows(folder, info)
    last = rows[-1] if rows else None
    part = last.videos[setup.video_key] if last else None
    return Recorded(
        folder=folder,
        setup=setup,
        info=info,
        tasks=_tasks(folder, info),
        stats=_stats(kept),
        data=_trimmed(folder, info.episodes, Series(template=DATA, alone=True, limit=data_mb * MIB, place=last.data if last else Place())),
        rows=_trimmed(folder, info.episodes, Series(template=EPISODES, alone=False, limit=data_mb * MIB, place=_last_place(kept))),
        video=part.place if part else Place(),
        shown=round(part.end_s * setup.fps) if part else 0,
    )


def _check_same(folder: Path, info: Info, setup: Setup) -> None:
    """Raises an InputError where a recording cannot go on with this robot."""
    if info.fps != setup.fps:
        raise InputError(f"{folder} has {info.fps:g} frames a second and this robot {setup.fps:g}; record it into another folder")
    told, wanted = ({k: (f["dtype"], f["shape"], f.get("names")) for k, f in given.items()} for given in (info.features, setup.features()))
    other = sorted(k for k in {*told, *wanted} if told.get(k) != wanted.get(k))
    if other or info.robot != setup.robot:
        what = ", ".join(other) or "its robot's name"
        raise InputError(f"{folder} was recorded with another setup ({what} differ); record into another folder")
    if (info.data_path, info.video_path) != (DATA, VIDEO):
        raise InputError(f"{folder} names its files in its own way, so nothing can be added to it; record into another folder")


def _kept_rows(folder: Path, info: Info) -> list[dict[str, Any]]:
    found = [row for path in episode_files(folder) for row in read_table(path).to_pylist()]
    return sorted((row for row in found if row["episode_index"] < info.episodes), key=lambda row: int(row["episode_index"]))


def _tasks(folder: Path, info: Info) -> tuple[str, ...]:
    found = read_tasks(folder) if info.tasks else {}
    if set(range(info.tasks)) - found.keys():
        raise InputError(f"{folder / TASKS} lacks some of {info.tasks} tasks: it is damaged; take it from a copy of the dataset")
    return tuple(found[i] for i in range(info.tasks))


def _stats(rows: list[dict[str, Any]]) -> Stats:
    total: Stats = {}
    for row in rows:
        total = merged(total, from_columns(row))
    return total


def _last_place(rows: list[dict[str, Any]]) -> Place:
    return Place(chunk=rows[-1]["meta/episodes/chunk_index"], file=rows[-1]["meta/episodes/file_index"]) if rows else Place()


def _trimmed(folder: Path, episodes: int, series: Series) -> Series:
    """A series as it was when the last of so many episodes was complete. What an interrupted recording left behind them is removed, as
    LeRobot reads whatever Parquet files there are."""
    path = series.place.path(folder, series.template)
    for file in path.parents[1].glob("chunk-*/file-*.parquet"):
        if not episodes or file.relative_to(path.parents[1]) > path.relative_to(path.parents[1]):
            file.unlink()
    if not episodes:
        return series
    table = read_table(path)
    kept = table.filter(pa.array(table["episode_index"].to_numpy() < episodes))
    numbers = kept["episode_index"].to_numpy()
    cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(numbers)]
    series = replace(series, tables=tuple(kept.slice(a, b - a) for a, b in pairwise(cuts)))
    if len(kept) < len(table):
        series.write(folder)
    return series
