"""What one step of a stage learns from: rows as tensors, disturbed as inputs, and what of them counts."""
# B rows, T frames, K codebooks, M chosen frames, P phones of a row

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from roboego.model.config import ModelConfig
from roboego.model.context_vision import Pictures
from roboego.model.glance import Glances
from roboego.model.model import Batch
from roboego.model.senses import Felt
from roboego.runtime.context_sight import POSITIONS
from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.readings import NO_READING, Senses
from roboego.training.crew import ALONE, Crew
from roboego.training.disturbance import Alike, Disturbance, disturb
from roboego.training.ear import padded
from roboego.training.rows import NOTHING, UNKNOWN, Row

Pronounce = Callable[[Tokens], list[int]]
"""What captions [T] sound like; see `roboego.training.ear.Pronunciation`."""


class Sights(Protocol):
    """What pictures look like, by their numbers."""

    @property
    def vectors(self) -> NDArray[Any]:
        """[P, V]."""

    def tokens(self, chosen: NDArray[np.int64], /) -> NDArray[Any]:
        """[..., M, V] of pictures [...]."""


class GridSource(Protocol):
    """Where training rows come from."""

    def row(self, rng: np.random.Generator, frames: int) -> Row:
        """A row of exactly `frames` columns, a pure function of the generator's state."""


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """What a stage weighs and how it disturbs.

    Attributes:
        rows, frames: B and T of a batch.
        text, spoken, first_codebook, codebooks, act: weights of the streams' losses.
        aims: weight of how far glances miss the tokens that a reply is about, where that is known.
        phones: weight of the phones that a training-only ear hears in the middle of the backbone, where captions are known; 0 goes without.
        ear_alone: steps in which that ear learns without a pull on the backbone, which then grows over as many: a fresh ear's losses are
            many times the others', and would turn a trained backbone around.
        captions: weight of the caption stream's loss, where rows know what is heard.
        finer: weight of a codebook after the first as a share of the one before it: the coarse ones decide what is understood.
        onset: how much more the first two frames of each reply's speech count: its first sound hangs on them, and they are few.
        chosen: share of the frames on which all codebooks are learned (the first is learned on all of them).
        disturbance: what of the inputs is made wrong.
        splices: chance that a transcription goes on in the middle of another one.
        recalls: chance that it is asked for when all has been heard.
        overhears: chance that something is said while one is heard.
    """

    rows: int = 12
    frames: int = 256
    text: float = 1.0
    spoken: float = 0.5
    first_codebook: float = 1.0
    codebooks: float = 1.0
    finer: float = 1.0
    act: float = 1.0
    aims: float = 0.0
    phones: float = 0.0
    ear_alone: int = 0
    captions: float = 1.0
    onset: float = 1.0
    chosen: float = 0.125
    disturbance: Disturbance = field(default_factory=Disturbance)
    splices: float = 0.4
    recalls: float = 0.0
    overhears: float = 0.0
    seed: int = 0


@dataclass
class Weights:
    """Loss weights [B, T] of a batch."""

    text: Tensor
    speak: Tensor
    spoken: Tensor
    act: Tensor


def collate(grids: list[FrameGrid]) -> tuple[Batch, Weights]:
    """Grids of equal length as tensors."""

    def stack(name: str, dtype: Any) -> Tensor:
        return torch.from_numpy(np.stack([getattr(g, name) for g in grids])).to(dtype)

    weights = {f.name: stack(f"{f.name}_weight", torch.float32) for f in fields(Weights)}
    text, read, speak, listen, spoken, act = (stack(n, torch.int64) for n in ("text", "read", "speak", "listen", "spoken", "act"))
    return Batch(text, read, speak, listen, spoken, act), Weights(**weights)


