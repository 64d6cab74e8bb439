"""Shards made by other processes, of a process that has computed with several threads itself."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from roboego.data.workers import make_all


@dataclass(frozen=True)
class Product:
    """A job that multiplies."""

    out: Path


def multiply(job: Product) -> Path:
    job.out.write_text(str(float((torch.ones(600, 600) @ torch.ones(600, 600)).sum())))
    return job.out


def main(out: Path) -> None:
    torch.set_num_threads(2)
    torch.nn.functional.relu(torch.randn(900, 900) @ torch.randn(900, 900))
    make_all([Product(out)], multiply, workers=1)


def test_a_parent_that_computes_does_not_stop_its_workers(tmp_path: Path) -> None:
    """In a process of its own: where this fails, it waits for ever."""
    subprocess.run([sys.executable, "-m", "tests.data.test_workers", str(tmp_path / "out")], check=True, timeout=120)
    assert float((tmp_path / "out").read_text()) == 600.0**3


if __name__ == "__main__":
    main(Path(sys.argv[1]))
