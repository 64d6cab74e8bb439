"""Reads demonstrations: those recorded here, and those of others in LeRobot's layout v3.0."""
# T frames, H high, W wide, D dimensions, Q readings of the robot's own state, S pads

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from roboego.data.demonstrations.clips import Clip
from roboego.data.demonstrations.episodes import Row, read_rows
from roboego.data.demonstrations.layout import DATA, INFO, TASKS, Info
from roboego.data.demonstrations.roles import Roles, find_roles
from roboego.data.demonstrations.tables import numbers, read_table, read_tasks
from roboego.errors import InputError

_INDEXED = ("timestamp", "frame_index", "episode_index", "task_index")


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One demonstration.

    Attributes:
        task: what was done, in words.
        state: [T, Q]. touch: [T, S]. action: [T, D]. A robot without one of them has T rows of nothing.
        timestamps: [T] seconds since the episode began.
        clips: the pictures of each camera, not decoded yet; the main one comes first.
    """

    task: str
    state: NDArray[np.float32]
    touch: NDArray[np.float32]
    action: NDArray[np.float32]
    timestamps: NDArray[np.float32]
    clips: Mapping[str, Clip]

    def __len__(self) -> int:
        return len(self.action)

    def pictures(self, camera: str = "") -> NDArray[np.uint8]:
        """All pictures of a camera [T, H, W, 3], by default of the main one.

        Raises:
            InputError: there is no such camera, or its file is damaged.
        """
        return self._clip(camera).pictures()

    def picture(self, t: int, camera: str = "") -> NDArray[np.uint8]:
        """One picture [H, W, 3]. Raises as `pictures`, and where there is no such frame."""
        return self._clip(camera).picture(t)

    def _clip(self, camera: str) -> Clip:
        for name, clip in self.clips.items():
            if camera in ("", name):
                return clip
        raise InputError(
            f"there is no camera {camera!r}: " + (f"choose one of {', '.join(self.clips)}" if self.clips else "nothing was filmed")
        )


class Demonstrations:
    """A folder of demonstrations.

    Args:
        state, touch, action: features to take, where their names do not tell what they are.
        camera: the main one, by its feature or the last part of its name.
    Raises:
        InputError: the folder holds no demonstrations, such of another layout, or damaged ones; or features have to be chosen.
    """

    def __init__(self, folder: Path, *, state: str = "", touch: str = "", action: str = "", camera: str = "") -> None:
        self.folder = folder
        self.info = Info.read(folder)
        self.roles: Roles = find_roles(folder, self.info.features, state=state, touch=touch, action=action, camera=camera)
        self._rows = read_rows(folder, self.info, list(self.roles.cameras.values()))
        self._tasks = read_tasks(folder) if self._rows else {}
        self._file: tuple[Path, pa.Table] | None = None

    def __len__(self) -> int:
        """How many episodes there are."""
        return len(self._rows)

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.info.fps

    def episode(self, i: int) -> Episode:
        """One of them; negative ones count from the end.

        Raises:
            InputError: there is no such episode, or its file is damaged.
        """
        if not -len(self) <= i < len(self):
            raise InputError(f"{self.folder} has episodes 0 to {len(self) - 1}, not {i}")
        row = self._rows[i]
        table = self._numbers(row)
        values = {name: self._values(table, key, row) for name, key in self.roles.numbers.items()}
        nothing = np.zeros((row.length, 0), np.float32)
        clips = {
            name: Clip(
                path=row.videos[key].place.path(self.folder, self.info.video_path, key),
                start_s=row.videos[key].start_s,
                frames=row.length,
                fps=self.fps,
            )
            for name, key in self.roles.cameras.items()
        }
        return Episode(
            task=self._task(int(table["task_index"][0].as_py())),
            state=values.get("state", nothing),
            touch=values.get("touch", nothing),
            action=values["action"],
            timestamps=self._values(table, "timestamp", row)[:, 0],
            clips=clips,
        )

    def _numbers(self, row: Row) -> pa.Table:
        """An episode's part of its file; the file stays in memory until another one is needed."""
        path = row.data.path(self.folder, self.info.data_path or DATA)
        if self._file is None or self._file[0] != path:
            self._file = path, read_table(path, [*self.roles.numbers.values(), *_INDEXED])
        table = self._file[1]
        whose = numbers(table["episode_index"], 1, str(path))[:, 0]
        found = table.filter(pa.array(whose == row.episode))
        if not np.array_equal(numbers(found["frame_index"], 1, str(path))[:, 0], np.arange(row.length)):
            raise InputError(f"{path} does not hold the {row.length} frames of episode {row.episode}: it is damaged; take it from a copy")
        return found

    def _values(self, table: pa.Table, key: str, row: Row) -> NDArray[np.float32]:
        where = f"{key} of episode {row.episode} in {self.folder}"
        values = numbers(table[key], self._width(key), where).astype(np.float32)
        if not np.isfinite(values).all():
            raise InputError(f"{where} is not finite everywhere; leave that episode out or record it anew")
        return values

    def _width(self, key: str) -> int:
        feature: Mapping[str, Any] = self.info.features.get(key, {"shape": [1]})
        return int(feature["shape"][0])

    def _task(self, number: int) -> str:
        if number not in self._tasks:
            raise InputError(f"{self.folder / TASKS} has no task {number}, of which {self.folder / INFO} tells: it is damaged")
        return self._tasks[number]
