"""The decoder alone: a step sees what a whole sequence sees, in every configuration."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from roboego.model.backbone import Backbone
from roboego.model.config import BackboneConfig

BASE = BackboneConfig(width=24, layers=2, heads=4, kv_heads=2, head_dim=8, hidden=32, window=11)


def backbone(config: BackboneConfig) -> Backbone:
    torch.manual_seed(0)
    model = Backbone(config).requires_grad_(False)
    for name, tensor in model.named_parameters():
        if name.endswith(("sink", "bias")):
            tensor.normal_()
    return model


def stream(model: Backbone, x_BTD: torch.Tensor) -> torch.Tensor:
    state, out = model.initial_state(len(x_BTD)), []
    for x_BD in x_BTD.unbind(1):
        h, state = model.step(x_BD, state)
        out.append(h)
    return torch.stack(out, 1)


@pytest.mark.parametrize(
    "config",
    [
        BASE,
        replace(BASE, learned_sinks=False),
        replace(BASE, learned_sinks=False, kept_sinks=3),
        replace(BASE, learned_sinks=False, kept_sinks=3, heads=2),
        replace(BASE, qkv_bias=True, out_bias=True, mlp_bias=True),
        replace(BASE, heads=1, kv_heads=1, layers=1),
        replace(BASE, heads=1, kv_heads=1, layers=1, learned_sinks=False, window=1),
    ],
    ids=["grouped heads", "no sinks", "kept sinks", "kept sinks, heads not grouped", "biases", "one head", "window of one"],
)
def test_steps_equal_the_whole_sequence(config: BackboneConfig) -> None:
    model, x = backbone(config), torch.randn(3, 50, config.width)
    assert_close(stream(model, x), model(x), atol=1e-5, rtol=0)


def test_a_slot_restarts_alone_and_leaves_nothing_behind() -> None:
    model, x = backbone(BASE), torch.randn(2, 40, BASE.width)
    state = model.initial_state(2)
    for t in range(20):
        _, state = model.step(x[:, t], state)
    state.reset(torch.tensor([True, False]))
    assert all(not ring[:, 0].any() and ring[:, 1].any() for ring in state.rings)
    out = []
    for t in range(20, 40):
        h, state = model.step(x[:, t], state)
        out.append(h)
    assert_close(torch.stack(out, 1)[0], model(x[:1, 20:])[0], atol=1e-5, rtol=0)
    assert_close(torch.stack(out, 1)[1], model(x[1:])[0, 20:], atol=1e-5, rtol=0)


def test_one_layer_with_one_head_keeps_its_sink_over_a_reset() -> None:
    config = replace(BASE, heads=1, kv_heads=1, layers=1)
    model, x = backbone(config), torch.randn(1, 20, config.width)
    expected = stream(model, x)
    state = model.initial_state(1)
    _, state = model.step(x[:, 0], state)
    state.reset(torch.tensor([True]))
    for t in range(20):
        h, state = model.step(x[:, t], state)
        assert_close(h, expected[:, t], atol=1e-6, rtol=0)


def test_a_broken_slot_does_not_reach_its_successor() -> None:
    model = backbone(BASE)
    state = model.initial_state(1)
    _, state = model.step(torch.full((1, BASE.width), torch.nan), state)
    state.reset(torch.tensor([True]))
    h, state = model.step(torch.randn(1, BASE.width), state)
    assert torch.isfinite(h).all()


def test_positions_have_no_end() -> None:
    """After some 40 days, numbers are what they were on the first."""
    model, x = backbone(BASE), torch.randn(1, 30, BASE.width)
    expected = stream(model, x)
    state = model.initial_state(1)
    state.position += BASE.window * 4_000_000
    out = []
    for t in range(30):
        h, state = model.step(x[:, t], state)
        out.append(h)
    # The ring of that day was never filled: what every layer sees of it has gone when each has turned once.
    turned = BASE.layers * BASE.window
    assert turned < 30
    assert_close(torch.stack(out, 1)[:, turned:], expected[:, turned:], atol=1e-4, rtol=0)


def test_halves_of_the_precision_stay_close() -> None:
    model, x = backbone(BASE), torch.randn(2, 30, BASE.width)
    expected = model(x)
    model = model.to(torch.bfloat16)
    assert_close(stream(model, x.bfloat16()).float(), expected, atol=0.15, rtol=0)


def test_memory_of_the_ring_is_what_it_says() -> None:
    state = backbone(BASE).initial_state(3)
    # Keys and values, layers, slots, key-value heads, head dimension, window and sink, bytes.
    assert state.nbytes == 2 * 2 * 3 * 2 * 8 * (11 + 1) * 4
