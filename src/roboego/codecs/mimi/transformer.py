"""A causal transformer over a sliding window that runs for ever: a ring of keys and values, positions counted per slot.

Pre-norm with LayerNorm, rotary positions (half-split pairs), GELU, a learned scale on each residual branch.
"""
# B batch (slots), T new positions, R ring entries, H heads, G key-value heads, D model width, E head width, L layers

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from roboego.codecs.mimi.config import MimiConfig
from roboego.errors import ShapeError


@dataclass(slots=True)
class TransformerState:
    """Keys and values of the last R positions. `step` updates it in place (fixed addresses, so a step can be captured in a CUDA graph).

    All slots write at the same place in the ring; each counts its own positions, and sees no further back than its own first one.
    """

    keys_LBGRE: Tensor
    values_LBGRE: Tensor
    cursor: Tensor
    """Ring entry that the next position will take (int64, no dimensions)."""
    position_B: Tensor
    """Positions that each slot has seen since its start (int64)."""

    def reset(self, mask_B: Tensor) -> None:
        for cache in (self.keys_LBGRE, self.values_LBGRE):
            cache.masked_fill_(mask_B[:, None, None, None], 0.0)  # a masked entry must still be finite
        self.position_B.masked_fill_(mask_B, 0)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the new positions of one step stand: the same for all layers."""

    entry_T: Tensor
    """Ring entry of each new position."""
    cos_BTE: Tensor
    sin_BTE: Tensor
    bias_BTR: Tensor
    """0 for ring entries that a new position attends to (itself and those before it, inside window and slot's life), else -inf."""


class Attention(nn.Module):
    """Multi-head attention with rotary positions; key-value heads may be fewer than heads."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.width = config.num_attention_heads, config.num_key_value_heads, config.head_width
        self.qkv = nn.Linear(config.hidden_size, (self.heads + 2 * self.kv_heads) * self.width, bias=config.attention_bias)
        self.out = nn.Linear(self.heads * self.width, config.hidden_size, bias=config.attention_bias)

    def step(self, x_BTD: Tensor, keys_BGRE: Tensor, values_BGRE: Tensor, places: Places) -> Tensor:
        batch, length = x_BTD.shape[:2]
        heads_BTHE = self.qkv(x_BTD).view(batch, length, -1, self.width)
        rotated_BTHE = rotate(heads_BTHE[:, :, : -self.kv_heads], places.cos_BTE[:, :, None], places.sin_BTE[:, :, None])
        keys_BGRE.index_copy_(2, places.entry_T, rotated_BTHE[:, :, self.heads :].transpose(1, 2))
        values_BGRE.index_copy_(2, places.entry_T, heads_BTHE[:, :, -self.kv_heads :].transpose(1, 2))
        mixed_BHTE = F.scaled_dot_product_attention(
            rotated_BTHE[:, :, : self.heads].transpose(1, 2),
            keys_BGRE,
            values_BGRE,
            attn_mask=places.bias_BTR[:, None],
            enable_gqa=self.heads != self.kv_heads,
        )
        mixed: Tensor = self.out(mixed_BHTE.transpose(1, 2).reshape(batch, length, -1))
        return mixed


class Layer(nn.Module):
    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.attention_norm = nn.LayerNorm(width, eps=config.norm_eps)
        self.attention = Attention(config)
        self.attention_scale = nn.Parameter(torch.full((width,), 0.01))
        self.mlp_norm = nn.LayerNorm(width, eps=config.norm_eps)
        self.mlp = nn.Sequential(
            nn.Linear(width, config.intermediate_size, bias=False), nn.GELU(), nn.Linear(config.intermediate_size, width, bias=False)
        )
        self.mlp_scale = nn.Parameter(torch.full((width,), 0.01))

    def step(self, x_BTD: Tensor, keys_BGRE: Tensor, values_BGRE: Tensor, places: Places) -> Tensor:
        x_BTD = x_BTD + self.attention_scale * self.attention.step(self.attention_norm(x_BTD), keys_BGRE, values_BGRE, places)
        x_BTD = x_BTD + self.mlp_scale * self.mlp(self.mlp_norm(x_BTD))
        return x_BTD


class StreamingTransformer(nn.Module):
    """Each position sees the last `sliding_window` positions of its slot, itself included."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])

    def initial_state(self, batch: int, block: int) -> TransformerState:
        """An empty ring for steps of at most `block` positions."""
        c, weight = self.config, next(self.parameters())
        # While the first position of a block looks back over its window, the block's last one is already written.
        ring = c.sliding_window + block - 1
        shape = (c.num_hidden_layers, batch, c.num_key_value_heads, ring, c.head_width)
        return TransformerState(
            keys_LBGRE=weight.new_zeros(shape),
            values_LBGRE=weight.new_zeros(shape),
            cursor=torch.zeros((), dtype=torch.int64, device=weight.device),
            position_B=torch.zeros(batch, dtype=torch.int64, device=weight.device),
        )

    def places(self, state: TransformerState, length: int, dtype: torch.dtype) -> Places:
        ring, device = state.keys_LBGRE.shape[3], state.cursor.device
        step_T = torch.arange(length, device=device)
        position_BT = state.position_B[:, None] + step_T
        # Angles are taken in float64: in float32 a position some hours into a session would no longer tell neighbours apart.
        exponent_E = torch.arange(0, self.config.head_width, 2, dtype=torch.float64, device=device) / self.config.head_width
        angle_BTE = position_BT[..., None] * self.config.rope_theta**-exponent_E
        # An entry's age as a query sees it; entries that later queries of this block have just written look older than the window.
        age_TR = (state.cursor + step_T[:, None] - torch.arange(ring, device=device)) % ring
        seen_BTR = (age_TR < self.config.sliding_window) & (age_TR <= position_BT[..., None])
        bias_BTR = torch.zeros_like(seen_BTR, dtype=dtype).masked_fill(~seen_BTR, -torch.inf)
        return Places((state.cursor + step_T) % ring, angle_BTE.cos().to(dtype), angle_BTE.sin().to(dtype), bias_BTR)

    def step(self, x_BTD: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """The next T positions of every slot -> [B, T, D]; the state is updated in place.

        Raises:
            ShapeError: T is more than the state was made for.
        """
        length, ring = x_BTD.shape[1], state.keys_LBGRE.shape[3]
        if length + self.config.sliding_window - 1 > ring:
            raise ShapeError(f"a step of {length} positions does not fit a state made for {ring - self.config.sliding_window + 1}")
        places = self.places(state, length, x_BTD.dtype)
        for layer, keys_BGRE, values_BGRE in zip(self.layers, state.keys_LBGRE, state.values_LBGRE, strict=True):
            assert isinstance(layer, Layer)
            x_BTD = layer.step(x_BTD, keys_BGRE, values_BGRE, places)
        state.cursor.add_(length).remainder_(ring)
        state.position_B.add_(length)
        return x_BTD, state


def rotate(x_BTHE: Tensor, cos_BT1E: Tensor, sin_BT1E: Tensor) -> Tensor:
    """Turns each pair (i, i + half) by its angle; cos and sin have half of the last dimension."""
    first, second = x_BTHE.chunk(2, dim=-1)
    return torch.cat((first * cos_BT1E - second * sin_BT1E, second * cos_BT1E + first * sin_BT1E), dim=-1)
