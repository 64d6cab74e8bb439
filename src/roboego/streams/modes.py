"""The mode that a session is in: its token, once read, stands on the read stream wherever nothing else is read.

A token that is read only once would have to be found again in every later frame, and would leave the window of a long session.
"""
# B batch, T frames

import torch
from torch import Tensor

from roboego.streams.layout import TextLayout


def is_mode(read: Tensor, layout: TextLayout) -> Tensor:
    """Whether tokens are modes'."""
    found = torch.zeros_like(read, dtype=torch.bool)
    for token in layout.modes:
        found |= read == token
    return found


def mode_of(read_BT: Tensor, layout: TextLayout) -> Tensor:
    """The mode [B, T] that holds in each frame: the latest one read, `wait` before the first."""
    frame = torch.arange(read_BT.shape[1], device=read_BT.device)
    latest = torch.where(is_mode(read_BT, layout), frame, -1).cummax(1).values
    return torch.where(latest >= 0, read_BT.gather(1, latest.clamp(min=0)), layout.wait)


def with_mode(read: Tensor, mode: Tensor, layout: TextLayout) -> Tensor:
    """What the model is given of a read stream: the mode's token where nothing is read."""
    return torch.where(read == layout.wait, mode, read)
