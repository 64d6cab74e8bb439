"""What moves the weights: AdamW, or Muon for the matrices inside the network and AdamW for the rest."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from roboego.errors import InputError
from roboego.training.crew import ALONE, Crew
from roboego.training.muon import Muon

CHOICES = ("adamw", "muon")


class Optimizers:
    """Several optimizers, each with parameters of its own, used as one."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = tuple(parts)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all of them."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        return {str(i): part.state_dict() for i, part in enumerate(self.parts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises a KeyError or a ValueError if the state is of other optimizers."""
        if len(state) != len(self.parts):
            raise ValueError(f"{len(state)} optimizers were saved, and there are {len(self.parts)}")
        for i, part in enumerate(self.parts):
            part.load_state_dict(state[str(i)])


def optimizers(
    choice: str,
    trained: Sequence[nn.Parameter],
    networks: Sequence[nn.Module],
    *,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float],
    crew: Crew = ALONE,
) -> Optimizers:
    """The optimizers of a run, with weight decay on matrices only.

    Args:
        choice: one of `CHOICES`.
        networks: whose linear layers Muon moves; embeddings, heads and vectors stay with AdamW.
        crew: the processes that train together.
    Raises:
        InputError: no such choice.
    """
    if choice not in CHOICES:
        raise InputError(f"optimizer must be one of {', '.join(CHOICES)}, not {choice!r}")
    hidden = _linear_weights(networks) if choice == "muon" else {}
    matrices = [p for p in trained if id(p) in hidden]
    others = [p for p in trained if id(p) not in hidden]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    parts: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)]
    if matrices:
        parts.append(Muon(matrices, lr=learning_rate, weight_decay=weight_decay, crew=crew))
    return Optimizers(parts)


def _linear_weights(networks: Sequence[nn.Module]) -> dict[int, Tensor]:
    """By identity, the matrices of all linear layers."""
    layers = (layer for network in networks for layer in network.modules() if isinstance(layer, nn.Linear))
    return {id(layer.weight): layer.weight for layer in layers}
