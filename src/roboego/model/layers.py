"""Layers that the backbone and the decoders share, and the forms of them that one streaming step uses.

On a CPU the time of a step is to a good part the number of its operations, so a step calls few and large ones; the numbers are the same.
"""
# M positions, D width

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Root mean square normalization (arXiv 1910.07467)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)

    def step(self, x_MD: Tensor) -> Tensor:
        """The same without gradients."""
        if x_MD.device.type != "cpu" or x_MD.dtype != torch.float32:
            return self(x_MD)  # type: ignore[no-any-return]
        size_M1 = torch.linalg.vector_norm(x_MD, dim=-1, keepdim=True)
        scale_M1 = torch.addcmul(_constant(self.eps), size_M1, size_M1, value=1 / x_MD.shape[-1]).rsqrt_()
        return (x_MD * self.weight).mul_(scale_M1)


class SwiGLU(nn.Module):
    """Gated feed-forward layer, gate and up projection in one product."""

    def __init__(self, width: int, hidden: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * hidden, bias=bias)
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)  # type: ignore[no-any-return]

    def step(self, normed_MD: Tensor, x_MD: Tensor) -> Tensor:
        """`x_MD` plus what the layer makes of `normed_MD`, without gradients."""
        both = project(self.gate_up, normed_MD)
        hidden = both.shape[-1] // 2
        return add_project(x_MD, self.down, F.silu(both[:, :hidden]).mul_(both[:, hidden:]))


def project(linear: nn.Module, x_MD: Tensor) -> Tensor:
    """`linear(x)`. An adapter that took the place of the linear layer is called as it is."""
    if type(linear) is nn.Linear:
        return F.linear(x_MD, linear.weight, linear.bias)
    return linear(x_MD)  # type: ignore[no-any-return]


def add_project(x_MD: Tensor, linear: nn.Module, y_MD: Tensor) -> Tensor:
    """`x + linear(y)`, in one operation where the layer is plain."""
    if type(linear) is nn.Linear and linear.bias is None:
        return torch.addmm(x_MD, y_MD, linear.weight.t())
    return x_MD + linear(y_MD)  # type: ignore[no-any-return]


@lru_cache
def _constant(value: float) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(value)
