"""Layers as one streaming step calls them: the same numbers as their `forward`, in as few operations as can be.

On a CPU half the time of a step is not arithmetic but the calling of operations, and products with one row leave all threads but one idle.
So everything about a layer that stays the same from step to step (its tensors, their views, how they are split among threads) is looked
up once, when a state is made. These objects see changes of weights in place (an optimizer's), not their replacement.
"""
# M rows (slots), K inputs, N outputs, P parts

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.layers import RMSNorm, SwiGLU

SMALL = 100_000
"""Weights of matrices that are not worth a second thread."""


def lay_out_for_steps(model: nn.Module) -> None:
    """Stores wide matrices [N, K], N > 1.5 K, column by column, for products with one row on a CPU. Shapes and values stay as they are."""
    for module in model.modules():
        if type(module) is nn.Linear and module.out_features > 1.5 * module.in_features:
            module.weight.data = module.weight.data.t().contiguous().t()


class StepNorm:
    """`RMSNorm` of rows [M, D]."""

    __slots__ = ("eps", "norm", "share", "weight")

    def __init__(self, norm: RMSNorm) -> None:
        weight = norm.weight.detach()
        self.norm, self.weight = norm, weight
        self.share = 1 / len(weight)
        # Elsewhere the library's own kernel is one operation.
        self.eps = torch.tensor(norm.eps) if weight.device.type == "cpu" and weight.dtype == torch.float32 else None

    def __call__(self, x_MD: Tensor) -> Tensor:
        if self.eps is None:
            return self.norm(x_MD)  # type: ignore[no-any-return]
        size_M1 = torch.linalg.vector_norm(x_MD, dim=-1, keepdim=True)
        return (x_MD * self.weight).mul_(torch.addcmul(self.eps, size_M1, size_M1, value=self.share).rsqrt_())


class Projection:
    """A linear layer on rows [M, K].

    Args:
        linear: a plain `nn.Linear`, or an adapter that took its place, which is called as it is.
        cached: its weights are used several times in a step and stay in a core's cache; then one thread does it all.
        parts: into how many parts the outputs are split; by default as many as there are threads to share the work.
    """

    __slots__ = ("bias", "linear", "parts", "weight")

    def __init__(self, linear: nn.Module, *, cached: bool = False, parts: int = 0) -> None:
        self.linear = linear
        self.parts = parts or 1
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None
        if type(linear) is not nn.Linear:
            return
        weight = linear.weight.detach()
        bias = None if linear.bias is None else linear.bias.detach()
        self.parts = parts or _parts(weight, cached=cached)
        if self.parts == 1:
            self.weight, self.bias = weight.t(), bias
            return
        outputs, inputs = weight.shape
        share = outputs // self.parts
        by_row = weight.is_contiguous()
        self.weight = (
            weight.view(self.parts, share, inputs).transpose(1, 2) if by_row else weight.t().view(inputs, self.parts, share).transpose(0, 1)
        )
        self.bias = None if bias is None else bias.view(self.parts, 1, share)

    def in_parts(self, x_MK: Tensor) -> Tensor:
        """[P, M, N / P]; only of a layer with several parts."""
        assert self.weight is not None
        rows_PMK = x_MK.expand(self.parts, -1, -1)
        if self.bias is None:
            return torch.bmm(rows_PMK, self.weight)
        return torch.baddbmm(self.bias, rows_PMK, self.weight)

    def write_parts(self, x_MK: Tensor, into_PMN: Tensor) -> None:
        """Writes the parts into a buffer [P, M, N / P]."""
        if self.weight is not None and self.bias is None:
            torch.bmm(x_MK.expand(self.parts, -1, -1), self.weight, out=into_PMN)
        else:
            into_PMN.copy_(self(x_MK).view(len(x_MK), self.parts, -1).transpose(0, 1))

    def __call__(self, x_MK: Tensor) -> Tensor:
        """[M, N]."""
        if self.weight is None:
            return self.linear(x_MK)  # type: ignore[no-any-return]
        if self.parts > 1:
            return joined(self.in_parts(x_MK))
        return torch.mm(x_MK, self.weight) if self.bias is None else torch.addmm(self.bias, x_MK, self.weight)

    def added(self, to_MN: Tensor, x_MK: Tensor) -> Tensor:
        """`to + linear(x)`."""
        if self.weight is None or self.bias is not None:
            return to_MN + self(x_MK)
        if self.parts == 1:
            return torch.addmm(to_MN, x_MK, self.weight)
        if len(to_MN) > 1:
            return to_MN + joined(self.in_parts(x_MK))
        to_PMN = to_MN.view(self.parts, 1, -1)
        return torch.baddbmm(to_PMN, x_MK.expand(self.parts, -1, -1), self.weight).view(1, -1)


class StepSwiGLU:
    """`SwiGLU` of rows, with the norm before it, added to them."""

    __slots__ = ("down", "gate_up", "norm")

    def __init__(self, norm: RMSNorm, mlp: SwiGLU, *, cached: bool = False) -> None:
        self.norm = StepNorm(norm)
        self.gate_up, self.down = Projection(mlp.gate_up, cached=cached), Projection(mlp.down, cached=cached)

    def __call__(self, x_MD: Tensor) -> Tensor:
        normed_MD = self.norm(x_MD)
        half = self.gate_up.parts // 2
        if half:
            both = self.gate_up.in_parts(normed_MD)
            return self.down.added(x_MD, joined(F.silu(both[:half]).mul_(both[half:])))
        gate, up = self.gate_up(normed_MD).view(len(x_MD), 2, -1).unbind(1)
        return self.down.added(x_MD, F.silu(gate).mul_(up))


def joined(parts_PMN: Tensor) -> Tensor:
    """Parts side by side: [P, M, N] -> [M, P N]."""
    parts, rows, _ = parts_PMN.shape
    if parts > 1 and rows > 1:
        parts_PMN = parts_PMN.transpose(0, 1)
    return parts_PMN.reshape(rows, -1)


def _parts(weight_NK: Tensor, *, cached: bool) -> int:
    """Among how many threads a product with one row is split."""
    threads = torch.get_num_threads()
    even = threads % 2 == 0 and len(weight_NK) % threads == 0
    splits = weight_NK.device.type == "cpu" and even and weight_NK.numel() > SMALL and not cached
    whole = weight_NK.is_contiguous() or weight_NK.t().is_contiguous()
    return threads if splits and whole else 1
