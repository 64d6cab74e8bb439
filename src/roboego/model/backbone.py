"""The causal decoder: RMSNorm, rotary attention with grouped keys and values, SwiGLU (Llama, arXiv 2302.13971; Qwen2, 2407.10671)."""
# B batch, T positions, D width, H heads, G key-value heads, E head dimension, W window

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.cache import RingCache, place_in_window, ring_index
from roboego.model.config import BackboneConfig
from roboego.model.rope import rotate, rotation


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

    def forward(self, x_BTD: Tensor, cosine: Tensor, sine: Tensor, bias_TT: Tensor) -> Tensor:
        """Whole sequences; `bias_TT` is 0 where a position may look and -inf elsewhere."""
        q_BHTE, k_BGTE, v_BGTE = self._split(x_BTD)
        q_BHTE, k_BGTE = rotate(q_BHTE, cosine, sine), rotate(k_BGTE, cosine, sine)
        return self._attend(q_BHTE, k_BGTE, v_BGTE, bias_TT)

    def step(self, x_B1D: Tensor, cosine: Tensor, sine: Tensor, bias: Tensor, keys: Tensor, values: Tensor, index_B: Tensor) -> Tensor:
        """One position a slot. `keys` and `values` [B, G, W, E] are updated in place at ring places `index_B`."""
        q_BH1E, k_BG1E, v_BG1E = self._split(x_B1D)
        q_BH1E, k_BG1E = rotate(q_BH1E, cosine, sine), rotate(k_BG1E, cosine, sine)
        slots = torch.arange(len(index_B), device=index_B.device)
        keys[slots, :, index_B] = k_BG1E[:, :, 0]
        values[slots, :, index_B] = v_BG1E[:, :, 0]
        return self._attend(q_BH1E, keys, values, bias)

    def step_kept(self, x_B1D: Tensor, tables: "WindowRotation", bias: Tensor, keys: Tensor, values: Tensor, index_B: Tensor) -> Tensor:
        """The same for rings that keep their first positions: keys are stored as they are and rotated by their place in the window."""
        q_BH1E, k_BG1E, v_BG1E = self._split(x_B1D)
        slots = torch.arange(len(index_B), device=index_B.device)
        keys[slots, :, index_B] = k_BG1E[:, :, 0]
        values[slots, :, index_B] = v_BG1E[:, :, 0]
        rotated = rotate(keys, tables.key_cosine, tables.key_sine)
        return self._attend(rotate(q_BH1E, tables.query_cosine, tables.query_sine), rotated, values, bias)

    def _attend(self, q_BHTE: Tensor, k_BGSE: Tensor, v_BGSE: Tensor, bias: Tensor) -> Tensor:
        """Softmax attention with grouped heads; the sink's logit takes its share of the softmax and adds nothing."""
        batch, heads, frames, _ = q_BHTE.shape
        groups = k_BGSE.shape[1]
        q = q_BHTE.reshape(batch, groups, (heads // groups) * frames, -1)
        scores = (q @ k_BGSE.transpose(-1, -2) / math.sqrt(q.shape[-1])).reshape(batch, heads, frames, -1) + bias
        if self.sink is not None:
            sink = self.sink.to(scores.dtype).view(1, heads, 1, 1).expand(batch, -1, frames, -1)
            weights = torch.cat([scores, sink], -1).float().softmax(-1)[..., :-1]
        else:
            weights = scores.float().softmax(-1)
        mixed = weights.to(v_BGSE.dtype).reshape(batch, groups, (heads // groups) * frames, -1) @ v_BGSE
        return self.out(mixed.reshape(batch, heads, frames, -1).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class WindowRotation:
    """Rotation tables [B, 1, W, E/2] of keys and [B, 1, 1, E/2] of the query by place in the window."""

    def __init__(self, position_B: Tensor, config: BackboneConfig, dtype: torch.dtype) -> None:
        place_BW = place_in_window(position_B, config.window, config.kept_sinks).clamp(min=0)
        cosine, sine = rotation(place_BW, config.head_dim, config.rope_theta, dtype)
        self.key_cosine, self.key_sine = cosine[:, None], sine[:, None]
        query = position_B.clamp(max=config.window - 1)
        cosine, sine = rotation(query, config.head_dim, config.rope_theta, dtype)
        self.query_cosine, self.query_sine = cosine[:, None, None], sine[:, None, None]


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
        cosine, sine = rotation(place, c.head_dim, c.rope_theta, x_BTD.dtype)
        behind = place[:, None] - place
        seen = (behind >= 0) & ((behind < c.window) | (place < c.kept_sinks))
        bias = torch.zeros_like(seen, dtype=x_BTD.dtype).masked_fill(~seen, -torch.inf)
        for layer in self.layers:
            x_BTD = x_BTD + layer.attention(layer.attention_norm(x_BTD), cosine, sine, bias)  # type: ignore[operator]
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
        if c.kept_sinks:
            tables = WindowRotation(position, c, x.dtype)
        else:
            cosine, sine = (table[:, None, None] for table in rotation(position, c.head_dim, c.rope_theta, x.dtype))
        for i, layer in enumerate(self.layers):
            normed = layer.attention_norm(x)  # type: ignore[operator]
            if c.kept_sinks:
                x = x + layer.attention.step_kept(normed, tables, bias, state.keys[i], state.values[i], index)  # type: ignore[operator, union-attr]
            else:
                x = x + layer.attention.step(normed, cosine, sine, bias, state.keys[i], state.values[i], index)  # type: ignore[operator, union-attr]
            x = x + layer.mlp(layer.mlp_norm(x))  # type: ignore[operator]
        return self.norm(x)[:, 0], RingCache(state.keys, state.values, position + 1)
