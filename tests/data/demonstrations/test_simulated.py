"""Demonstrations from the simulator: what the expert does is what is recorded, and doing it again does the task again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from roboego.data.demonstrations import simulated
from roboego.data.demonstrations.job import DemonstrationJob
from roboego.data.demonstrations.reader import Demonstrations
from roboego.data.demonstrations.simulated import make_demonstrations, record
from roboego.errors import InputError
from roboego.recipes.nano_data import Places
from roboego.recipes.nano_demonstrations import demonstrations
from roboego.sim.body import BODY
from roboego.sim.env import TableEnv
from tests.data.demonstrations.robot import likeness_db

COUNT = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("simulated") / "train-00000"
    record(TableEnv(64, 64), COUNT, made, (0, 10))
    return made


def test_experts_demonstrate_what_was_asked_for(folder: Path) -> None:
    found = Demonstrations(folder)
    assert (len(found), found.fps, found.info.robot) == (COUNT, 12.5, "roboego_table")
    assert len(found.info.features["observation.state"]["names"]) == len(BODY)
    for i in range(COUNT):
        episode = found.episode(i)
        assert episode.task.endswith((".", "?"))
        assert np.abs(episode.action).max() <= 1
        assert episode.touch.shape == (len(episode), 2)
        assert len(episode) >= 4
        pictures = episode.pictures()
        assert pictures.shape == (len(episode), 64, 64, 3)
        assert pictures.std() > 10
        # The hand goes where its action takes it.
        moved, told = np.diff(episode.state[:, :3], axis=0), episode.action[:-1, :3]
        if np.abs(told).max() > 0.5:
            assert np.corrcoef(moved.ravel(), told.ravel())[0, 1] > 0.7


def test_an_interrupted_recording_goes_on_with_the_same_episodes(folder: Path, tmp_path: Path) -> None:
    for count in (1, COUNT):
        record(TableEnv(64, 64), count, tmp_path, (0, 10))
    again, whole = Demonstrations(tmp_path), Demonstrations(folder)
    assert len(again) == COUNT
    for i in range(COUNT):
        a, b = again.episode(i), whole.episode(i)
        assert a.task == b.task
        assert np.array_equal(a.state, b.state)
        assert np.array_equal(a.action, b.action)
        assert likeness_db(a.pictures(), b.pictures()) > 40


def test_a_shard_appears_when_it_is_complete_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = DemonstrationJob(folder=tmp_path, name="train", shard=2, count=1, size=64)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(simulated, "_attempt", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        make_demonstrations(job)
    assert not job.out.exists()
    assert make_demonstrations(job) == tmp_path / "train-00002"
    assert len(Demonstrations(job.out)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["train-00002"]
    monkeypatch.setattr(simulated, "record", None)
    assert make_demonstrations(job) == job.out


def test_what_the_expert_cannot_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="pictures"):
        record(TableEnv(0, 0), 1, tmp_path / "1", (0,))
    monkeypatch.setattr(simulated, "_TRIES", 2)
    with pytest.raises(InputError, match="longest"):
        record(TableEnv(64, 64, longest=1), 1, tmp_path / "2", (0,))
    assert len(Demonstrations(tmp_path / "2")) == 0


SMALL = """
import sys
from pathlib import Path
from roboego.cli import main
from roboego.data.demonstrations.job import DemonstrationJob
from roboego.recipes import nano_demonstrations

nano_demonstrations.demonstrations = lambda places, scale: [
    DemonstrationJob(folder=places.demonstrations, name="train", shard=i, count=1, size=64) for i in (2, 10)
]
sys.exit(main(sys.argv[1:]))
"""


def test_the_command_records_the_shards_of_the_recipe(tmp_path: Path) -> None:
    """In a process of its own, as this one has threads already, which the workers would be forked from."""
    arguments = ["synth", "demonstrations", "--folder", tmp_path, "--workers", "1", "--only", "00010", "--json", tmp_path / "result.json"]
    done = subprocess.run([sys.executable, "-c", SMALL, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "result.json").read_text()) == {"shards": 1, "folder": str(tmp_path / "demonstrations")}
    assert [path.name for path in (tmp_path / "demonstrations").iterdir()] == ["train-00010"]
    assert len(Demonstrations(tmp_path / "demonstrations/train-00010")) == 1


def test_the_recipe_keeps_its_splits_apart() -> None:
    jobs = demonstrations(Places(root=Path("runs")), 0.1)
    assert [job.out.as_posix() for job in jobs if job.name == "train"] == [f"runs/demonstrations/train-{i:05d}" for i in range(6)]
    assert len({job.out for job in jobs}) == len(jobs)
    assert not {job.seed for job in jobs if job.name == "train"} & {job.seed for job in jobs if job.name != "train"}
