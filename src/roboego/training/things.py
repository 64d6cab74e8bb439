"""Training of the resampler behind the picture encoder: one token for each thing on the table, from left to right.

Answers about a picture tell of things: which there are, what they are, where they stand. So a model looks among a few tokens instead of
hundreds of patches. Which latent tells of which thing is chosen so that it costs least (set prediction, DETR, arXiv
2005.12872).
"""
# B pictures, M patches, L latents, V width, C classes

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from roboego.data.pictures import SEEN_PIXELS, PictureBank
from roboego.data.sights import SightBank
from roboego.errors import InputError
from roboego.perception.vit import ViTConfig, resampler_of
from roboego.sim.scene import MOST_THINGS, REACH_X_M, UPON_M, Placed
from roboego.sim.things import COLORS, LABEL_CHARACTERS, SHAPES, SIZES
from roboego.training.loop import Metrics
from roboego.training.sight import SightTraining
from roboego.training.sight_losses import CHARACTERS, classes, distance, spelled

_COLORS = tuple(COLORS)
LYING = ("table", "inside", "on top", "held")
"""Where a thing is: on the table, inside or on top of another, or held up."""
HARDER = (1.0, 3.0, 2.0, 1.5)
"""How much things count by that."""


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
        """[B, L, 1] by which things are put in order: from left to right (see `Placed.across`), then what is held up, then nothing."""
        upon = (self.lying == LYING.index("inside")) | (self.lying == LYING.index("on top"))
        place = torch.where(self.lying == LYING.index("held"), HELD_RANK, self.at[..., 0] + UPON_M / REACH_X_M * upon)
        return torch.where(self.shape == 0, NO_RANK, place)[..., None]

    @property
    def weight(self) -> Tensor:
        """[B, L] how much each counts in the losses: what is seldom, and harder to see, more."""
        return torch.tensor((*HARDER, 1.0), device=self.lying.device)[self.lying]

    def among(self, count: int) -> "Things":
        """The same with as many L; those that are added are nothing."""
        more = count - self.shape.shape[1]
        color, size, lying = (F.pad(part, (0, more), value=-1) for part in (self.color, self.size, self.lying))
        label, at = F.pad(self.label, (0, 0, 0, more), value=-1), F.pad(self.at, (0, 0, 0, more), value=torch.nan)
        return Things(F.pad(self.shape, (0, more)), color, size, lying, label, at)


Batch = tuple[Tensor, Things]
HELD_RANK, NO_RANK = 1.5, 2.0


def things_of(things: Sequence[Placed], seen: Sequence[int], held: int | None) -> tuple[NDArray[Any], ...]:
    """One picture's part of `Things`, as arrays.

    Args:
        seen: of each thing, how many pixels show it; held: the one that is held up.
    """
    shape = np.zeros(MOST_THINGS, np.int64)
    color, size, lying = (np.full(MOST_THINGS, -1) for _ in range(3))
    label, at = np.full((MOST_THINGS, LABEL_CHARACTERS), -1), np.full((MOST_THINGS, 2), np.nan, np.float32)
    for i, placed in enumerate(things):
        if seen[i] < SEEN_PIXELS:
            continue
        shape[i], color[i] = 1 + SHAPES.index(placed.thing.shape), _COLORS.index(placed.thing.color)
        size[i], label[i] = SIZES.index(placed.thing.size), spelled(placed.thing.label)
        below = "inside" if placed.inside is not None else "on top" if placed.on is not None else "table"
        lying[i] = LYING.index("held" if i == held else below)
        if i != held:
            at[i] = placed.x / REACH_X_M, placed.y / REACH_X_M
    return shape, color, size, lying, label, at


class ThingHeads(nn.Module):
    """What latents [B, L, V] are asked to tell, at least as many as a table has things at most."""

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
        latents, truth = self.matched(latents, truth), truth.among(latents.shape[1])
        told, weight = ("shape", "color", "size", "lying"), truth.weight
        parts = {name: classes(getattr(self, name)(latents), getattr(truth, name), weight) for name in told}
        parts |= {"label": classes(self._letters(latents), truth.label, weight[..., None]), "at": distance(self.at(latents), truth.at)}
        parts["rank"] = distance(rank(latents), truth.rank)
        return {name: WEIGHTS[name] * part for name, part in parts.items()}

    @torch.no_grad()
    def judged(self, latents: Tensor, rank: nn.Linear, truth: Things) -> dict[str, Tensor]:
        """Whether tables' things are counted rightly, and all in order from left to right; which things and labels are told rightly, and
        centimetres from where things stand."""
        count = (self.shape(latents).argmax(-1) > 0).sum(-1)
        latents, truth = self.matched(latents, truth), truth.among(latents.shape[1])
        there, labelled, placed = truth.shape > 0, truth.label[..., 0] > 0, ~truth.at[..., 0].isnan()
        told = {name: getattr(self, name)(latents).argmax(-1) == getattr(truth, name) for name in ("shape", "color", "size", "lying")}
        return {name: right[there] for name, right in told.items()} | {
            "label": (self._letters(latents).argmax(-1) == truth.label).all(-1)[labelled],
            "cm": (self.at(latents) - truth.at)[placed].norm(dim=-1) * REACH_X_M * 100,
            "count": count == there.sum(-1),
            "in_order": _in_order(rank(latents)[..., 0], truth.rank[..., 0]),
        }

    def matched(self, latents: Tensor, truth: Things) -> Tensor:
        """The latents [B, L, V], each at the place of the thing that it tells of, and then the others: together they cost least so."""
        with torch.no_grad():
            costs = self._costs(latents, truth.among(latents.shape[1])).cpu().numpy()
        best = np.stack([linear_sum_assignment(cost.T)[1] for cost in costs])
        return latents.gather(1, torch.from_numpy(best).to(latents.device)[..., None].expand_as(latents))

    def _costs(self, latents: Tensor, truth: Things) -> Tensor:
        """[B, L, L] what it costs that a latent tells of a thing."""
        apart = (self.at(latents)[:, :, None] - truth.at[:, None]).abs().sum(-1)
        wrong = [share * _surprise(getattr(self, name)(latents), getattr(truth, name)) for name, share in MATCHED.items()]
        costs: Tensor = torch.stack(wrong).sum(0) + APART * apart.nan_to_num(0.0)
        return costs

    def _letters(self, latents: Tensor) -> Tensor:
        return self.label(latents).unflatten(-1, (LABEL_CHARACTERS, -1))  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lessons:
    """Implements `roboego.training.ahead.ByStep`: patches [B, M, V], and what is true of the things that they show.

    Attributes:
        sights: what an encoder without latents makes of the pictures.
    """

    pictures: PictureBank
    sights: SightBank
    count: int
    seed: int

    def __getitem__(self, step: int) -> Batch:
        """Patches are left out, the same of all pictures, and the others disturbed: else pictures are soon known by heart."""
        patches, truth = self.of(np.random.default_rng([self.seed, step]).integers(0, len(self.pictures), self.count))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        kept = torch.rand(patches.shape[1], generator=generator) >= LEFT_OUT * torch.rand((), generator=generator)
        kept[0] = True
        patches = patches[:, kept]
        return patches + DISTURBED * torch.randn(patches.shape, generator=generator), truth

    def of(self, chosen: NDArray[np.int64]) -> Batch:
        """Those of the pictures of these numbers, as they are."""
        truths = zip(*(things_of(*self.pictures.shown(int(i))) for i in chosen), strict=True)
        return torch.from_numpy(self.sights.tokens(chosen)).float(), Things(*(torch.from_numpy(np.stack(part)) for part in truths))


