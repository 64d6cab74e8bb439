"""Training of a residual quantizer: straight-through gradients, exponential moving averages, restart of dead entries."""
# B crops, T frames, M = B T vectors, W code width, K codebooks, E entries

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from roboego.codecs.embedded.quantizer import ResidualQuantizer


class QuantizerTrainer:
    """Follows SoundStream (arXiv 2107.03312): entries track the mean of the vectors that choose them.

    Args:
        decay: of the moving averages, per step.
        restart_below: an entry chosen less often than this a step is replaced by a vector of the batch.
    """

    def __init__(self, quantizer: ResidualQuantizer, *, decay: float = 0.99, restart_below: float = 0.02) -> None:
        self.quantizer = quantizer
        self.decay, self.restart_below = decay, restart_below
        codebooks, entries, _ = quantizer.codebooks.shape
        self.count_KE = torch.ones(codebooks, entries, device=quantizer.codebooks.device)
        self.sum_KEW = quantizer.codebooks.clone()
        self.seen: list[tuple[Tensor, Tensor]] = []
        self.started = False

    def __call__(self, latent_BTW: Tensor, used_B: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Quantizes with straight-through gradients.

        Args:
            used_B: from how many codebooks each crop is decoded.
        Returns:
            What the decoder gets, the first codebook's part, the sum of the first two, and the commitment loss.
        """
        residual = latent_BTW.float().flatten(0, 1)
        if not self.started:
            self._start(residual.detach())
        used_M = used_B.repeat_interleave(latent_BTW.shape[1])
        sums, commitment = [], residual.new_zeros(())
        total, masked = torch.zeros_like(residual), torch.zeros_like(residual)
        self.seen = []
        for k in range(len(self.quantizer.codebooks)):
            target = residual - total
            codes = self.quantizer.nearest(target.detach(), k)
            entry = self.quantizer.codebooks[k][codes]
            self.seen.append((target.detach(), codes))
            commitment = commitment + F.mse_loss(target, entry)
            total = total + entry
            masked = masked + entry * (used_M > k)[:, None]
            sums.append(total)

        def straight_through(value: Tensor) -> Tensor:
            return (residual + (value - residual).detach()).reshape(latent_BTW.shape)

        return straight_through(masked), straight_through(sums[0]), straight_through(sums[1]), commitment / len(sums)

    @torch.no_grad()
    def update(self) -> None:
        """Moves the entries, after an optimizer step."""
        for k, (vectors, codes) in enumerate(self.seen):
            entries = self.quantizer.codebooks.shape[1]
            count = torch.bincount(codes, minlength=entries).float()
            total = torch.zeros_like(self.sum_KEW[k]).index_add_(0, codes, vectors)
            self.count_KE[k].lerp_(count, 1 - self.decay)
            self.sum_KEW[k].lerp_(total, 1 - self.decay)
            self.quantizer.codebooks[k] = self.sum_KEW[k] / self.count_KE[k].clamp(min=1e-3)[:, None]
            dead = torch.nonzero(self.count_KE[k] < self.restart_below)[:, 0]
            if len(dead):
                fresh = vectors[torch.randint(len(vectors), (len(dead),), device=vectors.device)]
                self.quantizer.codebooks[k][dead] = fresh
                self.count_KE[k][dead] = 0.2
                self.sum_KEW[k][dead] = 0.2 * fresh

    def _start(self, vectors: Tensor) -> None:
        """Draws the first entries from the first batch, codebook by codebook."""
        for k in range(len(self.quantizer.codebooks)):
            picked = vectors[torch.randint(len(vectors), (self.quantizer.codebooks.shape[1],), device=vectors.device)]
            self.quantizer.codebooks[k] = picked + 1e-3 * torch.randn_like(picked)
            vectors = vectors - self.quantizer.codebooks[k][self.quantizer.nearest(vectors, k)]
        self.sum_KEW = self.quantizer.codebooks.clone()
        self.started = True

    def usage(self) -> float:
        """Share of all entries in use."""
        return float((self.count_KE > 2 * self.restart_below).float().mean())

    def state(self) -> dict[str, Any]:
        return {"count": self.count_KE, "sum": self.sum_KEW, "started": self.started}

    def load_state(self, state: dict[str, Any]) -> None:
        device = self.quantizer.codebooks.device
        self.count_KE, self.sum_KEW, self.started = state["count"].to(device), state["sum"].to(device), state["started"]
