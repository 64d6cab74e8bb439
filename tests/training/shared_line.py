"""Fits a line, as one of the processes that torchrun starts: python -m tests.training.shared_line FOLDER STEPS."""

import sys
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from roboego.training.crew import Crew, join
from roboego.training.loop import LoopConfig, Metrics, train

ROWS = 8


class TwoLines(nn.Module):
    """Two matrices, so that each of two processes has one whose updates it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = nn.ModuleList(nn.Linear(4, 2) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([line(x) for line in self.lines], -1)


class SharedLine:
    """Each process learns from its share of the rows."""

    def __init__(self, crew: Crew) -> None:
        torch.manual_seed(3)
        self.module: nn.Module = TwoLines()
        self.unused = nn.Linear(1, 1)
        self.crew, self.validated = crew, 0

    def batch(self, step: int) -> Tensor:
        rows = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(step))
        return rows[list(self.crew.share(ROWS))]

    def loss(self, batch: Tensor, step: int) -> tuple[Tensor, Metrics]:
        return self.module(batch).square().mean(), {}

    def after_step(self, step: int) -> None: ...

    def validate(self, step: int) -> Metrics:
        self.validated += 1
        return {}

    def helpers(self) -> tuple[nn.Module, ...]:
        return (self.unused,)

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return (self.module,)

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None: ...


def fit(folder: Path, steps: int, crew: Crew) -> SharedLine:
    task = SharedLine(crew)
    config = LoopConfig(
        steps=steps, learning_rate=0.01, warmup=2, decay=0.0, optimizer="muon", validate_every=4, checkpoint_every=4, log_every=4
    )
    train(task, config, folder, console=Console(quiet=True), crew=crew)
    return task


if __name__ == "__main__":
    crew = join("cpu")
    task = fit(Path(sys.argv[1]), int(sys.argv[2]), crew)
    weights = task.module.state_dict()
    torch.save(weights, Path(sys.argv[1]) / f"rank{crew.rank}.pt")
    assert bool(task.validated) == crew.leads
    crew.wait()
