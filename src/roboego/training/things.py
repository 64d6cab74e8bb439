"""What the latents of the picture encoder are to tell: one of them for each thing on the table, from left to right.

Answers about a picture tell of things: which there are, what they are, where they stand. A small model learns to look among a few tokens
sooner than among hundreds of patches. Which latent tells of which thing is chosen so that it costs least (set prediction, DETR, arXiv
2005.12872).
"""
# B pictures, L latents, V width, C classes

from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from roboego.data.pictures import SEEN_PIXELS, Shown
from roboego.sim.scene import MOST_THINGS, REACH_X_M
from roboego.sim.things import COLORS, LABEL_CHARACTERS, SHAPES, SIZES
from roboego.training.sight_losses import CHARACTERS, classes, distance, spelled

_COLORS = tuple(COLORS)
LYING = ("table", "inside", "on top", "held")
"""Where a thing is: on the table, inside or on top of another, or held up."""


class Things(NamedTuple):
    """What is true of the things in pictures, L of them or nothing; -1 where it does not count.

    Attributes:
        shape: [B, L] 0 where there is no more thing; color, size, lying: [B, L].
        label: [B, L, 3] its characters, 0 for none.
        at: [B, L, 2] where it stands, in units of the table's half width; NaN where nothing does.
    """

    shape: Tensor
    color: Tensor
    size: Tensor
    lying: Tensor
    label: Tensor
    at: Tensor

    @property
    def rank(self) -> Tensor:
        """[B, L, 1] by which things are put in order: from left to right, then what is held up, then nothing."""
        place = torch.where(self.lying == LYING.index("held"), HELD_RANK, self.at[..., 0])
        return torch.where(self.shape == 0, NO_RANK, place)[..., None]


HELD_RANK, NO_RANK = 1.5, 2.0


def things_of(shown: Shown) -> tuple[NDArray[Any], ...]:
    """One picture's part of `Things`, as arrays."""
    shape = np.zeros(MOST_THINGS, np.int64)
    color, size, lying = (np.full(MOST_THINGS, -1) for _ in range(3))
    label, at = np.full((MOST_THINGS, LABEL_CHARACTERS), -1), np.full((MOST_THINGS, 2), np.nan, np.float32)
    for i, placed in enumerate(shown.things):
        if shown.seen[i] < SEEN_PIXELS:
            continue
        shape[i], color[i] = 1 + SHAPES.index(placed.thing.shape), _COLORS.index(placed.thing.color)
        size[i], label[i] = SIZES.index(placed.thing.size), spelled(placed.thing.label)
        below = "inside" if placed.inside is not None else "on top" if placed.on is not None else "table"
        lying[i] = LYING.index("held" if i == shown.held else below)
        if i != shown.held:
            at[i] = placed.x / REACH_X_M, placed.y / REACH_X_M
    return shape, color, size, lying, label, at


class ThingHeads(nn.Module):
    """What latents [B, L, V] are asked to tell, as many as a table has things at most."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shape, self.color, self.size = (nn.Linear(width, n) for n in (1 + len(SHAPES), len(COLORS), len(SIZES)))
        self.lying, self.at = nn.Linear(width, len(LYING)), nn.Linear(width, 2)
        self.label = nn.Linear(width, LABEL_CHARACTERS * (len(CHARACTERS) + 1))

    def losses(self, latents: Tensor, rank: nn.Linear, truth: Things) -> dict[str, Tensor]:
        """The parts of the loss, by name, each with its weight.

        Args:
            rank: puts the latents in order.
        """
        latents = self.matched(latents, truth)
        parts = {name: classes(getattr(self, name)(latents), getattr(truth, name)) for name in ("shape", "color", "size", "lying")}
        parts |= {"label": classes(self._letters(latents), truth.label), "at": distance(self.at(latents), truth.at)}
        parts["rank"] = distance(rank(latents), truth.rank)
        return {f"thing_{name}": WEIGHTS[name] * part for name, part in parts.items()}

    @torch.no_grad()
    def judged(self, latents: Tensor, rank: nn.Linear, truth: Things) -> dict[str, Tensor]:
        """Whether tables' things are counted rightly, and all in order from left to right; which things and labels are told rightly, and
        centimetres from where things stand."""
        count = (self.shape(latents).argmax(-1) > 0).sum(-1)
        latents = self.matched(latents, truth)
        there, labelled, placed = truth.shape > 0, truth.label[..., 0] > 0, ~truth.at[..., 0].isnan()
        told = {name: getattr(self, name)(latents).argmax(-1) == getattr(truth, name) for name in ("shape", "color", "size", "lying")}
        found = {name: right[there] for name, right in told.items()} | {
            "label": (self._letters(latents).argmax(-1) == truth.label).all(-1)[labelled],
            "cm": (self.at(latents) - truth.at)[placed].norm(dim=-1) * REACH_X_M * 100,
            "count": count == there.sum(-1),
            "in_order": _in_order(rank(latents)[..., 0], truth.rank[..., 0]),
        }
        return {f"thing_{name}": value for name, value in found.items()}

    def matched(self, latents: Tensor, truth: Things) -> Tensor:
        """The latents [B, L, V], each at the place of the thing that it tells of: together they cost least so."""
        with torch.no_grad():
            costs, places = self._costs(latents, truth), torch.arange(MOST_THINGS)
            orders = torch.tensor(list(permutations(range(MOST_THINGS))), device=latents.device)
            best = orders[costs[:, orders, places].sum(-1).argmin(1)]
        return latents.gather(1, best[..., None].expand_as(latents))

    def _costs(self, latents: Tensor, truth: Things) -> Tensor:
        """[B, L, L] what it costs that a latent tells of a thing."""
        apart = (self.at(latents)[:, :, None] - truth.at[:, None]).abs().sum(-1)
        wrong = [share * _surprise(getattr(self, name)(latents), getattr(truth, name)) for name, share in MATCHED.items()]
        costs: Tensor = torch.stack(wrong).sum(0) + APART * apart.nan_to_num(0.0)
        return costs

    def _letters(self, latents: Tensor) -> Tensor:
        return self.label(latents).unflatten(-1, (LABEL_CHARACTERS, -1))  # type: ignore[no-any-return]


def _surprise(logits_BLC: Tensor, truth_BL: Tensor) -> Tensor:
    """[B, L, L] of each latent at each truth; 0 where the truth does not count."""
    each = -logits_BLC.float().log_softmax(-1)
    at = truth_BL.clamp(min=0)[:, None].expand(-1, each.shape[1], -1)
    return each.gather(2, at) * (truth_BL >= 0)[:, None]


def _in_order(ranks_BL: Tensor, truth_BL: Tensor) -> Tensor:
    """[B] whether ranks rise where the true ones clearly do."""
    rises = truth_BL[:, None] - truth_BL[:, :, None] > CLEARLY
    return ((ranks_BL[:, None] > ranks_BL[:, :, None]) | ~rises).all((1, 2))


WEIGHTS = {"shape": 1.0, "color": 1.0, "size": 0.5, "lying": 0.5, "label": 1.0, "at": 2.0, "rank": 1.0}
"""Of the parts of the loss."""
MATCHED, APART = {"shape": 1.0, "color": 1.0, "size": 0.5}, 4.0
"""What counts when things are matched to latents, and how much how far they are apart does."""
CLEARLY = 0.05
"""How far things are apart, of the table's half width, whose order is asked for."""
