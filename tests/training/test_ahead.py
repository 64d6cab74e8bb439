"""Batches that other processes make ahead of their steps."""

import subprocess
import sys
from pathlib import Path

import torch

from roboego.recipes import nano
from roboego.training.ahead import Ahead
from roboego.training.lesson import Lessons, StageConfig
from roboego.training.rows import Mixture, Pool
from tests.training.test_stage import grids

ROOT = Path(__file__).parents[2]


def test_lessons_made_ahead_are_those_of_their_steps() -> None:
    """In a process of its own: this one has threads of other tests, and what they lock, its workers would wait for."""
    done = subprocess.run([sys.executable, "-m", __name__], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _compare() -> None:
    lessons = Lessons(Mixture([Pool(grids(), 1.0)]), StageConfig(rows=2, frames=24), nano.tiny())
    ahead = Ahead(lessons, workers=2)
    for step in (0, 1, 2, 3, 9, 10, 1):
        made, expected = ahead[step], lessons[step]
        assert torch.equal(made.given.speak, expected.given.speak)
        assert torch.equal(made.target.text, expected.target.text)
        assert made.used == expected.used


if __name__ == "__main__":
    _compare()
