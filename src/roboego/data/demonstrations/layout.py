"""LeRobot's dataset layout v3.0: what lies where, and what `meta/info.json` tells.

Source: https://huggingface.co/docs/lerobot/lerobot-dataset-v3
"""
# H high, W wide, D dimensions, Q readings of the robot's own state, S pads

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from roboego.errors import InputError
from roboego.sound.files import appearing
from roboego.timebase import FRAME_RATE

VERSION = "v3.0"
INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
STATE, TOUCH, ACTION, CAMERAS = "observation.state", "observation.touch", "action", "observation.images."
COUNTED = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64", "task_index": "int64"}
"""What every dataset has of every frame, with its type."""
FILES_IN_CHUNK = 1_000
MIB = 2**20


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A file of a series: which one of which chunk."""

    chunk: int = 0
    file: int = 0

    @property
    def next(self) -> "Place":
        return Place(chunk=self.chunk + 1) if self.file + 1 >= FILES_IN_CHUNK else Place(chunk=self.chunk, file=self.file + 1)

    def path(self, folder: Path, template: str, camera: str = "") -> Path:
        """The file itself.

        Raises:
            InputError: the template has other parts than this layout's.
        """
        try:
            return folder / template.format(chunk_index=self.chunk, file_index=self.file, video_key=camera)
        except (LookupError, ValueError) as error:
            raise InputError(f"{folder / INFO} names files as {template!r}, which is not how v3.0 does it; record it anew") from error


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Which robot is recorded and what its numbers mean.

    Attributes:
        state, touch, action: a name for each of the Q readings, S pads and D dimensions; a robot without pads has none.
        height, width: of the pictures, in pixels; both even, as the video needs it.
        camera: its name.
        fps: frames a second.
    Raises:
        InputError: a name is missing or there twice, or a number is not possible.
    """

    robot: str
    state: tuple[str, ...]
    action: tuple[str, ...]
    touch: tuple[str, ...] = ()
    height: int
    width: int
    camera: str = "eye"
    fps: float = FRAME_RATE

    def __post_init__(self) -> None:
        for what, names in (("state", self.state), ("action", self.action)):
            if not names:
                raise InputError(f"a demonstration needs names for its {what}")
        for names in (self.state, self.action, self.touch):
            if len(set(names)) < len(names):
                raise InputError(f"every reading needs its own name, not {', '.join(names)}")
        if min(self.height, self.width) < 16 or self.height % 2 or self.width % 2:
            raise InputError(f"pictures need even sides of at least 16 pixels, not {self.height} x {self.width}: crop or scale them")
        if not math.isfinite(self.fps) or self.fps <= 0:
            raise InputError(f"a recording has a positive number of frames a second, not {self.fps}")
        if not self.camera or "/" in self.camera:
            raise InputError(f"a camera has a name without '/', not {self.camera!r}")

    @property
    def video_key(self) -> str:
        return CAMERAS + self.camera

    @property
    def numbers(self) -> dict[str, tuple[str, ...]]:
        """The features of numbers and what each number is called."""
        return {STATE: self.state, **({TOUCH: self.touch} if self.touch else {}), ACTION: self.action}

    def features(self) -> dict[str, Any]:
        """As `meta/info.json` tells them."""
        video = {
            "video.height": self.height,
            "video.width": self.width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "video.fps": _plain(self.fps),
            "video.channels": 3,
            "has_audio": False,
        }
        shape, names = [self.height, self.width, 3], ["height", "width", "channels"]
        return {
            **{key: {"dtype": "float32", "shape": [len(of)], "names": list(of)} for key, of in self.numbers.items()},
            self.video_key: {"dtype": "video", "shape": shape, "names": names, "info": video},
            **{key: {"dtype": dtype, "shape": [1], "names": None} for key, dtype in COUNTED.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Info:
    """What `meta/info.json` tells.

    Attributes:
        episodes, frames, tasks: how many there are.
        data_mb, video_mb: the size from which on another file is begun, MiB.
        data_path, video_path: how files are named.
        features: by name, each with its `dtype`, `shape` and `names`.
    """

    robot: str
    fps: float
    features: Mapping[str, Any]
    episodes: int = 0
    frames: int = 0
    tasks: int = 0
    data_mb: float
    video_mb: float
    data_path: str = DATA
    video_path: str = VIDEO

    def write(self, folder: Path) -> None:
        value = {
            "codebase_version": VERSION,
            "robot_type": self.robot,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": self.tasks,
            "chunks_size": FILES_IN_CHUNK,
            "data_files_size_in_mb": _plain(self.data_mb),
            "video_files_size_in_mb": _plain(self.video_mb),
            "fps": _plain(self.fps),
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": self.data_path,
            "video_path": self.video_path,
            "features": self.features,
        }
        write_json(folder / INFO, value)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What a folder tells of itself.

        Raises:
            InputError: the folder holds no dataset, one of another version, or its info.json is damaged.
        """
        path = folder / INFO
        if not path.is_file():
            raise InputError(f"{folder} holds no demonstrations: there is no {INFO}; record some with: roboego synth demonstrations")
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            version = str(value["codebase_version"])
            if version.startswith("v3."):
                return cls(
                    robot=str(value.get("robot_type") or ""),
                    fps=float(value["fps"]),
                    features={name: _feature(feature) for name, feature in value["features"].items()},
                    episodes=int(value["total_episodes"]),
                    frames=int(value["total_frames"]),
                    tasks=int(value["total_tasks"]),
                    data_mb=float(value.get("data_files_size_in_mb", 0)),
                    video_mb=float(value.get("video_files_size_in_mb", 0)),
                    data_path=str(value["data_path"]),
                    video_path=str(value.get("video_path") or ""),
                )
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error!r}); take it from a copy of the dataset") from error
        convert = "; convert it with LeRobot's convert_dataset_v21_to_v30" if version.startswith(("v1.", "v2.")) else ""
        raise InputError(f"{folder} has the layout {version}, and only {VERSION} can be read{convert}")


def _feature(value: Any) -> dict[str, Any]:
    """Checked as far as it is needed: a type and a shape."""
    shape: Sequence[Any] = value["shape"]
    return {**value, "dtype": str(value["dtype"]), "shape": [int(n) for n in shape]}


def write_json(path: Path, value: Any) -> None:
    with appearing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _plain(number: float) -> float | int:
    """Whole numbers without a decimal point, as others write them."""
    return int(number) if float(number).is_integer() else number