@dataclass
class Lesson:
    """What one step learns from.

    Attributes:
        given: the targets as inputs, disturbed.
        chosen: [M] frames, of all rows in one line, on which all codebooks are learned; the first `used` of them count.
        captions: [B, T] as in `Row`.
        known: [B, T] (bool) frames of which it is known what is heard; its phones [B, P], of which `counts` [B] count.
    """

    target: Batch
    given: Batch
    weights: Weights
    chosen: Tensor
    used: int
    captions: Tensor
    known: Tensor
    phones: Tensor
    counts: Tensor

    def to(self, device: torch.device) -> "Lesson":
        """The same on a device."""
        return self if device.type == "cpu" else moved(self, device)


@dataclass(frozen=True)
class Lessons:
    """The lessons of a stage, by the number of the step.

    Attributes:
        source: of the rows.
        pronounce: what captions sound like; None teaches no phones.
        alike: as in `roboego.training.disturbance.disturb`.
        crew: the processes that share the rows.
        sights: what the pictures look like that the rows tell of; None: nothing is seen.
    """

    source: GridSource
    config: StageConfig
    model: ModelConfig
    pronounce: Pronounce | None = None
    alike: Alike | None = None
    crew: Crew = ALONE
    sights: Sights | None = None

    def __getitem__(self, step: int) -> Lesson:
        """The lesson of a step: a pure function of the step, the seed and the process's rank.

        What is chosen is as long for every step: frames that do not count fill it up where too few have weight.
        """
        config, crew = self.config, self.crew
        rng = np.random.default_rng([config.seed, step] if crew.leads else [config.seed, step, config.rows + crew.rank])
        rows = [self.source.row(np.random.default_rng([config.seed, step, b]), config.frames) for b in crew.share(config.rows)]
        batch, weights = collate([row.grid for row in rows])
        weights.speak = weights.speak * torch.from_numpy(_onsets(batch.speak.numpy(), config.onset))
        chosen, used = _choose(weights.speak.flatten().numpy().astype(np.float64), config.chosen, rng)
        captions = np.stack([row.captions for row in rows])
        batch.caption = torch.from_numpy(np.stack([row.given for row in rows])).long()
        if self.sights is not None:
            looks, details = np.stack([row.looks for row in rows]), np.stack([row.details for row in rows])
            aims = np.stack([row.aims for row in rows]) if config.aims else None
            batch.look, batch.seen, batch.glances = seen_by(looks, details, self.sights, self.model, aims)
            batch.pictures = in_context([row.contexts for row in rows], self.sights, config.frames)
        if self.model.senses:
            batch.senses = felt_by([row.senses for row in rows], self.model, config.frames)
        given = disturb(batch, self.model, config.disturbance, rng, captions != UNKNOWN, self.alike)
        phones, counts = padded([[] if self.pronounce is None else self.pronounce(row) for row in captions])
        return Lesson(
            target=batch,
            given=given,
            weights=weights,
            chosen=torch.from_numpy(chosen),
            used=used,
            captions=torch.from_numpy(captions).long(),
            known=torch.from_numpy(captions != UNKNOWN),
            phones=phones,
            counts=counts,
        )


def seen_by(
    looks_BT: Tokens, details_BT: Tokens, sights: Sights, model: ModelConfig, aims_BT: Tokens | None = None
) -> tuple[Tensor, Tensor, Glances | None]:
    """What rows see: the latest picture's vector [B, T, V] in each frame, whether there is one [B, T], and at what frames glance.

    Args:
        looks_BT, details_BT: the numbers of pictures, and of those with details; `NOTHING` where there is none.
        aims_BT: where glances ought to go, as in `roboego.training.rows.Row`; None: nowhere.
    """
    seen_BT = looks_BT != NOTHING
    look_BTV = torch.from_numpy(sights.vectors[np.where(seen_BT, looks_BT, 0)].astype(np.float32))
    seen = torch.from_numpy(seen_BT)
    if model.glance is None:
        return look_BTV, seen, None
    detailed_BT = details_BT != NOTHING
    pictures_N = np.unique(details_BT[detailed_BT]) if detailed_BT.any() else np.zeros(1, np.int64)
    which_BT = np.where(detailed_BT, np.searchsorted(pictures_N, details_BT), -1)
    tokens_NMV = torch.from_numpy(sights.tokens(pictures_N).astype(np.float32))
    aims_BTM = None if aims_BT is None else torch.from_numpy(aims_BT[..., None] >> np.arange(model.glance.tokens + 1) & 1).float()
    return look_BTV, seen, Glances.of(tokens_NMV, torch.from_numpy(which_BT), aims_BTM)


