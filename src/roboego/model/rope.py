"""Rotary position embedding (arXiv 2104.09864), halves rotated against each other as in Llama and Qwen2."""
# B batch, T positions, H heads, E head dimension

import torch
from torch import Tensor


def rotation(position: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines [..., E / 2] for integer positions [...].

    Angles are computed in float64: a session has no end, and float32 loses a hundredth of a radian after 10^5 frames.
    """
    exponent = torch.arange(0, head_dim, 2, device=position.device, dtype=torch.float64) / head_dim
    angle = position.double()[..., None] * theta**-exponent
    return angle.cos().to(dtype), angle.sin().to(dtype)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotates [..., E]; cosines and sines [..., E / 2] must broadcast."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
