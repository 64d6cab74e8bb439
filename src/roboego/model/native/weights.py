"""Tensors as the compiled functions see them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DTYPES = (torch.float32, torch.bfloat16)
"""Types of weights that the compiled functions read."""


def marker(dtype: torch.dtype) -> NDArray[Any]:
    """An empty array that stands for a type of weights: float32, or uint16 for bfloat16."""
    return np.zeros(0, np.uint16 if dtype == torch.bfloat16 else np.float32)


def vector(tensor: Tensor) -> NDArray[Any]:
    """The tensor's own memory as an array."""
    return tensor.detach().numpy()


def addresses(rows: Sequence[Sequence[Tensor | None]]) -> tuple[NDArray[np.int64], list[Tensor]]:
    """Where tensors lie, 0 for None, and the tensors, to be kept as long as the addresses are used."""
    kept = [[None if t is None else t.detach() for t in row] for row in rows]
    for tensor in (t for row in kept for t in row if t is not None):
        assert tensor.is_contiguous()
    table = np.asarray([[0 if t is None else t.data_ptr() for t in row] for row in kept], np.int64)
    return table, [t for row in kept for t in row if t is not None]


def readable(module: nn.Module) -> bool:
    """Whether the compiled functions can read a module: on the CPU, of one of their types, its linear layers plain ones.

    Adapters that took the place of a linear layer are not: what they add would be left out.
    """
    plain = all(type(m) is nn.Linear for m in module.modules() if hasattr(m, "in_features"))
    tensors = list(module.parameters())
    of_one_type = len({t.dtype for t in tensors}) == 1 and tensors[0].dtype in DTYPES
    return plain and of_one_type and all(t.device.type == "cpu" and t.is_contiguous() for t in tensors)