def in_context(contexts: Sequence[Sequence[tuple[int, int]]], sights: Sights, frames: int) -> Pictures | None:
    """The pictures whose tokens go into the contexts of rows, in equal parts before one frame after another, as sessions take them.

    None: there are none. What comes in the row's last frames does so all at once.
    """
    shown = [(row, frame, picture) for row, mine in enumerate(contexts) for frame, picture in mine]
    if not shown:
        return None
    tokens_NMV = torch.from_numpy(sights.tokens(np.array([picture for *_, picture in shown])).astype(np.float32))
    size = next(size for size in range(min(POSITIONS, tokens_NMV.shape[1]), 0, -1) if tokens_NMV.shape[1] % size == 0)
    parts = tokens_NMV.shape[1] // size
    rows = torch.tensor([row for row, *_ in shown]).repeat_interleave(parts)
    places = torch.tensor([[min(frame + i, frames - 1) for i in range(parts)] for _, frame, _ in shown]).flatten()
    return Pictures(tokens_NMV.reshape(-1, size, tokens_NMV.shape[-1]), rows, places)


def felt_by(rows: Sequence[Senses], model: ModelConfig, frames: int) -> dict[str, Felt]:
    """What rows feel, sense by sense; readings of which there are fewer than in other rows are filled up with zeros."""
    found: dict[str, Felt] = {}
    for sense in model.senses:
        mine = [row.get(sense.name) for row in rows]
        count = max(1, *(0 if felt is None else len(felt.values) for felt in mine))
        values = np.zeros((len(rows), count, *sense.shape), np.float32)
        which, stale = np.full((len(rows), frames), NO_READING, np.int64), np.zeros((len(rows), frames), np.bool_)
        for b, felt in enumerate(mine):
            if felt is not None:
                values[b, : len(felt.values)], which[b], stale[b] = felt.values, felt.which, felt.stale
        found[sense.name] = Felt(torch.from_numpy(values), torch.from_numpy(which), torch.from_numpy(stale))
    return found


def _onsets(speak_BTK: NDArray[np.int64], factor: float) -> NDArray[np.float32]:
    """Factors [B, T]: `factor` in the two frames in which speech begins, after codes that stood still, and one elsewhere."""
    batch, frames, _ = speak_BTK.shape
    factors = np.ones((batch, frames), np.float32)
    still = (speak_BTK[:, 1:] == speak_BTK[:, :-1]).all(-1)
    begins = ~still[:, 2:] & still[:, 1:-1] & still[:, :-2]  # of frame 3 and those after it
    for later in (3, 4):
        found = begins[:, : max(frames - later, 0)]
        factors[:, later : later + found.shape[1]][found] = factor
    return factors


def _choose(weights: NDArray[np.float64], share: float, rng: np.random.Generator) -> tuple[NDArray[np.int64], int]:
    """Frames [M] drawn by weight, and how many of them count."""
    count = int(len(weights) * share)
    used = min(count, int((weights > 0).sum()))
    chosen = np.sort(rng.choice(len(weights), used, replace=False, p=weights / weights.sum())) if used else np.zeros(0, np.int64)
    return np.concatenate([chosen, np.zeros(count - used, np.int64)]), used


def moved(value: Any, device: torch.device) -> Any:
    """Tensors, and dataclasses and dictionaries of tensors, on a device; all else as it is."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(part, device) for name, part in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return type(value)(**{f.name: moved(getattr(value, f.name), device) for f in fields(value)})
    return value
