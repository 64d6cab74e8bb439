"""Muon (Jordan et al., 2024): each update of a matrix is made orthogonal. Processes that train together share that work."""
# M rows, N columns of a matrix

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from roboego.training.crew import ALONE, Crew

MOMENTUM = 0.95
NEWTON_SCHULZ_STEPS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the iteration, as its authors chose them: steep at zero rather than exact at one."""


def orthogonal(update_MN: Tensor) -> Tensor:
    """The nearest matrix [M, N], roughly, whose singular values are all one, in bfloat16."""
    a, b, c = COEFFICIENTS
    x = update_MN.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Moves matrices; scaled as in Moonlight (arXiv 2502.16982), so that AdamW's rate and weight decay suit it.

    Every process keeps all momenta, makes the updates of some matrices orthogonal and is told the others', so that all move alike.
    """

    def __init__(self, matrices: Sequence[nn.Parameter], *, lr: float, weight_decay: float, crew: Crew = ALONE) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})
        self.crew = crew

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Moves every matrix that has a gradient."""
        moving = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        owners = shares([p.shape for p, _ in moving], self.crew.size)
        updates = [self._momentum(p) for p, _ in moving]
        updates = [orthogonal(u) if owner == self.crew.rank else u.bfloat16() for u, owner in zip(updates, owners, strict=True)]
        self.crew.exchange(updates, owners)
        for (p, group), update in zip(moving, updates, strict=True):
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(update, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)

    def _momentum(self, p: Tensor) -> Tensor:
        """Nesterov's momentum of a matrix, its last gradient taken in."""
        assert p.grad is not None
        state = self.state[p]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(p.grad)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(p.grad, 1 - MOMENTUM)
        return p.grad.lerp(buffer, MOMENTUM)


def shares(shapes: Sequence[Sequence[int]], size: int) -> list[int]:
    """Which of `size` processes makes each matrix orthogonal, so that all have about as much to do."""
    work = [0] * size
    owners = []
    for shape in shapes:
        owners.append(work.index(min(work)))
        work[owners[-1]] += min(shape) ** 2 * max(shape)
    return owners
