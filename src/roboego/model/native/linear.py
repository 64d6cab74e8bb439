"""A linear layer on the rows of one step, compiled."""
# B slots, K inputs, N outputs

from typing import Any

import torch
from torch import Tensor

from roboego.model.native.arithmetic import SET, at, product, share
from roboego.model.native.compiling import compiled
from roboego.model.native.team import meet, team_of
from roboego.model.native.weights import marker, vector


@compiled
def linear(me: int, team: int, beats: Any, weight: int, like: Any, x: Any, out: Any) -> None:
    """x [B, K] -> out [B, N] with weights [N, K] at an address, of the type of the array `like`."""
    outputs, inputs = out.shape[1], x.shape[1]
    first, last = share(outputs, me, team)
    product(x, at(weight, (outputs, inputs), like), at(weight, (0,), like), first, last, out, SET)
    meet(me, team, beats)


class NativeLinear:
    """`F.linear(x, weight)` [B, K] -> [B, N]; the result is float32."""

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.like, self.team = weight.detach(), marker(weight.dtype), team_of(torch.get_num_threads())
        assert self.weight.is_contiguous()

    def __call__(self, x_BK: Tensor) -> Tensor:
        out = torch.empty(len(x_BK), len(self.weight))
        self.team.run(linear, self.weight.data_ptr(), self.like, vector(x_BK.float().contiguous()), vector(out))
        return out
