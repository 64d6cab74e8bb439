"""The training loop: resuming gives the same run, bit for bit; a bad loss stops it."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from roboego.cli import what_to_do
from roboego.errors import CheckpointError
from roboego.training.checkpoint import latest, load_state, save_state
from roboego.training.loop import LoopConfig, Metrics, rate_at, train
from tests.sound.test_writing import files_of_at_most

QUIET = Console(quiet=True)


class Line:
    """Fits a line, with noise from the global generator, as dropout would draw it."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.module: nn.Module = nn.Linear(4, 2)
        self.noise = 0.1
        self.bad_at = -1

    def batch(self, step: int) -> Tensor:
        return torch.randn(8, 4, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor, step: int) -> tuple[Tensor, Metrics]:
        out = self.module(batch + self.noise * torch.randn_like(batch))
        return out.square().mean() * (float("nan") if step == self.bad_at else 1.0), {}

    def after_step(self, step: int) -> None:
        self.noise *= 0.99

    def validate(self, step: int) -> Metrics:
        return {"size": float(sum(p.abs().sum() for p in self.module.parameters()))}

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return ()

    def extra_state(self) -> dict[str, Any]:
        return {"noise": self.noise}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self.noise = state["noise"]


def config(steps: int) -> LoopConfig:
    return LoopConfig(steps=steps, learning_rate=0.01, warmup=5, decay=0.0, validate_every=10, checkpoint_every=10, log_every=5)


def test_a_resumed_run_is_the_same_run(tmp_path: Path) -> None:
    whole, first, second = Line(), Line(), Line()
    train(whole, config(40), tmp_path / "whole", console=QUIET)
    train(first, config(20), tmp_path / "parts", console=QUIET)
    train(second, config(40), tmp_path / "parts", console=QUIET)
    for a, b in zip(whole.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(a, b)
    assert whole.noise == second.noise


def test_checkpoints_of_before_frozen_weights_were_noted_go_on(tmp_path: Path) -> None:
    whole, parts = Line(), Line()
    train(whole, config(20), tmp_path / "whole", console=QUIET)
    train(Line(), config(10), tmp_path / "parts", console=QUIET)
    newest = latest(tmp_path / "parts")
    assert newest is not None
    state = load_state(newest)
    assert state.pop("frozen") == ""
    save_state(newest, state)
    train(parts, config(20), tmp_path / "parts", console=QUIET)
    assert all(torch.equal(a, b) for a, b in zip(whole.module.parameters(), parts.module.parameters(), strict=True))


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    train(Line(), config(10), tmp_path, console=QUIET)
    other = Line()
    other.module = nn.Linear(4, 3)
    with pytest.raises(CheckpointError, match=r"another model: it differs in bias, weight"):
        train(other, config(20), tmp_path, console=QUIET)


def test_keeps_the_newest_checkpoints(tmp_path: Path) -> None:
    train(Line(), config(50), tmp_path, console=QUIET)
    assert sorted(p.name for p in tmp_path.glob("step-*")) == ["step-00000040", "step-00000050"]


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    task = Line()
    task.bad_at = 14
    with pytest.raises(CheckpointError, match="lower learning_rate"):
        train(task, config(20), tmp_path, console=QUIET)


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_is_never_a_checkpoint(tmp_path: Path, what: str) -> None:
    task, seldom = Line(), replace(config(20), log_every=1_000)
    train(task, replace(seldom, steps=19), tmp_path, console=QUIET)
    if what == "loss":
        task.bad_at = 19
    else:
        task.module.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(CheckpointError, match=f"the {what} is (nan|inf) at step 20"):
        train(task, seldom, tmp_path, console=QUIET)
    assert sorted(p.name for p in tmp_path.glob("*step-*")) == ["step-00000010", "step-00000019"]


def test_a_run_that_is_stopped_keeps_nothing_that_is_not_finite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Line()
    task.bad_at = 2
    monkeypatch.setattr(task, "after_step", lambda step: signal.raise_signal(signal.SIGINT) if step == 2 else None)
    with pytest.raises(CheckpointError, match="the loss is nan at step 3"):
        train(task, config(20), tmp_path, console=QUIET)
    assert not list(tmp_path.glob("*step-*"))
    task.bad_at = -1
    task.module = Line().module
    assert train(task, config(20), tmp_path, console=QUIET) == 3
    assert [p.name for p in tmp_path.glob("*step-*")] == ["step-00000003"]


def test_a_full_disk_ends_the_run_and_leaves_its_last_checkpoint(tmp_path: Path) -> None:
    train(Line(), config(10), tmp_path, console=QUIET)
    with files_of_at_most(4_000), pytest.raises(OSError, match="too large") as caught:
        train(Line(), config(20), tmp_path, console=QUIET)
    assert str(tmp_path / "step-00000020") in what_to_do(caught.value)
    assert "disk" in what_to_do(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010", "tensorboard"]
    assert train(Line(), config(20), tmp_path, console=QUIET) == 20


def test_a_run_that_was_killed_while_it_saved_goes_on(tmp_path: Path) -> None:
    whole, parts = Line(), Line()
    train(whole, config(20), tmp_path / "whole", console=QUIET)
    train(Line(), config(10), tmp_path / "parts", console=QUIET)
    (tmp_path / "parts" / "step-00000010").rename(tmp_path / "parts" / ".step-00000010.old")
    (tmp_path / "parts" / ".step-00000010.part").mkdir()
    train(parts, config(20), tmp_path / "parts", console=QUIET)
    assert all(torch.equal(a, b) for a, b in zip(whole.module.parameters(), parts.module.parameters(), strict=True))
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == ["step-00000010", "step-00000020", "tensorboard"]


def test_states_survive_a_round_trip(tmp_path: Path) -> None:
    state = {"a": torch.arange(3), "b": {0: [1.5, None, True, "x"], 7: torch.ones(2, 2)}}
    save_state(tmp_path / "step-1", state)
    again = load_state(tmp_path / "step-1")
    assert torch.equal(again["a"], state["a"])
    assert again["b"][0] == [1.5, None, True, "x"]
    assert torch.equal(again["b"][7], torch.ones(2, 2))
    (tmp_path / "step-1" / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot resume"):
        load_state(tmp_path / "step-1")
    assert latest(tmp_path / "none") is None


def test_the_rate_rises_stays_and_falls() -> None:
    c = LoopConfig(steps=100, learning_rate=1.0, warmup=10, decay=0.5, final_rate=0.1)
    assert rate_at(c, 0) == pytest.approx(0.1)
    assert rate_at(c, 30) == 1.0
    assert rate_at(c, 75) == pytest.approx(0.5)
    assert rate_at(c, 99) == pytest.approx(0.1)
