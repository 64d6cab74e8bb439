"""What `meta/episodes` tells: of each episode, where its numbers and pictures lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from roboego.data.demonstrations.layout import Info, Place
from roboego.data.demonstrations.statistics import Stats, as_columns
from roboego.data.demonstrations.tables import read_table
from roboego.errors import InputError

FOLDER = "meta/episodes"
_COLUMNS = ("episode_index", "data/chunk_index", "data/file_index", "dataset_from_index", "dataset_to_index")
_OF_VIDEO = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")


@dataclass(frozen=True, kw_only=True)
class Part:
    """Of a video file: from where to where, in seconds."""

    place: Place
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One episode.

    Attributes:
        first: number of its first frame among all of the dataset's.
        videos: by camera's feature.
    """

    episode: int
    length: int
    first: int
    data: Place
    videos: dict[str, Part]


def table_of(row: Row, task: str, place: Place, stats: Stats) -> pa.Table:
    """A row as a table; `place`: the file that it goes to itself."""
    values: dict[str, Any] = {
        "episode_index": row.episode,
        "tasks": [task],
        "length": row.length,
        "data/chunk_index": row.data.chunk,
        "data/file_index": row.data.file,
        "dataset_from_index": row.first,
        "dataset_to_index": row.first + row.length,
    }
    for key, part in row.videos.items():
        values |= {
            f"videos/{key}/chunk_index": part.place.chunk,
            f"videos/{key}/file_index": part.place.file,
            f"videos/{key}/from_timestamp": part.start_s,
            f"videos/{key}/to_timestamp": part.end_s,
        }
    values |= as_columns(stats) | {"meta/episodes/chunk_index": place.chunk, "meta/episodes/file_index": place.file}
    return pa.Table.from_pylist([values])


def episode_files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob("chunk-*/file-*.parquet"))


def read_rows(folder: Path, info: Info, cameras: Sequence[str]) -> list[Row]:
    """The episodes that `meta/info.json` counts; what an interrupted recording left behind them is left out.

    Raises:
        InputError: files are missing or damaged, or do not belong together.
    """
    if not info.episodes:
        return []
    columns = [*_COLUMNS, *(f"videos/{key}/{name}" for key in cameras for name in _OF_VIDEO)]
    found = [row for path in episode_files(folder) for row in _rows(path, columns, cameras)]
    rows = sorted((row for row in found if row.episode < info.episodes), key=lambda row: row.episode)
    if [row.episode for row in rows] != list(range(info.episodes)):
        raise InputError(
            f"{folder / FOLDER} tells of {len(rows)} episodes, and there should be {info.episodes}: a file is missing or damaged"
        )
    first = 0
    for row in rows:
        if row.first != first or row.length < 1:
            raise InputError(f"episode {row.episode} of {folder} should begin at frame {first}, not {row.first}: {FOLDER} is damaged")
        first += row.length
    if first != info.frames:
        raise InputError(f"the episodes of {folder} have {first} frames, and there should be {info.frames}: {FOLDER} is damaged")
    _check_files(row.data.path(folder, info.data_path) for row in rows)
    _check_files(part.place.path(folder, info.video_path, key) for row in rows for key, part in row.videos.items())
    return rows


def _rows(path: Path, columns: Sequence[str], cameras: Sequence[str]) -> list[Row]:
    try:
        return [
            Row(
                episode=int(row["episode_index"]),
                length=int(row["dataset_to_index"]) - int(row["dataset_from_index"]),
                first=int(row["dataset_from_index"]),
                data=Place(chunk=int(row["data/chunk_index"]), file=int(row["data/file_index"])),
                videos={key: _part(*(row[f"videos/{key}/{name}"] for name in _OF_VIDEO)) for key in cameras},
            )
            for row in read_table(path, columns).to_pylist()
        ]
    except TypeError as error:  # numbers are missing
        raise InputError(f"{path} is damaged ({error}); take it from a copy of the dataset") from error


def _part(chunk: int, file: int, start_s: float, end_s: float) -> Part:
    return Part(place=Place(chunk=int(chunk), file=int(file)), start_s=float(start_s), end_s=float(end_s))


def _check_files(paths: Iterable[Path]) -> None:
    for path in sorted(set(paths)):
        if not path.is_file():
            raise InputError(f"{path} is missing; take it from a copy of the dataset")
