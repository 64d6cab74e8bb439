"""Residual vector quantization: each codebook codes what the ones before it left over."""
# M vectors, K codebooks, E entries, W code width

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class ResidualQuantizer(nn.Module):
    """Codebooks [K, E, W] and the nearest-entry search."""

    codebooks: Tensor

    def __init__(self, codebooks: int, entries: int, width: int) -> None:
        super().__init__()
        self.register_buffer("codebooks", torch.randn(codebooks, entries, width) / width**0.5)

    def nearest(self, residual_MW: Tensor, codebook: int) -> Tensor:
        """Index [M] of the entry nearest to each vector."""
        table = self.codebooks[codebook]
        return (table.square().sum(-1) - 2 * residual_MW @ table.T).argmin(-1)

    def encode(self, latent_MW: Tensor) -> Tensor:
        """Vectors [M, W] -> codes [M, K]."""
        codes = []
        for k in range(len(self.codebooks)):
            codes.append(self.nearest(latent_MW, k))
            latent_MW = latent_MW - self.codebooks[k][codes[-1]]
        return torch.stack(codes, -1)

    def decode(self, codes_MK: Tensor, codebooks: Iterable[int] | None = None) -> Tensor:
        """Codes [M, K] -> the sum of their entries [M, W]; of the named codebooks only, if any are named."""
        chosen = range(len(self.codebooks)) if codebooks is None else codebooks
        return torch.stack([self.codebooks[k][codes_MK[:, k]] for k in chosen]).sum(0)
