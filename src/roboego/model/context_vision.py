"""Context vision by time-division multiplexing: a picture's tokens are extra positions between two frames.

Frames, delays and the pointer count frames; the ring and the rotary embedding count positions. A picture may be given in several parts of
equal length, at one frame or at several, so that no step has to wait for all of it.
"""
# B batch, T frames, N pictures or parts of them, M tokens of each, L positions, V token width, D model width

from dataclasses import dataclass

import torch
from torch import Tensor

from roboego.errors import ShapeError


@dataclass
class Pictures:
    """Pictures of a batch of grids.

    Attributes:
        tokens: [N, M, V].
        row: [N] the grid that each belongs to.
        frame: [N] it stands before the step of this frame; those of one frame in the order in which they are given.
    """

    tokens: Tensor
    row: Tensor
    frame: Tensor


def frames_of(x_BLD: Tensor, place_BT: Tensor) -> Tensor:
    """The frames [B, T, D] among all positions, see `interleave`."""
    return x_BLD.gather(1, place_BT[..., None].expand(-1, -1, x_BLD.shape[-1]))


def interleave(x_BTD: Tensor, pictures_NMD: Tensor, row_N: Tensor, frame_N: Tensor) -> tuple[Tensor, Tensor]:
    """Puts pictures' positions between those of frames.

    Returns:
        All positions [B, L, D], shorter rows followed by zeros, and the places [B, T] of the frames among them.
    Raises:
        ShapeError: a row or frame lies outside the batch.
    """
    batch, frames, width = x_BTD.shape
    count, tokens = pictures_NMD.shape[:2]
    if count and not (0 <= row_N.min() <= row_N.max() < batch and 0 <= frame_N.min() <= frame_N.max() < frames):
        raise ShapeError(f"pictures must lie within {batch} grids of {frames} frames; got rows {row_N.tolist()}, frames {frame_N.tolist()}")
    at_BT = torch.zeros(batch, frames, dtype=torch.int64, device=x_BTD.device)
    at_BT.index_put_((row_N, frame_N), torch.ones_like(frame_N), accumulate=True)
    so_far_BT = at_BT.cumsum(1)
    frame_place_BT = torch.arange(frames, device=x_BTD.device) + tokens * so_far_BT
    order = torch.arange(count, device=x_BTD.device)
    earlier = (frame_N < frame_N[:, None]) | ((frame_N == frame_N[:, None]) & (order < order[:, None]))
    rank_N = (earlier & (row_N == row_N[:, None])).sum(1)
    picture_place_NM = (frame_N + tokens * rank_N)[:, None] + torch.arange(tokens, device=x_BTD.device)
    x_BLD = x_BTD.new_zeros(batch, frames + tokens * int(so_far_BT[:, -1].max()), width)
    x_BLD = x_BLD.scatter(1, frame_place_BT[..., None].expand(-1, -1, width), x_BTD)
    return x_BLD.index_put((row_N[:, None], picture_place_NM), pictures_NMD.to(x_BLD.dtype)), frame_place_BT