class _Module(nn.Module):
    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.resampler, self.heads = resampler_of(config), ThingHeads(config.width)


class ThingsTask:
    """Implements `roboego.training.loop.Task`: a resampler for the encoder `config`, all else of which stays as it is.

    Args:
        patches: folder of what the same encoder without latents makes of the pictures.
    Raises:
        InputError: there are no pictures, or not as many latents as a table has things at most.
    """

    def __init__(self, config: ViTConfig, training: SightTraining, patches: Path, *, device: torch.device | None = None) -> None:
        if config.latents != MOST_THINGS:
            raise InputError(f"the encoder must have {MOST_THINGS} latents, one for each thing, not {config.latents}")
        torch.manual_seed(training.seed)
        self.device, self.config = device or torch.device("cpu"), training
        self.module = _Module(config).to(self.device)
        self.lessons, self.kept = (
            _Lessons(pictures=bank, sights=SightBank(bank, patches), count=training.pictures, seed=training.seed)
            for bank in (PictureBank(training.folder, *names) for names in (training.banks, ("validation",)))
        )

    def batch(self, step: int) -> Batch:
        return self._moved(self.lessons[step])

    def _moved(self, batch: Batch) -> Batch:
        patches, truth = batch
        return patches.to(self.device), Things(*(part.to(self.device) for part in truth))

    def loss(self, batch: Batch, step: int) -> tuple[Tensor, Metrics]:
        patches, truth = batch
        m = self.module
        parts = m.heads.losses(m.resampler.gathered(patches), m.resampler.rank, truth)
        return torch.stack(list(parts.values())).sum(), {name: part.detach() for name, part in parts.items()}  # type: ignore[misc]

    def after_step(self, step: int) -> None: ...

    @torch.no_grad()
    def validate(self, step: int) -> Metrics:
        """The mean over held-out pictures of what `ThingHeads.judged` tells."""
        found: dict[str, list[Tensor]] = {}
        m, numbers = self.module, np.arange(min(self.config.validation, len(self.kept.pictures)))
        for chosen in np.split(numbers, range(self.config.pictures, len(numbers), self.config.pictures)):
            patches, truth = self._moved(self.kept.of(chosen))
            for name, value in m.heads.judged(m.resampler.gathered(patches), m.resampler.rank, truth).items():
                found.setdefault(name, []).append(value)
        return {name: float(torch.cat(values).float().mean()) for name, values in found.items()}

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return (self.module.resampler,)

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None: ...


def _surprise(logits_BLC: Tensor, truth_BL: Tensor) -> Tensor:
    """[B, L, L] of each latent at each truth; 0 where the truth does not count."""
    each = -logits_BLC.float().log_softmax(-1)
    at = truth_BL.clamp(min=0)[:, None].expand(-1, each.shape[1], -1)
    return each.gather(2, at) * (truth_BL >= 0)[:, None]


def _in_order(ranks_BL: Tensor, truth_BL: Tensor) -> Tensor:
    """[B] whether ranks rise where the true ones clearly do."""
    rises = truth_BL[:, None] - truth_BL[:, :, None] > CLEARLY
    return ((ranks_BL[:, None] > ranks_BL[:, :, None]) | ~rises).all((1, 2))


LEFT_OUT, DISTURBED = 0.25, 0.15
"""Share of the patches that are left out at most, and the size of the noise that the others get."""
WEIGHTS = {"shape": 1.0, "color": 1.0, "size": 0.5, "lying": 0.5, "label": 1.0, "at": 2.0, "rank": 1.0}
"""Of the parts of the loss."""
MATCHED, APART = {"shape": 1.0, "color": 1.0, "size": 0.5}, 4.0
"""What counts when things are matched to latents, and how much how far they are apart does."""
CLEARLY = 0.05
"""How far things are apart, of the table's half width, whose order is asked for."""
