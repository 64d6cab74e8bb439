"""One position of each slot through the backbone: the numbers of `Backbone.forward`, against the ring.

On a CPU, models that `roboego.model.native` can read take its compiled form of this.
"""
# B slots, D width, H heads, G key-value heads, R = H / G heads a group, E head dimension, W window, C columns of the ring

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from roboego.model.cache import RingCache, ring_index
from roboego.model.config import BackboneConfig
from roboego.model.layers import RMSNorm
from roboego.model.rope import rotation

if TYPE_CHECKING:
    from roboego.model.backbone import Layer

Between = Mapping[int, Callable[[Tensor], Tensor]]
"""What is done to the stream of [..., D] after so many layers."""


@dataclass
class Turn:
    """What one step of the ring shares among its layers.

    Attributes:
        cosine, sine: [B, H + 2 G, E] that turn queries (and scale them), turn keys and leave values alone:
            `x * cosine + roll(x, E / 2) * sine`.
        kept_cosine, kept_sine: [B, 1, E] the same for queries as the kept first positions see them: from the end of the window at most.
        column: where the position goes, as an index [2, B, G, E, 1].
    """

    cosine: Tensor
    sine: Tensor
    column: Tensor
    kept_cosine: Tensor | None = None
    kept_sine: Tensor | None = None

    @classmethod
    def of(cls, position_B: Tensor, index_B: Tensor, config: BackboneConfig, dtype: torch.dtype) -> "Turn":
        c, batch = config, len(position_B)
        scale = c.head_dim**-0.5
        cosine, sine = _whole(position_B, c, dtype)
        keys = (cosine.expand(-1, c.kv_heads, -1), sine.expand(-1, c.kv_heads, -1))
        values = cosine.new_ones(batch, c.kv_heads, c.head_dim), cosine.new_zeros(batch, c.kv_heads, c.head_dim)
        cosines = torch.cat([(cosine * scale).expand(-1, c.heads, -1), keys[0], values[0]], 1)
        sines = torch.cat([(sine * scale).expand(-1, c.heads, -1), keys[1], values[1]], 1)
        turn = cls(cosines, sines, index_B.view(1, batch, 1, 1, 1).expand(2, batch, c.kv_heads, c.head_dim, 1))
        if c.kept_sinks:
            cosine, sine = _whole(position_B.clamp(max=c.window - 1), c, dtype)
            turn.kept_cosine, turn.kept_sine = cosine * scale, sine * scale
        return turn


def turns(position: Tensor, config: BackboneConfig, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines [..., E / 2] of positions [...]."""
    return rotation(position, config.head_dim, config.rope_theta, dtype, config.rope_scaling)


def _whole(position_B: Tensor, config: BackboneConfig, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines [B, 1, E] of whole heads: `rotate(x, ...) == x * cosine + roll(x, E / 2) * sine`."""
    cosine, sine = turns(position_B, config, dtype)
    return torch.cat([cosine, cosine], -1)[:, None], torch.cat([-sine, sine], -1)[:, None]


class LayerStep:
    """One layer with its ring [2, B, G, E, C] and its bias [B, H or 1, C]."""

    def __init__(self, config: BackboneConfig, layer: "Layer", ring: Tensor, bias: Tensor) -> None:
        self.config, self.ring, self.bias = config, ring, bias
        both = ring.view(2, -1, config.head_dim, ring.shape[-1])
        self.keys, self.values = both[0], both[1].transpose(1, 2)
        self.layer = layer

    def __call__(self, x_BD: Tensor, turn: Turn) -> Tensor:
        c, batch, groups = self.config, len(x_BD), len(self.keys)
        attention = self.layer.attention
        heads = attention.qkv(self.layer.attention_norm(x_BD)).view(batch, -1, c.head_dim)
        turned = torch.addcmul(heads * turn.cosine, heads.roll(c.head_dim // 2, -1), turn.sine)
        self.ring.scatter_(4, turn.column, turned[:, c.heads :].view(batch, 2, c.kv_heads, c.head_dim, 1).transpose(0, 1))
        scores = torch.bmm(turned[:, : c.heads].reshape(groups, -1, c.head_dim), self.keys)
        if turn.kept_cosine is not None and turn.kept_sine is not None:
            q = heads[:, : c.heads]
            q = torch.addcmul(q * turn.kept_cosine, q.roll(c.head_dim // 2, -1), turn.kept_sine).view(groups, -1, c.head_dim)
            scores[..., : c.kept_sinks] = torch.bmm(q, self.keys[..., : c.kept_sinks])
        weights = scores.view(batch, c.heads, -1).add_(self.bias).softmax(-1, dtype=torch.float32).to(scores.dtype)
        mixed = torch.bmm(weights.view(scores.shape), self.values).view(batch, -1)
        x_BD = x_BD + attention.out(mixed)
        return x_BD + self.layer.mlp(self.layer.mlp_norm(x_BD))  # type: ignore[no-any-return]


class StackStep:
    """All layers and the last norm."""

    def __init__(self, config: BackboneConfig, layers: "Sequence[Layer]", norm: RMSNorm, state: RingCache) -> None:
        self.config, self.bias = config, state.bias
        biases = list(state.bias) if len(state.bias) > 1 else [state.bias[0]] * len(layers)
        self.layers = [LayerStep(config, layer, ring, bias) for layer, ring, bias in zip(layers, state.rings, biases, strict=True)]
        self.norm = norm

    def __call__(self, x_BD: Tensor, position_B: Tensor, between: Between) -> Tensor:
        """Fused inputs [B, D] at these positions -> hidden states [B, D]; the rings are updated in place."""
        c = self.config
        index_B = ring_index(position_B, c.window, c.kept_sinks)
        turn = Turn.of(position_B, index_B, c, x_BD.dtype)
        layers, batch, heads, _ = self.bias.shape
        self.bias.scatter_(3, index_B.view(1, batch, 1, 1).expand(layers, batch, heads, 1), 0.0)
        for i, layer in enumerate(self.layers):
            x_BD = layer(x_BD, turn)
            if i + 1 in between:
                x_BD = between[i + 1](x_BD)
        return self.norm(x_BD)  # type: ignore[no-any-return]
