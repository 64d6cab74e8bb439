"""The causal decoder: RMSNorm, rotary attention with grouped keys and values, SwiGLU (Llama, arXiv 2302.13971; Qwen2, 2407.10671)."""
# B batch, T positions, D width, H heads, G key-value heads, E head dimension, W window

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.cache import RingCache, ring_index
from roboego.model.config import BackboneConfig
from roboego.model.rope import rotate, rotation

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines."""


class RMSNorm(nn.Module):
    """Root mean square normalization (arXiv 1910.07467)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class SwiGLU(nn.Module):
    """Gated feed-forward layer, gate and up projection in one product."""

    def __init__(self, width: int, hidden: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * hidden, bias=bias)
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Attention of one layer, over whole sequences (`forward`) or one position against the ring (`step`)."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.heads + 2 * config.kv_heads) * config.head_dim
        self.qkv = nn.Linear(config.width, widths, bias=config.qkv_bias)
        self.out = nn.Linear(config.heads * config.head_dim, config.width, bias=config.out_bias)
        self.sink = nn.Parameter(torch.zeros(config.heads)) if config.learned_sinks else None

    def _split(self, x_BTD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c = self.config
        sizes = [c.heads * c.head_dim, c.kv_heads * c.head_dim, c.kv_heads * c.head_dim]
        return tuple(part.unflatten(-1, (-1, c.head_dim)).transpose(1, 2) for part in self.qkv(x_BTD).split(sizes, -1))  # type: ignore[return-value]

    def forward(self, x_BTD: Tensor, turn: Rotation, bias_TT: Tensor, to_kept: Rotation | None = None) -> Tensor:
        """Whole sequences; `bias_TT` is 0 where a position may look and -inf elsewhere. `to_kept`: see `to_kept_places`."""
        q_BHTE, k_BGTE, v_BGTE = self._split(x_BTD)
        near = None if to_kept is None else rotate(q_BHTE, *to_kept)
        return self._attend(rotate(q_BHTE, *turn), rotate(k_BGTE, *turn), v_BGTE, bias_TT, near)

    def step(
        self, x_B1D: Tensor, turn: Rotation, bias: Tensor, keys: Tensor, values: Tensor, index_B: Tensor, to_kept: Rotation | None = None
    ) -> Tensor:
        """One position a slot. `keys` and `values` [B, G, W, E] are updated in place at ring places `index_B`."""
        q_BH1E, k_BG1E, v_BG1E = self._split(x_B1D)
        near = None if to_kept is None else rotate(q_BH1E, *to_kept)
        slots = torch.arange(len(index_B), device=index_B.device)
        keys[slots, :, index_B] = rotate(k_BG1E, *turn)[:, :, 0]
        values[slots, :, index_B] = v_BG1E[:, :, 0]
        return self._attend(rotate(q_BH1E, *turn), keys, values, bias, near)

    def _attend(self, q_BHTE: Tensor, k_BGSE: Tensor, v_BGSE: Tensor, bias: Tensor, near_BHTE: Tensor | None = None) -> Tensor:
        """Softmax attention with grouped heads; the sink's logit takes its share of the softmax and adds nothing.

        Args:
            near_BHTE: the queries as the kept first positions see them.
        """
        batch, heads, frames, _ = q_BHTE.shape
        groups = k_BGSE.shape[1]
        q = q_BHTE.reshape(batch, groups, (heads // groups) * frames, -1)
        scores = q @ k_BGSE.transpose(-1, -2)
        if near_BHTE is not None:
            kept = self.config.kept_sinks
            scores[..., :kept] = near_BHTE.reshape(q.shape) @ k_BGSE[:, :, :kept].transpose(-1, -2)
        scores = (scores / math.sqrt(q.shape[-1])).reshape(batch, heads, frames, -1) + bias
        if self.sink is not None:
            sink = self.sink.to(scores.dtype).view(1, heads, 1, 1).expand(batch, -1, frames, -1)
            weights = torch.cat([scores, sink], -1).float().softmax(-1)[..., :-1]
        else:
            weights = scores.float().softmax(-1)
        mixed = weights.to(v_BGSE.dtype).reshape(batch, groups, (heads // groups) * frames, -1) @ v_BGSE
        return self.out(mixed.reshape(batch, heads, frames, -1).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def turns(position: Tensor, config: BackboneConfig, dtype: torch.dtype) -> Rotation:
    """Rotations by absolute position [...]: cosines and sines [..., E / 2]."""
    return rotation(position, config.head_dim, config.rope_theta, dtype, config.rope_scaling)


def to_kept_places(position: Tensor, config: BackboneConfig) -> Tensor:
    """From where queries at `position` see the kept first positions: never further off than the window's end (arXiv 2309.17453).

    Rotary attention depends on distances alone. So reassigning positions inside the window needs no second rotation of keys, but
    one more of the query.
    """
    return position.clamp(max=config.window - 1)


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and added to the stream."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.norm_eps)
        self.attention = Attention(config)
        self.mlp_norm = RMSNorm(config.width, config.norm_eps)
        self.mlp = SwiGLU(config.width, config.hidden, bias=config.mlp_bias)


class Backbone(nn.Module):
    """The stack of layers and the last norm."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.norm_eps)

    def initial_state(self, batch: int) -> RingCache:
        weight = self.norm.weight
        return RingCache.initial(self.config, batch, device=weight.device, dtype=weight.dtype)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Fused inputs [B, T, D] from position 0 on -> hidden states [B, T, D]."""
        c = self.config
        place = torch.arange(x_BTD.shape[1], device=x_BTD.device)
        turn = turns(place, c, x_BTD.dtype)
        to_kept = turns(to_kept_places(place, c), c, x_BTD.dtype) if c.kept_sinks and len(place) > c.window else None
        behind = place[:, None] - place
        seen = (behind >= 0) & ((behind < c.window - c.kept_sinks) | (place < c.kept_sinks))
        bias = torch.zeros_like(seen, dtype=x_BTD.dtype).masked_fill(~seen, -torch.inf)
        for layer in self.layers:
            x_BTD = x_BTD + layer.attention(layer.attention_norm(x_BTD), turn, bias, to_kept)  # type: ignore[operator]
            x_BTD = x_BTD + layer.mlp(layer.mlp_norm(x_BTD))  # type: ignore[operator]
        return self.norm(x_BTD)  # type: ignore[no-any-return]

    def step(self, x_BD: Tensor, state: RingCache) -> tuple[Tensor, RingCache]:
        """One position of each slot [B, D] -> hidden state [B, D]. The ring is updated in place."""
        c = self.config
        position = state.position
        index = ring_index(position, c.window, c.kept_sinks)
        filled = torch.arange(c.window, device=x_BD.device) <= position[:, None]
        bias = torch.zeros(filled.shape, device=x_BD.device, dtype=x_BD.dtype).masked_fill_(~filled, -torch.inf)[:, None, None]
        x = x_BD[:, None]
        turn = turns(position[:, None, None], c, x.dtype)
        to_kept = turns(to_kept_places(position, c)[:, None, None], c, x.dtype) if c.kept_sinks else None
        for i, layer in enumerate(self.layers):
            normed = layer.attention_norm(x)  # type: ignore[operator]
            x = x + layer.attention.step(normed, turn, bias, state.keys[i], state.values[i], index, to_kept)  # type: ignore[operator, union-attr]
            x = x + layer.mlp(layer.mlp_norm(x))  # type: ignore[operator]
        return self.norm(x)[:, 0], RingCache(state.keys, state.values, position + 1)
