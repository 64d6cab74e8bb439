"""Fine sight without time-division multiplexing: each step glances at the details of the latest picture.

Behind the backbone, the hidden state asks the tokens of the latest picture, and what it finds is added through a gate that begins closed
(gated cross-attention, Flamingo, arXiv 2204.14198; MoshiVis). Keys and values are made once for each picture, off the step's path; there
are no extra positions, so no step is late.
"""
# B batch or slots, T frames, P pictures of a grid, M tokens of a picture, V their width, W model width, H heads, E head dimension

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.config import GlanceConfig
from roboego.model.layers import RMSNorm, SwiGLU


@dataclass
class Details:
    """What steps glance at: of each slot the keys and values [B, H, M, E] of the latest picture's tokens, and `seen` [B], whether there is
    one."""

    keys: Tensor
    values: Tensor
    seen: Tensor

    def put(self, slot: int, keys_HME: Tensor, values_HME: Tensor) -> None:
        """A picture takes the place of the one before."""
        self.keys[slot], self.values[slot] = keys_HME.to(self.keys), values_HME.to(self.values)
        self.seen[slot] = True

    def clear(self, slot: int) -> None:
        """Nothing has been seen, and nothing of it stays in memory."""
        self.keys[slot] = self.values[slot] = 0
        self.seen[slot] = False


@dataclass
class Glances:
    """The pictures of a batch of grids.

    Attributes:
        tokens: [B, P, M, V].
        which: [B, T] the picture that is the latest one in each frame; -1 before the first.
    """

    tokens: Tensor
    which: Tensor


class Glance(nn.Module):
    """Hidden states [..., W] look at a picture's tokens."""

    def __init__(self, width: int, config: GlanceConfig) -> None:
        super().__init__()
        self.config, self.heads = config, config.heads
        inner = config.heads * config.head_dim
        self.norm = RMSNorm(width, 1e-6)
        self.query = nn.Linear(width, inner, bias=False)
        self.key_value = nn.Linear(config.token_width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)
        self.mlp_norm = RMSNorm(width, 1e-6)
        self.mlp = SwiGLU(width, config.hidden)
        self.gate, self.mlp_gate = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def details(self, tokens_BMV: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, M, E] of pictures' tokens.

        Raises:
            ShapeError: they are of another width.
        """
        if tokens_BMV.shape[-1] != self.config.token_width:
            raise ShapeError(f"pictures' tokens must be {self.config.token_width} wide, not {tokens_BMV.shape[-1]}")
        keys, values = self.key_value(tokens_BMV).unflatten(-1, (2 * self.heads, -1)).transpose(1, 2).chunk(2, 1)
        return keys, values

    def memory(self, slots: int) -> Details:
        """Room for each slot's picture; nothing has been seen."""
        shape = (slots, self.heads, self.config.tokens, self.config.head_dim)
        keys, values = (self.query.weight.new_zeros(shape) for _ in range(2))
        return Details(keys, values, torch.zeros(slots, dtype=torch.bool, device=keys.device))

    def forward(self, h_BTW: Tensor, seen: Glances) -> Tensor:
        """All frames of grids, each at its own picture."""
        keys, values = self.details(seen.tokens.flatten(1, 2))
        pictures, tokens = seen.tokens.shape[1:3]
        owner = torch.arange(pictures, device=h_BTW.device).repeat_interleave(tokens)
        # A frame that has seen nothing may look at anything: what it finds does not count.
        mask_BTN = (seen.which[..., None] == owner) | (seen.which[..., None] < 0)
        return self._looked(h_BTW, keys, values, seen.which >= 0, mask_BTN[:, None])

    @torch.no_grad()
    def step(self, h_BW: Tensor, details: Details) -> Tensor:
        """One frame of every slot."""
        return self._looked(h_BW[:, None], details.keys, details.values, details.seen[:, None], None)[:, 0]

    def _looked(self, h_BTW: Tensor, keys: Tensor, values: Tensor, seen_BT: Tensor, mask: Tensor | None) -> Tensor:
        query = self.query(self.norm(h_BTW)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        found = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        after = h_BTW + torch.tanh(self.gate) * self.out(found.transpose(1, 2).flatten(2))
        after = after + torch.tanh(self.mlp_gate) * self.mlp(self.mlp_norm(after))
        return torch.where(seen_BT[..., None], after, h_BTW)
