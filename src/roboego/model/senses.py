"""Senses: what the robot feels and measures, fused into each step. Any of them may be missing, or stale, and the model is told so."""
# B batch or slots, T frames, R readings of a grid, P points, Q numbers of a reading, W model width

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.config import SenseConfig

NONE, FRESH, STALE = 0, 1, 2
"""How it stands with a sense: there is no reading, a recent one, or an old one."""


@dataclass
class Felt:
    """One sense of a batch of grids.

    Attributes:
        values: [B, R, ...] readings, each [Q] or, of points, [P, Q].
        which: [B, T] the latest in each frame; -1: none.
        stale: [B, T] (bool) whether it is old.
    """

    values: Tensor
    which: Tensor
    stale: Tensor


@dataclass
class FeltNow:
    """One sense of all slots: the latest readings, encoded once [B, W], and how it stands with them [B]: `NONE`, `FRESH` or `STALE`."""

    encoded: Tensor
    standing: Tensor

    def clear(self, slot: int) -> None:
        """Nothing has been felt."""
        self.standing[slot] = NONE


class Sense(nn.Module):
    """Readings of one sense -> vectors that are added to a step's, which begin as nothing.

    A reading of numbers goes through a feed-forward layer; of points, each through one, and the largest of each number counts (PointNet,
    arXiv 1612.00593). A reading that is old is marked; without any, the mark alone is added.
    """

    scales: Tensor

    def __init__(self, width: int, config: SenseConfig) -> None:
        super().__init__()
        self.config = config
        self.first, self.second = nn.Linear(config.size, config.hidden), nn.Linear(config.hidden, config.hidden)
        self.out = nn.Linear(config.hidden, width)
        self.marks = nn.Parameter(torch.zeros(3, width))
        self.register_buffer("scales", torch.tensor(config.scales, device="cpu"), persistent=False)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def encoded(self, readings: Tensor) -> Tensor:
        """Readings [..., Q] or [..., P, Q] -> [..., W].

        Raises:
            ShapeError: they are of another shape.
        """
        wanted = self.config.shape
        if readings.shape[-len(wanted) :] != wanted:
            raise ShapeError(f"readings of {self.config.name} are {list(wanted)}, not {list(readings.shape)}")
        x = F.gelu(self.second(F.gelu(self.first(readings * self.scales))))
        if self.config.points:
            x = x.amax(-2)
        out: Tensor = self.out(x)
        return out

    def forward(self, felt: Felt) -> Tensor:
        """[B, T, W] of whole grids; each reading is encoded once."""
        encoded_BRW = self.encoded(felt.values)
        latest = felt.which.clamp(min=0)[..., None].expand(-1, -1, encoded_BRW.shape[-1])
        standing = torch.where(felt.which < 0, NONE, torch.where(felt.stale, STALE, FRESH))
        return self._marked(encoded_BRW.gather(1, latest), standing)

    @torch.no_grad()
    def step(self, felt: FeltNow) -> Tensor:
        """[B, W] of one step."""
        return self._marked(felt.encoded, felt.standing)

    @torch.no_grad()
    def feel(self, felt: FeltNow, slot: int, reading: Tensor) -> None:
        """A reading [Q] or [P, Q] takes the place of the slot's one before."""
        felt.encoded[slot] = self.encoded(reading.to(felt.encoded))
        felt.standing[slot] = FRESH

    def memory(self, slots: int) -> FeltNow:
        """Room for each slot's latest reading; nothing has been felt."""
        like = self.out.weight
        return FeltNow(like.new_zeros(slots, len(like)), torch.zeros(slots, dtype=torch.int64, device=like.device))

    def _marked(self, encoded: Tensor, standing: Tensor) -> Tensor:
        return torch.where((standing == NONE)[..., None], 0.0, encoded) + self.marks[standing]


FeltByName = Mapping[str, Felt]
NowByName = Mapping[str, FeltNow]
