"""Rings that keep their first positions: what a step sees equals attention over the window with positions counted inside it."""

import math

import pytest
import torch
from torch.testing import assert_close

from roboego.model.backbone import Backbone
from roboego.model.config import BackboneConfig
from roboego.model.rope import rotate, rotation

CONFIG = BackboneConfig(
    width=24,
    layers=1,
    heads=4,
    kv_heads=2,
    head_dim=6,
    hidden=8,
    window=9,
    rope_theta=100.0,
    qkv_bias=True,
    learned_sinks=False,
    kept_sinks=3,
)


def by_place(backbone: Backbone, x_TD: torch.Tensor) -> torch.Tensor:
    """The last position's hidden state, keys and query rotated by their place in the window, as arXiv 2309.17453 has it."""
    c, layer = backbone.config, backbone.layers[0]
    first, last = x_TD[: c.kept_sinks], x_TD[c.kept_sinks :]
    window = torch.cat([first, last[-(c.window - c.kept_sinks) :]]) if len(x_TD) > c.window else x_TD
    sizes = [c.heads * c.head_dim, c.kv_heads * c.head_dim, c.kv_heads * c.head_dim]
    parts = layer.attention.qkv(layer.attention_norm(window)).split(sizes, -1)
    q, k, v = (part.unflatten(-1, (-1, c.head_dim)).transpose(0, 1) for part in parts)
    turn = rotation(torch.arange(len(window)), c.head_dim, c.rope_theta, torch.float32)
    share = c.heads // c.kv_heads
    q, k, v = rotate(q, *turn)[:, -1:], rotate(k, *turn).repeat_interleave(share, 0), v.repeat_interleave(share, 0)
    mixed = (q @ k.transpose(1, 2) / math.sqrt(c.head_dim)).softmax(-1) @ v
    x = x_TD[-1] + layer.attention.out(mixed.flatten())
    return backbone.norm(x + layer.mlp(layer.mlp_norm(x)))


@pytest.fixture
def backbone() -> Backbone:
    torch.manual_seed(0)
    return Backbone(CONFIG).requires_grad_(False)


def test_steps_equal_attention_by_place_in_the_window(backbone: Backbone) -> None:
    x_TD = torch.randn(30, CONFIG.width)
    state = backbone.initial_state(1)
    for t in range(len(x_TD)):
        h, state = backbone.step(x_TD[None, t], state)
        assert_close(h[0], by_place(backbone, x_TD[: t + 1]), atol=1e-5, rtol=0)


def test_steps_equal_the_whole_sequence_with_slots_that_restart(backbone: Backbone) -> None:
    x_BTD = torch.randn(2, 40, CONFIG.width)
    whole = torch.stack([backbone(x_BTD[:1])[0], torch.cat([backbone(x_BTD[1:, :13])[0], backbone(x_BTD[1:, 13:])[0]])])
    state = backbone.initial_state(2)
    for t in range(40):
        if t == 13:
            state.reset(torch.tensor([False, True]))
        h, state = backbone.step(x_BTD[:, t], state)
        assert_close(h, whole[:, t], atol=1e-5, rtol=0)
