"""Acoustic delays: a codebook with delay d carries at frame t the code of frame t - d."""
# B batch, T frames, K codebooks

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def apply_delays(codes_BTK: Tensor, delays: Sequence[int], pad: int) -> Tensor:
    """Aligned codes [B, T, K] -> delayed ones; frames before the first are `pad`, the last frames of delayed codebooks fall off."""
    if not any(delays):
        return codes_BTK
    frames = codes_BTK.shape[1]
    columns = [torch.nn.functional.pad(codes_BTK[:, : max(frames - d, 0), k], (min(d, frames), 0), value=pad) for k, d in enumerate(delays)]
    return torch.stack(columns, -1)


def undo_delays(codes_BTK: Tensor, delays: Sequence[int], pad: int) -> Tensor:
    """Delayed codes [B, T, K] -> aligned ones; the last frames of delayed codebooks, which have not come yet, are `pad`."""
    if not any(delays):
        return codes_BTK
    frames = codes_BTK.shape[1]
    columns = [torch.nn.functional.pad(codes_BTK[:, min(d, frames) :, k], (0, min(d, frames)), value=pad) for k, d in enumerate(delays)]
    return torch.stack(columns, -1)


@dataclass
class DelayState:
    """The last columns of codes [B, m + 1, K], m the longest delay; the newest is the last."""

    codes: Tensor
    pad: int

    def reset(self, mask_B: Tensor) -> None:
        """Puts the slots where `mask_B` is true back to before their first frame."""
        self.codes[mask_B] = self.pad


class DelayLine:
    """`apply_delays`, one frame at a time.

    Args:
        delays: frames by which each codebook is held back.
        pad: the code before the first.
    """

    def __init__(self, delays: Sequence[int], pad: int) -> None:
        self.delays = tuple(delays)
        self.pad = pad

    @classmethod
    def undoing(cls, delays: Sequence[int], pad: int) -> "DelayLine":
        """The line that aligns delayed codes again: its output is what `undo_delays` gives, as many frames later as the longest delay."""
        return cls([max(delays) - d for d in delays], pad)

    def initial_state(self, batch: int, device: torch.device | None = None) -> DelayState:
        """No frame has come: pads."""
        shape = (batch, max(self.delays) + 1, len(self.delays))
        return DelayState(torch.full(shape, self.pad, dtype=torch.int64, device=device), self.pad)

    def step(self, codes_BK: Tensor, state: DelayState) -> tuple[Tensor, DelayState]:
        """One column of codes of every slot [B, K] -> the delayed column [B, K]."""
        codes = torch.cat([state.codes[:, 1:], codes_BK[:, None]], 1)
        place = torch.tensor([max(self.delays) - d for d in self.delays], device=codes.device)
        delayed = codes[:, place, torch.arange(len(self.delays), device=codes.device)]
        return delayed, DelayState(codes, self.pad)
