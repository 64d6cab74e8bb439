"""The key-value ring: a preallocated window over the past, slot by slot."""
# B slots, L layers, G key-value heads, W window, E head dimension

from dataclasses import dataclass

import torch
from torch import Tensor

from roboego.model.config import BackboneConfig


@dataclass
class RingCache:
    """Keys and values of the last W positions of each slot.

    Attributes:
        keys, values: one tensor [B, G, W, E] a layer. Keys are stored rotated by their position.
        position: [B] positions seen so far; its place in the ring follows from it, and is another thing.
    """

    keys: list[Tensor]
    values: list[Tensor]
    position: Tensor

    @classmethod
    def initial(cls, config: BackboneConfig, batch: int, *, device: torch.device, dtype: torch.dtype) -> "RingCache":
        shape = (batch, config.kv_heads, config.window, config.head_dim)
        keys = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(config.layers)]
        values = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(config.layers)]
        return cls(keys, values, torch.zeros(batch, dtype=torch.int64, device=device))

    def reset(self, mask_B: Tensor) -> None:
        """Empties slots: what lies in their ring is masked from now on."""
        self.position[mask_B] = 0


def ring_index(position: Tensor, window: int, kept: int) -> Tensor:
    """Place in the ring of absolute positions: the first `kept` stay, the others take turns in the rest."""
    turning = kept + (position - kept) % (window - kept)
    return torch.where(position < kept, position, turning) if kept else position % window
