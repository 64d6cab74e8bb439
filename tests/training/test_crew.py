"""Processes that train one model together are as good as one that does all the work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from roboego.errors import InputError
from roboego.training.crew import ALONE, Crew, join
from tests.training.shared_line import fit

ROOT = Path(__file__).parents[2]


def two_processes(folder: Path, steps: int) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [*launcher, "-m", "tests.training.shared_line", str(folder), str(steps)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_and_go_on_together(tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole", 12, ALONE).module.state_dict()
    folder = tmp_path / "shared"
    for steps in (8, 12):
        two_processes(folder, steps)
    first, second = (torch.load(folder / f"rank{rank}.pt") for rank in (0, 1))
    for name, tensor in whole.items():
        assert torch.equal(first[name], second[name])
        assert_close(first[name], tensor, rtol=1e-2, atol=1e-3)
    assert sorted(p.name for p in folder.glob("step-*")) == ["step-00000008", "step-00000012"]


def test_rows_are_shared_equally_or_refused() -> None:
    assert [list(Crew(rank=rank, size=2).share(4)) for rank in (0, 1)] == [[0, 2], [1, 3]]
    assert list(ALONE.share(3)) == [0, 1, 2]
    with pytest.raises(InputError, match="3 rows cannot be shared by 2 processes"):
        Crew(size=2).share(3)


def test_alone_unless_torchrun_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join("cpu") == ALONE
    assert ALONE.leads
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="start them with torchrun"):
        join("cpu")
