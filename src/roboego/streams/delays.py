"""Acoustic delays: a codebook with delay d carries at frame t the code of frame t - d."""
# B batch, T frames, K codebooks

from collections.abc import Sequence

import torch
from torch import Tensor


def apply_delays(codes_BTK: Tensor, delays: Sequence[int], pad: int) -> Tensor:
    """Aligned codes [B, T, K] -> delayed ones; frames before the first are `pad`, the last frames of delayed codebooks fall off."""
    if not any(delays):
        return codes_BTK
    frames = codes_BTK.shape[1]
    columns = [torch.nn.functional.pad(codes_BTK[:, : max(frames - d, 0), k], (min(d, frames), 0), value=pad) for k, d in enumerate(delays)]
    return torch.stack(columns, -1)
