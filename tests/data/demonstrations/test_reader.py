"""Reading: one episode, one frame; datasets of others; and what is damaged or missing is told."""

import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from roboego.data.demonstrations.layout import Info
from roboego.data.demonstrations.reader import Demonstrations
from roboego.data.demonstrations.roles import find_roles
from roboego.errors import InputError
from tests.data.demonstrations.robot import drawn, likeness_db, recorded

A, B = drawn(9), drawn(14, "turn around.", 1)
DATA, ROWS = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"
VIDEO = "videos/observation.images.eye/chunk-000/file-000.mp4"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("demonstrations"), A, B)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(source, tmp_path / "copy"))


def test_single_frames_are_those_of_the_whole(source: Path) -> None:
    found = Demonstrations(source).episode(-1)
    assert len(found) == 14
    pictures = found.pictures()
    assert all(np.array_equal(found.picture(t), pictures[t]) for t in range(-14, 14))
    assert likeness_db(found.picture(5, "eye")[None], B.pictures[5:6]) > 30


def test_what_is_not_there_is_told(source: Path, tmp_path: Path) -> None:
    found = Demonstrations(source)
    for call, told in (
        (lambda: found.episode(2), "episodes 0 to 1"),
        (lambda: found.episode(0).picture(9), "frames 0 to 8"),
        (lambda: found.episode(0).picture(0, "wrist"), "choose one of eye"),
        (lambda: Demonstrations(tmp_path), "no meta/info.json"),
        (lambda: Demonstrations(source, state="observation.joints"), "observation.joints"),
        (lambda: Demonstrations(source, camera="wrist"), "wrist"),
    ):
        with pytest.raises(InputError, match=told):
            call()


def test_a_recording_without_episodes_is_empty(tmp_path: Path) -> None:
    assert len(Demonstrations(recorded(tmp_path))) == 0


@pytest.mark.parametrize("name", [DATA, ROWS, VIDEO, "meta/tasks.parquet", "meta/info.json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_damaged_files_are_told(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if damage == "cut" else 0])
    with pytest.raises(InputError, match=Path(name).stem if damage != "gone" or name != ROWS else "meta/episodes"):
        Demonstrations(folder).episode(1).pictures()


def rewrite(folder: Path, name: str, **columns: Any) -> None:
    """Puts other columns in the place of a file's own; those that are None are taken out."""
    table = pq.read_table(folder / name)
    for key, values in columns.items():
        at = table.schema.get_field_index(key)
        table = table.remove_column(at) if values is None else table.set_column(at, key, pa.array(values))
    pq.write_table(table, folder / name)


@pytest.mark.parametrize(
    ("name", "columns", "told"),
    [
        (DATA, {"action": None}, "no column action"),
        (DATA, {"action": [[0.0]] * 23}, "does not have 2 numbers"),
        (DATA, {"action": [[0.0, None]] * 23}, "does not have 2 numbers"),
        (DATA, {"action": [["a", "b"]] * 23}, "does not have 2 numbers"),
        (DATA, {"action": [[0.0, float("nan")]] * 23}, "not finite"),
        (DATA, {"episode_index": [0] * 23}, "does not hold the 14 frames of episode 1"),
        (DATA, {"task_index": [7] * 23}, "no task 7"),
        (ROWS, {"episode_index": [0, 2]}, "tells of 1 episodes"),
        (ROWS, {"dataset_from_index": [0, 8]}, "should begin at frame 9"),
        (ROWS, {"dataset_to_index": [9, None]}, "damaged"),
        (ROWS, {"dataset_to_index": [9, 24]}, "have 24 frames"),
        (ROWS, {"data/file_index": [0, 3]}, "file-003.parquet is missing"),
        (ROWS, {"data/chunk_index": None}, "no column data/chunk_index"),
        (ROWS, {"videos/observation.images.eye/from_timestamp": [0.0, 1.6]}, "lacks frame"),
        ("meta/tasks.parquet", {"task": [1, 2]}, "does not name tasks"),
    ],
)
def test_files_that_do_not_belong_together_are_told(folder: Path, name: str, columns: dict[str, Any], told: str) -> None:
    rewrite(folder, name, **columns)
    with pytest.raises(InputError, match=told):
        Demonstrations(folder).episode(1).pictures()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"codebase_version": "v2.1"}, "layout v2.1.*convert_dataset_v21_to_v30"),
        ({"codebase_version": "v4.0"}, "layout v4.0"),
        ({"codebase_version": None}, "layout None"),
        ({"total_episodes": 3}, "there should be 3"),
        ({"total_frames": 22}, "there should be 22"),
        ({"fps": "fast"}, "damaged"),
        ({"features": []}, "damaged"),
        ({"features": {"action": {}}}, "damaged"),
        ({"features": {}}, "no action"),
        ({"data_path": "data/{episode}.parquet"}, "names files"),
    ],
)
def test_an_info_that_cannot_be_used_is_told(folder: Path, change: dict[str, Any], told: str) -> None:
    info = json.loads((folder / "meta/info.json").read_text())
    (folder / "meta/info.json").write_text(json.dumps(info | change))
    with pytest.raises(InputError, match=told):
        Demonstrations(folder)


