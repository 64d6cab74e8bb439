"""Rotary position embedding (arXiv 2104.09864), halves rotated against each other as in Llama and Qwen2."""
# B batch, T positions, H heads, E head dimension

import math

import torch
from torch import Tensor

from roboego.model.config import RopeScaling


def frequencies(head_dim: int, theta: float, scaling: RopeScaling | None, device: torch.device) -> Tensor:
    """Radians a position [E / 2], in float64."""
    exponent = torch.arange(0, head_dim, 2, device=device, dtype=torch.float64) / head_dim
    plain = theta**-exponent
    if scaling is None:
        return plain
    if not scaling.original_window:
        return plain / scaling.factor
    # Turns within the original window: many keep their frequency, few are slowed down, those between are blended.
    turns = scaling.original_window * plain / (2 * math.pi)
    keep = ((turns - scaling.low) / (scaling.high - scaling.low)).clamp(0, 1)
    return keep * plain + (1 - keep) * plain / scaling.factor


def rotation(
    position: Tensor, head_dim: int, theta: float, dtype: torch.dtype, scaling: RopeScaling | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines [..., E / 2] for integer positions [...].

    Angles are computed in float64: a session has no end, and float32 loses a hundredth of a radian after 10^5 frames.
    """
    angle = position.double()[..., None] * frequencies(head_dim, theta, scaling, position.device)
    return angle.cos().to(dtype), angle.sin().to(dtype)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotates [..., E]; cosines and sines [..., E / 2] must broadcast."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
