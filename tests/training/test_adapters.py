"""Adapters: the backbone stays as it was, steps equal whole sequences, resuming is exact, merging gives a plain model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor
from torch.testing import assert_close

from roboego.errors import CheckpointError, InputError
from roboego.model.model import Batch, RoboEgoModel, StepInput
from roboego.model.native.weights import readable
from roboego.model.rollout import step_settings
from roboego.training.adapters import PARTS, TARGETS, AdapterConfig, adapted_layers, add_adapters, merge_adapters
from roboego.training.checkpoint import latest, load_state
from roboego.training.lesson import StageConfig, collate
from roboego.training.loop import LoopConfig, train
from roboego.training.stage import StageTask
from tiny import GREEDY, RandomRows, tiny_config, tiny_model

QUIET = Console(quiet=True)
FRAMES = 20


def adapted(config: AdapterConfig, *, shaken: bool = True, **changes: Any) -> RoboEgoModel:
    """A tiny model whose adapters, if shaken, are as if they had been trained."""
    model = tiny_model(tiny_config(**changes))
    add_adapters(model, config)
    if shaken:
        with torch.no_grad():
            for layer in adapted_layers(model).values():
                layer.lora_B["default"].weight.normal_(0, 0.3)  # type: ignore[index, operator, union-attr]
    return model.eval()


def batch(seed: int = 0) -> Batch:
    return collate([RandomRows().row(np.random.default_rng([seed, b]), FRAMES).grid for b in range(2)])[0]


def text_logits(model: RoboEgoModel, given: Batch | None = None) -> Tensor:
    with torch.no_grad():
        return model(given or batch()).text


@pytest.mark.parametrize("targets", [TARGETS, ("mlp.down",), ("attention.qkv", "mlp.gate_up")])
def test_adapters_begin_without_effect_and_merge_into_a_plain_model(targets: tuple[str, ...]) -> None:
    plain = tiny_model()
    config = AdapterConfig(rank=3, targets=targets)
    assert torch.equal(text_logits(adapted(config, shaken=False)), text_logits(plain))
    model = adapted(config)
    assert len(adapted_layers(model)) == 2 * len(targets)
    before = model(batch())
    assert not torch.allclose(before.text, text_logits(plain), atol=1e-2)
    merge_adapters(model)
    after = model(batch())
    for name in ("text", "spoken", "speak"):
        assert_close(getattr(after, name), getattr(before, name), atol=1e-5, rtol=0)
    assert model.state_dict().keys() == plain.state_dict().keys()
    assert [type(m) for m in model.modules()] == [type(m) for m in plain.modules()]
    assert vars(model.backbone).keys() == vars(plain.backbone).keys()
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("targets", [TARGETS, ("mlp.down",), ("attention.qkv", "attention.out"), ("mlp.gate_up",)])
def test_steps_equal_whole_sequences(targets: tuple[str, ...]) -> None:
    model = adapted(AdapterConfig(rank=3, targets=targets, dropout=0.5), window=8)
    given = batch()
    expected = text_logits(model, given)
    assert not readable(model.backbone)
    state, settings = model.initial_state(2), step_settings(model, [GREEDY] * 2)
    tokens = model.step_tokens(given)
    cache = state.cache
    for t in range(FRAMES):
        h, cache = model.backbone.step(model.fusion(tokens[:, t]), cache)
        assert_close(model.text_logits(h), expected[:, t], atol=1e-5, rtol=0)
    model.step(StepInput(given.listen[:, 0], given.read[:, 0], given.text[:, 0]), state, settings)


def test_what_is_trained() -> None:
    everything: dict[str, Any] = {"tied_head": False, "caption_head": True, "vision_width": 4, "context_width": 4}
    shape = {"model": everything, "looks": True, "action_dims": 2, "action_bins": 5}

    def trained(*parts: str) -> set[str]:
        model = adapted(AdapterConfig(rank=2, trained=parts), **shape)
        return {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad and "lora_" not in name}

    assert trained() == set()
    assert trained("streams") == {"fusion"}
    assert trained("heads", "speech") == {"text_head", "caption_head", "spoken_head", "speech"}
    assert trained("acting") == {"act_head"}
    # Nothing beside the backbone is in no part: it would stay as it was, and nobody would notice.
    assert trained(*PARTS) == {name for name, _ in tiny_model(tiny_config(**shape)).named_children()} - {"backbone"}
    backbone = [name for name, p in adapted(AdapterConfig(rank=2)).backbone.named_parameters() if p.requires_grad]
    assert backbone
    assert all("lora_" in name for name in backbone)


def test_configurations_that_make_no_sense() -> None:
    for values in ({"rank": -1}, {"rank": 2, "dropout": 1.0}, {"rank": 2, "alpha": 0}):
        with pytest.raises(InputError, match="rank of at least 0, an alpha of at least 1"):
            AdapterConfig(**values)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing is learned"):
        AdapterConfig(rank=0, trained=())
    with pytest.raises(InputError, match=r"attention\.qkv"):
        AdapterConfig(rank=2, targets=("attention.key",))
    with pytest.raises(InputError, match="streams, heads, acting, speech"):
        AdapterConfig(rank=2, trained=("backbone",))
    model = adapted(AdapterConfig(rank=2))
    with pytest.raises(InputError, match="merge them first"):
        add_adapters(model, AdapterConfig(rank=2))


def task(config: AdapterConfig) -> StageTask:
    torch.manual_seed(5)
    stage = StageConfig(rows=2, frames=FRAMES, chosen=0.5)
    return StageTask(adapted(config, shaken=False), RandomRows(), stage, lambda model, step: {})


def loop(steps: int) -> LoopConfig:
    return LoopConfig(steps=steps, learning_rate=0.02, warmup=2, decay=0.0, validate_every=5, checkpoint_every=5, log_every=5)


def test_a_resumed_run_is_the_same_run_and_its_checkpoints_hold_what_is_trained(tmp_path: Path) -> None:
    config = AdapterConfig(rank=2, dropout=0.3, trained=("streams", "speech"))
    whole, first, second = task(config), task(config), task(config)
    train(whole, loop(10), tmp_path / "whole", console=QUIET)
    train(first, loop(5), tmp_path / "parts", console=QUIET)
    train(second, loop(10), tmp_path / "parts", console=QUIET)
    base = tiny_model().state_dict()
    for (name, a), b in zip(whole.module.state_dict().items(), second.module.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
        frozen = "lora_" not in name and not name.startswith(("fusion", "speech"))
        assert torch.equal(a, base[name.replace(".base_layer", "")]) == frozen if "lora_" not in name else a.any(), name
    newest = latest(tmp_path / "parts")
    assert newest is not None
    held = set(load_state(newest)["module"])
    assert held == {name for name, p in second.module.named_parameters() if p.requires_grad}
    assert any("lora_" in name for name in held)
    assert not any("base_layer" in name for name in held)


def test_another_base_or_other_adapters_are_refused(tmp_path: Path) -> None:
    config = AdapterConfig(rank=2)
    train(task(config), loop(5), tmp_path, console=QUIET)
    other = task(config)
    with torch.no_grad():
        other.module.backbone.norm.weight.add_(0.1)
    with pytest.raises(CheckpointError, match="other frozen weights"):
        train(other, loop(10), tmp_path, console=QUIET)
    with pytest.raises(CheckpointError, match=r"another model: it differs in .*lora_A"):
        train(task(replace(config, rank=3)), loop(10), tmp_path, console=QUIET)