def feature(dtype: str, *shape: int, **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "names": None, **more}


def test_roles_are_found_by_name_or_chosen() -> None:
    where = Path("somewhere")
    numbers = {"observation.robot_state": feature("float64", 6), "actions": feature("float32", 6), "timestamp": feature("float32", 1)}
    depth = feature("video", 4, 6, 1, info={"is_depth_map": True})
    videos = {"observation.images.top": feature("video", 4, 6, 3), "camera.left": feature("video", 4, 6, 3), "depth": depth}
    roles = find_roles(where, numbers | videos)
    assert roles.numbers == {"state": "observation.robot_state", "action": "actions"}
    assert list(roles.cameras) == ["top", "left"]
    assert list(find_roles(where, numbers | videos, camera="camera.left").cameras) == ["left", "top"]
    alike = {"a.images.eye": feature("video", 4, 6, 3), "b.images.eye": feature("video", 4, 6, 3)}
    assert list(find_roles(where, numbers | alike).cameras) == list(alike)
    two = numbers | {"observation.hand_state": feature("float32", 2)}
    with pytest.raises(InputError, match="state="):
        find_roles(where, two)
    assert find_roles(where, two, state="observation.hand_state").numbers["state"] == "observation.hand_state"


def foreign(folder: Path) -> None:
    """A dataset as LeRobot writes it: at 30 frames a second, of two cameras, without touch, with what we have no use for."""
    lengths, fps = (7, 5), 30
    names = {"observation.state": ["a"], "action": ["a", "b"], "next.done": None, "task_note": None}
    shapes = {"observation.state": ("float64", 1), "action": ("float32", 2), "next.done": ("bool", 1), "task_note": ("string", 1)}
    cameras = ["observation.images.front", "observation.images.wrist"]
    features = {key: {"dtype": dtype, "shape": [n], "names": names[key]} for key, (dtype, n) in shapes.items()}
    features |= {key: feature("video", 32, 48, 3) for key in cameras}
    Info(robot="so101", fps=fps, features=features, episodes=2, frames=12, tasks=1, data_mb=100, video_mb=200).write(folder)
    rows = [(episode, t) for episode, length in enumerate(lengths) for t in range(length)]
    data = {
        "observation.state": [float(i) for i in range(12)],
        "action": pa.array([[i, -i] for i in range(12)], pa.list_(pa.float32())),
        "next.done": [False] * 12,
        "task_note": [""] * 12,
        "timestamp": pa.array([t / fps for _, t in rows], pa.float32()),
        "frame_index": [t for _, t in rows],
        "episode_index": [episode for episode, _ in rows],
        "index": list(range(12)),
        "task_index": [0] * 12,
    }
    told: dict[str, Any] = {
        "episode_index": [1, 0],  # in whatever order
        "tasks": [["fold the towel"]] * 2,
        "length": [5, 7],
        "data/chunk_index": [0, 0],
        "data/file_index": [0, 0],
        "dataset_from_index": [7, 0],
        "dataset_to_index": [12, 7],
    }
    for key in cameras:
        told |= {f"videos/{key}/chunk_index": [0, 0], f"videos/{key}/file_index": [0, 0]}
        told |= {f"videos/{key}/from_timestamp": [7 / fps, 0.0], f"videos/{key}/to_timestamp": [12 / fps, 7 / fps]}
        film(folder / f"videos/{key}/chunk-000/file-000.mp4", 12, fps, mirrored=key.endswith("wrist"))
    tasks = {"task_index": [0], "__index_level_0__": ["fold the towel"]}
    for name, table in ((DATA, data), (ROWS, told), ("meta/tasks.parquet", tasks)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), folder / name)


def film(path: Path, frames: int, fps: int, *, mirrored: bool) -> None:
    """Each frame is brighter than the one before; frames refer to later ones."""
    path.parent.mkdir(parents=True)
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=fps, options={"g": "6", "bf": "2", "crf": "10"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for t in range(frames):
            shade = 255 - 20 * t if mirrored else 20 * t
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 48, 3), shade, np.uint8), format="rgb24")))
        file.mux(stream.encode())


def test_a_dataset_of_others(tmp_path: Path) -> None:
    foreign(tmp_path)
    found = Demonstrations(tmp_path, camera="wrist")
    assert (len(found), found.fps, found.info.robot) == (2, 30, "so101")
    second = found.episode(1)
    assert second.task == "fold the towel"
    assert second.state.tolist() == [[i] for i in range(7, 12)]
    assert second.action.tolist() == [[i, -i] for i in range(7, 12)]
    assert second.touch.shape == (5, 0)
    assert second.timestamps == pytest.approx(np.arange(5) / 30)
    assert list(second.clips) == ["wrist", "front"]
    front, wrist = second.pictures("front"), second.pictures()
    assert front[:, 16, 24, 0] == pytest.approx([20 * t for t in range(7, 12)], abs=4)
    assert wrist[:, 16, 24, 0] == pytest.approx([255 - 20 * t for t in range(7, 12)], abs=4)
    assert all(np.array_equal(second.picture(t, "front"), front[t]) for t in range(5))
