"""The key-value ring: a preallocated window over the past, slot by slot."""
# B slots, L layers, H heads, G key-value heads, W window, C columns of the ring (W, and one for the sinks), E head dimension

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from roboego.model.config import BackboneConfig

if TYPE_CHECKING:
    from roboego.model.backbone_step import StackStep
    from roboego.model.native.backbone import NativeStack


@dataclass
class RingCache:
    """Keys and values of the last W positions of each slot. A step updates it in place.

    Attributes:
        rings: for each layer keys and values [2, B, G, E, C], keys rotated by their absolute position. A position is a column, which
            is how a matrix product with one query reads memory in order.
        bias: [L, B, H, C] what is added to a query's scores: 0 for columns that are filled, -inf for others. With learned sinks the last
            column's key and value are zero and its bias is the sink's logit; without them L and H are 1, as all share it.
        position: [B] positions seen so far; a position's column follows from it, and is another thing.
        window: W.
        steps: the layers' weights and these rings, looked up once.
    """

    rings: list[Tensor]
    bias: Tensor
    position: Tensor
    window: int
    steps: "StackStep | NativeStack | None" = None

    @classmethod
    def initial(
        cls, config: BackboneConfig, batch: int, sinks: Sequence[Tensor], *, device: torch.device, dtype: torch.dtype
    ) -> "RingCache":
        """An empty ring; `sinks` are the layers' learned logits [H], if any."""
        columns = config.window + bool(sinks)
        shape = (2, batch, config.kv_heads, config.head_dim, columns)
        rings = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(config.layers)]
        bias = torch.full((max(len(sinks), 1), batch, config.heads if sinks else 1, columns), -torch.inf, device=device, dtype=dtype)
        for layer, sink in enumerate(sinks):
            bias[layer, :, :, -1] = sink.detach()
        return cls(rings, bias, torch.zeros(batch, dtype=torch.int64, device=device), config.window)

    @property
    def nbytes(self) -> int:
        """Memory of the keys and values: what a step reads once the window is full."""
        return sum(ring.nbytes for ring in self.rings)

    def reset(self, mask_B: Tensor) -> None:
        """Empties slots. Nothing of what was in them stays in memory."""
        for slot in mask_B.nonzero().flatten().tolist():
            for ring in self.rings:
                ring[:, slot].zero_()
            self.bias[:, slot, :, : self.window] = -torch.inf
        self.position[mask_B] = 0


def held_position(position_A: Tensor, window: int, kept: int) -> Tensor:
    """For each ring place [A, W]: the position whose key and value it holds, when `position_A` is the next to come; -1 if none yet."""
    place = torch.arange(window, device=position_A.device)
    last_A1 = position_A[:, None] - 1
    turning = last_A1 - (last_A1 - place) % (window - kept)
    first = torch.where(place <= last_A1, place, -1)
    return torch.where(place < kept, first, torch.where(turning >= kept, turning, -1))


def ring_index(position: Tensor, window: int, kept: int) -> Tensor:
    """Place in the ring of absolute positions: the first `kept` stay, the others take turns in the rest."""
    turning = kept + (position - kept) % (window - kept)
    return torch.where(position < kept, position, turning) if kept else position % window
