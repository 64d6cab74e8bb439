"""The files that are written: every path, column and figure that LeRobot's layout v3.0 asks for."""

import json
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from roboego.data.demonstrations.statistics import PictureFigures, merged, of_numbers
from tests.data.demonstrations.robot import drawn, recorded

A, B = drawn(9), drawn(14, "turn around.", 1)
CAMERA = "observation.images.eye"
NUMBERS = {"observation.state": 3, "observation.touch": 2, "action": 2}
COUNTED = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64", "task_index": "int64"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("demonstrations"), A, B)


def test_the_files(folder: Path) -> None:
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
        f"videos/{CAMERA}/chunk-000/file-000.mp4",
    ]


def test_info(folder: Path) -> None:
    info = json.loads((folder / "meta/info.json").read_text())
    features = info.pop("features")
    assert info == {
        "codebase_version": "v3.0",
        "robot_type": "toy",
        "total_episodes": 2,
        "total_frames": 23,
        "total_tasks": 2,
        "chunks_size": 1000,
        "data_files_size_in_mb": 10,
        "video_files_size_in_mb": 50,
        "fps": 12.5,
        "splits": {"train": "0:2"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }
    assert features["action"] == {"dtype": "float32", "shape": [2], "names": ["ahead", "turn"]}
    assert features["timestamp"] == {"dtype": "float32", "shape": [1], "names": None}
    video = features[CAMERA]
    assert (video["dtype"], video["shape"], video["names"]) == ("video", [32, 48, 3], ["height", "width", "channels"])
    assert (video["info"]["video.codec"], video["info"]["video.pix_fmt"], video["info"]["has_audio"]) == ("h264", "yuv420p", False)
    assert list(features) == [*NUMBERS, CAMERA, *COUNTED]


def test_data(folder: Path) -> None:
    path = folder / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    kinds = {**{key: pa.list_(pa.float32(), n) for key, n in NUMBERS.items()}, **{k: pa.type_for_alias(v) for k, v in COUNTED.items()}}
    assert {field.name: field.type for field in table.schema} == kinds
    assert table["index"].to_pylist() == list(range(23))
    assert table["episode_index"].to_pylist() == [0] * 9 + [1] * 14
    assert table["task_index"].to_pylist() == [0] * 9 + [1] * 14
    assert table["frame_index"].to_pylist() == [*range(9), *range(14)]
    assert table["timestamp"].to_pylist()[9:12] == pytest.approx([0.0, 0.08, 0.16])
    assert pq.read_metadata(path).num_row_groups == 2


def test_episodes(folder: Path) -> None:
    table = pq.read_table(folder / "meta/episodes/chunk-000/file-000.parquet")
    figures = [f"stats/{key}/{name}" for key in (*NUMBERS, CAMERA, *COUNTED) for name in ("min", "max", "mean", "std", "count")]
    places = ["data/chunk_index", "data/file_index", f"videos/{CAMERA}/chunk_index", f"videos/{CAMERA}/file_index"]
    own = ["meta/episodes/chunk_index", "meta/episodes/file_index"]
    spans = ["dataset_from_index", "dataset_to_index", f"videos/{CAMERA}/from_timestamp", f"videos/{CAMERA}/to_timestamp"]
    assert sorted(table.column_names) == sorted(["episode_index", "tasks", "length", *places, *own, *spans, *figures])
    second = table.to_pylist()[1]
    assert (second["episode_index"], second["tasks"], second["length"]) == (1, ["turn around."], 14)
    assert [second[name] for name in spans] == pytest.approx([9, 23, 0.72, 1.84])
    assert all(second[name] == 0 for name in (*places, *own))
    assert np.shape(second[f"stats/{CAMERA}/mean"]) == (3, 1, 1)
    assert second["stats/action/max"] == pytest.approx(B.action.max(0).tolist())
    assert second["stats/action/count"] == [14]


def test_tasks_are_indexed_by_their_text_for_pandas(folder: Path) -> None:
    table = pq.read_table(folder / "meta/tasks.parquet")
    assert table.to_pydict() == {"task_index": [0, 1], "task": ["go ahead.", "turn around."]}
    told = json.loads(table.schema.metadata[b"pandas"])
    assert told["index_columns"] == ["task"]
    assert {column["name"]: column["pandas_type"] for column in told["columns"]} == {"task_index": "int64", "task": "unicode"}


def test_stats(folder: Path) -> None:
    stats = json.loads((folder / "meta/stats.json").read_text())
    assert set(stats) == {*NUMBERS, CAMERA, *COUNTED}
    state = np.concatenate([A.state, B.state])
    expected = {"min": state.min(0), "max": state.max(0), "mean": state.mean(0), "std": state.std(0), "count": [23]}
    assert all(stats["observation.state"][name] == pytest.approx(list(value), abs=1e-6) for name, value in expected.items())
    assert stats["index"] == {"min": [0], "max": [22], "mean": [11.0], "std": [pytest.approx(np.arange(23).std())], "count": [23]}
    pixels = np.concatenate([A.pictures, B.pictures]).reshape(-1, 3) / 255
    for name, value in (("min", pixels.min(0)), ("max", pixels.max(0)), ("mean", pixels.mean(0)), ("std", pixels.std(0))):
        assert np.shape(stats[CAMERA][name]) == (3, 1, 1)
        assert np.ravel(stats[CAMERA][name]) == pytest.approx(value)
    assert stats[CAMERA]["count"] == [23]


def test_the_video_plays_from_start_to_end_with_keyframes_nearby(folder: Path) -> None:
    with av.open(folder / f"videos/{CAMERA}/chunk-000/file-000.mp4") as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 12.5)
        assert stream.frames == 23
        frames = [(frame.time, frame.key_frame) for frame in file.decode(stream)]
    assert [time for time, _ in frames] == pytest.approx([0.08 * t for t in range(23)])
    keys = [t for t, (_, key) in enumerate(frames) if key]
    assert {0, 9} <= set(keys)
    assert max(np.diff([*keys, 23])) <= 4


def test_figures_of_parts_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(i, 1 + i, (5 + 7 * i, 3)) for i in range(4)]
    total: dict[str, dict[str, np.ndarray]] = {}
    for part in parts:
        total = merged(total, {"x": of_numbers(part)})
    whole = of_numbers(np.concatenate(parts))
    assert all(total["x"][name] == pytest.approx(whole[name]) for name in whole)
    even = PictureFigures()
    even.add(np.full((4, 4, 3), 51, np.uint8))
    assert even.figures()["std"].ravel().tolist() == [0, 0, 0]
    assert even.figures()["mean"].ravel() == pytest.approx([0.2] * 3)
