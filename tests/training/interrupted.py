"""Runs that are interrupted, and what a resumed one must have in common with one that was not."""

import signal
from collections.abc import Iterable

import pytest
import torch
from torch import nn

from roboego.training.loop import Task


def interrupt(task: Task, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presses Ctrl-C when the step with this number, from 0, has been taken."""
    after_step = task.after_step

    def interrupting(now: int) -> None:
        after_step(now)
        if now == step:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(task, "after_step", interrupting)


def assert_equal_weights(ours: Iterable[nn.Module], theirs: Iterable[nn.Module]) -> None:
    """Parameters and buffers are the same, bit for bit."""
    for a, b in zip(ours, theirs, strict=True):
        wanted, found = a.state_dict(), b.state_dict()
        assert wanted.keys() == found.keys()
        for name, tensor in wanted.items():
            assert torch.equal(tensor, found[name]), name
