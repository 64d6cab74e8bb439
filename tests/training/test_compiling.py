"""Compiling the heavy parts: what it needs, what is left alone, and that the losses stay what they were."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

from roboego.errors import InputError
from roboego.training import compiling
from roboego.training.adapters import AdapterConfig, add_adapters
from roboego.training.compiling import compile_parts, missing_tool
from roboego.training.lesson import StageConfig
from roboego.training.loop import LoopConfig, train
from roboego.training.stage import StageTask
from tiny import RandomRows, tiny_config, tiny_model

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def task() -> StageTask:
    config = tiny_config(layers=1)
    model = tiny_model(replace(config, speech=replace(config.speech, layers=1))).requires_grad_(True)
    return StageTask(model, RandomRows(sparse=True), StageConfig(rows=2, frames=12, chosen=0.5), lambda model, step: {})


def is_compiled(module: nn.Module) -> bool:
    return module._compiled_call_impl is not None


def test_auto_leaves_a_processor_alone() -> None:
    part = nn.Linear(2, 2)
    assert not compile_parts([part], "auto", CPU)
    assert not compile_parts([part], "off", CPU)
    assert not is_compiled(part)


def test_what_cannot_be_compiled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="auto, on, off"):
        compile_parts([nn.Linear(2, 2)], "yes", CPU)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"a C\+\+ compiler .*'off'"):
        compile_parts([nn.Linear(2, 2)], "on", CPU)
    assert not compile_parts([nn.Linear(2, 2)], "auto", CUDA)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: "/bin/" + name)
    assert missing_tool(CPU) is None
    with pytest.raises(InputError, match="nothing to compile"):
        compile_parts([], "on", CPU)


def test_shapes_stay_the_same_from_batch_to_batch() -> None:
    batches = [task().batch(step) for step in range(6)]
    assert {batch.chosen.shape for batch in batches} == {(12,)}
    used = {batch.used for batch in batches}
    assert min(used) < 12
    assert max(used) == 12
    for batch in batches:
        assert (batch.weights.speak.flatten()[batch.chosen[: batch.used]] > 0).all()
        assert torch.isfinite(task().loss(batch, 0)[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("adapters", [False, True])
def test_heavy_parts_are_whole_graphs_of_few_shapes(adapters: bool) -> None:
    torch._dynamo.reset()
    plain, traced = task(), task()
    if adapters:
        for learner in (plain, traced):
            torch.manual_seed(0)
            add_adapters(learner.module, AdapterConfig(rank=2))
    graphs: list[int] = []

    def count(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(len(graph.graph.nodes))
        return graph

    for part in traced.heavy_parts():
        part.compile(backend=count, dynamic=False, fullgraph=True)
    for step in range(4):
        assert float(traced.loss(traced.batch(step), step)[0].detach()) == pytest.approx(
            float(plain.loss(plain.batch(step), step)[0].detach())
        )
    # The backbone, and the speech decoder for one codebook and for all.
    assert len(graphs) == 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not os.environ.get("ROBOEGO_COMPILE"), reason="takes a minute or two: set ROBOEGO_COMPILE=1")
@pytest.mark.skipif(missing_tool(CPU) is not None, reason="needs a C++ compiler")
def test_compiled_losses_are_the_plain_ones(tmp_path: Path) -> None:
    losses = {}
    for choice in ("off", "on"):
        learner = task()
        names = list(learner.module.state_dict())
        config = LoopConfig(
            steps=2, learning_rate=0.01, warmup=1, compile=choice, autocast="float32", checkpoint_every=9, validate_every=9, log_every=1
        )
        train(learner, config, tmp_path / choice, console=Console(quiet=True))
        assert [is_compiled(part) for part in learner.heavy_parts()] == [choice == "on"] * 2
        assert list(learner.module.state_dict()) == names
        learner.module.train()
        losses[choice] = [float(learner.loss(learner.batch(step), step)[0].detach()) for step in range(3)]
    assert losses["on"] == pytest.approx(losses["off"], rel=1e-4)
