"""Recording: what goes in comes out, whatever interrupts it, and what cannot be recorded is told."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from roboego.data.demonstrations import recorded as module
from roboego.data.demonstrations.layout import Setup
from roboego.data.demonstrations.reader import Demonstrations
from roboego.data.demonstrations.writer import DemonstrationWriter
from roboego.errors import InputError, RoboEgoError, ShapeError
from tests.data.demonstrations.robot import SETUP, Shown, add, check, demonstrate, drawn, recorded

A, B, C = drawn(9), drawn(14, "turn around.", 1), drawn(1, "stop.", 2)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes only so many bytes a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def check_all(folder: Path, *episodes: Shown) -> None:
    """The folder has these episodes, for us and for whoever reads every Parquet file from start to end."""
    found = Demonstrations(folder)
    assert len(found) == len(episodes)
    for i, shown in enumerate(episodes):
        check(found.episode(i), shown)
    rows = [row for path in sorted((folder / "data").rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert [row["index"] for row in rows] == list(range(sum(len(e.state) for e in episodes)))
    told = [row for path in sorted((folder / "meta/episodes").rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert [row["episode_index"] for row in told] == list(range(len(episodes)))
    assert not list(folder.rglob(".*"))


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    check_all(recorded(tmp_path, A, B, C), A, B, C)


def test_equal_recordings_have_equal_numbers(tmp_path: Path) -> None:
    first, second = recorded(tmp_path / "1", A, B), recorded(tmp_path / "2", A, B)
    files = [path.relative_to(first) for path in first.rglob("*") if path.suffix in (".json", ".parquet")]
    assert len(files) == 5
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


def test_a_recording_goes_on_behind_what_is_there_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    for shown in (A, B, C):
        recorded(tmp_path / "parts", shown)
    recorded(tmp_path / "whole", A, B, C)
    check_all(tmp_path / "parts", A, B, C)
    for name in ("meta/info.json", "meta/stats.json"):
        parts, whole = (json.loads((tmp_path / kind / name).read_text()) for kind in ("parts", "whole"))
        assert parts == whole


def test_dropped_and_unfinished_episodes_leave_nothing(tmp_path: Path) -> None:
    with DemonstrationWriter(tmp_path, SETUP) as out:
        demonstrate(out, A)
        out.begin("given up.")
        out.drop()
        out.begin("given up later.")
        add(out, B)
        out.drop()
        out.drop()
        demonstrate(out, B)
        assert out.episodes == 2
    with pytest.raises(KeyboardInterrupt), DemonstrationWriter(tmp_path, SETUP) as out:
        out.begin("interrupted.")
        add(out, C)
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="neither ended nor dropped"), DemonstrationWriter(tmp_path, SETUP) as out:
        out.begin("forgotten.")
    check_all(tmp_path, A, B)


class Killed(BaseException):
    """The end of the process, as far as the files are concerned."""


@pytest.mark.parametrize("step", ["append", "Series.write", "write_tasks", "write_json"])
@pytest.mark.parametrize("before", [0, 1])
def test_stopped_while_an_episode_is_written_only_that_one_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, before: int
) -> None:
    """Right after each of the steps, in the first episode and in a later one."""
    whole = [A, B][:before]
    recorded(tmp_path, *whole)
    owner = module.Series if "." in step else module
    name = step.rpartition(".")[2]
    original = getattr(owner, name)

    def stopped(*args: object) -> None:
        original(*args)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(owner, name, stopped)
        recorded(tmp_path, drawn(6, "lost."))
    assert len(Demonstrations(tmp_path)) == before
    for i, shown in enumerate(whole):
        check(Demonstrations(tmp_path).episode(i), shown)
    recorded(tmp_path, B, C)
    check_all(tmp_path, *whole, B, C)


def test_a_process_that_is_killed_leaves_what_it_had_ended(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from roboego.data.demonstrations.writer import DemonstrationWriter
from tests.data.demonstrations.robot import SETUP, add, demonstrate, drawn
with DemonstrationWriter(Path({str(tmp_path)!r}), SETUP) as out:
    demonstrate(out, drawn(9))
    out.begin("lost.")
    add(out, drawn(5))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert done.returncode == -signal.SIGKILL
    check_all(tmp_path, A)
    recorded(tmp_path, B)
    check_all(tmp_path, A, B)


def test_what_a_killed_recording_left_is_cleared_away(tmp_path: Path) -> None:
    recorded(tmp_path, A)
    left = tmp_path / "videos/observation.images.eye/chunk-000/.file-000.mp4.part123"
    left.write_bytes(b"half")
    recorded(tmp_path, B)
    check_all(tmp_path, A, B)


def test_large_recordings_go_to_several_files(tmp_path: Path) -> None:
    episodes = [drawn(8, f"task {i}.", i) for i in range(5)]
    for part in (episodes[:3], episodes[3:]):
        with DemonstrationWriter(tmp_path, SETUP, data_mb=0.001, video_mb=0.005) as out:
            for shown in part:
                demonstrate(out, shown)
    check_all(tmp_path, *episodes)
    videos = sorted((tmp_path / "videos").rglob("*.mp4"))
    assert [v.name for v in videos] == [f"file-{i:03d}.mp4" for i in range(len(videos))]
    assert 1 < len(videos) < 5
    assert all(v.stat().st_size <= 0.005 * 2**20 for v in videos)
    assert len(list((tmp_path / "data").rglob("*.parquet"))) > 1
    assert len(list((tmp_path / "meta/episodes").rglob("*.parquet"))) > 1


def test_a_full_disk_costs_one_episode(tmp_path: Path) -> None:
    large = drawn(30, "fill the disk.", 3, noise=60)
    with DemonstrationWriter(tmp_path, SETUP) as out:
        demonstrate(out, A)
        out.begin(large.task)
        add(out, large)
        with files_of_at_most(20_000), pytest.raises(InputError, match="free some space"):
            out.end()
        check_all(tmp_path, A)
        demonstrate(out, B)
    check_all(tmp_path, A, B)
    with files_of_at_most(10), pytest.raises(InputError, match="free some space"):
        DemonstrationWriter(tmp_path / "new", SETUP)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"picture": np.zeros((32, 32, 3), np.uint8)}, "picture"),
        ({"picture": np.zeros((32, 48, 3), np.float32)}, "float32"),
        ({"state": np.zeros(4)}, "observation.state has 3"),
        ({"touch": []}, "observation.touch has 2"),
        ({"action": np.zeros((1, 2))}, "action has 2"),
        ({"action": [0, np.nan]}, "finite"),
        ({"state": [0, np.inf, 0]}, "finite"),
    ],
)
def test_a_wrong_frame_is_refused_and_the_episode_goes_on(tmp_path: Path, change: dict[str, object], told: str) -> None:
    good: dict[str, object] = {"picture": A.pictures[0], "state": A.state[0], "touch": A.touch[0], "action": A.action[0]}
    with DemonstrationWriter(tmp_path, SETUP) as out:
        out.begin(A.task)
        with pytest.raises(RoboEgoError, match=told):
            out.add(**(good | change))  # type: ignore[arg-type]
        add(out, A)
        out.end()
    check_all(tmp_path, A)


def test_the_order_of_calls_is_told(tmp_path: Path) -> None:
    with DemonstrationWriter(tmp_path, SETUP) as out:
        for call in (out.end, lambda: add(out, A)):
            with pytest.raises(InputError, match="begin"):
                call()
        with pytest.raises(InputError, match="words"):
            out.begin(" ")
        out.begin("once.")
        with pytest.raises(InputError, match="begun already"):
            out.begin("twice.")
        with pytest.raises(InputError, match="at least one frame"):
            out.end()
        out.drop()


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(SETUP, fps=30.0), "12.5 frames a second"),
        (replace(SETUP, height=64), "images.eye"),
        (replace(SETUP, touch=()), "touch"),
        (replace(SETUP, state=("x", "y", "w")), "state"),
        (replace(SETUP, robot="other"), "robot"),
    ],
)
def test_another_robot_is_not_mixed_in(tmp_path: Path, other: Setup, told: str) -> None:
    recorded(tmp_path, A)
    with pytest.raises(InputError, match=told):
        DemonstrationWriter(tmp_path, other)


def test_folders_of_other_things_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear reader")
    for place in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InputError, match="something else"):
            DemonstrationWriter(place, SETUP)


@pytest.mark.parametrize(
    "change",
    [{"height": 33}, {"width": 8}, {"state": ()}, {"action": ("a", "a")}, {"fps": 0.0}, {"fps": float("nan")}, {"camera": "a/b"}],
)
def test_impossible_setups_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(SETUP, **change)  # type: ignore[arg-type]


def test_a_robot_without_pads(tmp_path: Path) -> None:
    with DemonstrationWriter(tmp_path, replace(SETUP, touch=(), state=("x",))) as out:
        out.begin("go.")
        with pytest.raises(ShapeError):
            out.add(A.pictures[0], [0.5], [1.0], A.action[0])
        out.add(A.pictures[0], [0.5], [], A.action[0])
        out.end()
    found = Demonstrations(tmp_path).episode(0)
    assert found.touch.shape == (1, 0)
    assert found.state.tolist() == [[0.5]]
