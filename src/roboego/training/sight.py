"""Training of the picture encoder on what the simulator knows: what each patch shows, and what stands where on the whole table."""
# B pictures, S pixels a side, M patches, L characters of a label, C kinds of things (colour, shape and size)

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from roboego.data.pictures import SEEN_PIXELS, PictureBank, Shown
from roboego.errors import InputError
from roboego.perception.vit import ViT, ViTConfig
from roboego.sim.scene import REACH_X_M
from roboego.sim.things import COLORS, LABEL_CHARACTERS, SHAPES, SIZES, Thing
from roboego.training.ahead import Ahead
from roboego.training.loop import Metrics
from roboego.training.sight_losses import CHARACTERS, classes, distance, spelled
from roboego.training.stickers import stuck

KINDS = len(COLORS) * len(SHAPES) * len(SIZES)
_COLORS = tuple(COLORS)
_WHAT: dict[str, int] = {"nothing": 0, "arm": 1} | {shape: 2 + i for i, shape in enumerate(SHAPES)}


@dataclass(frozen=True, kw_only=True)
class SightTraining:
    """What seeing is learned from.

    Attributes:
        banks: of the folder, from which pictures are drawn.
        pictures: of a step.
        validation: pictures that are judged.
    """

    folder: Path
    banks: tuple[str, ...] = ("train",)
    pictures: int = 64
    validation: int = 256
    seed: int = 0


class Truth(NamedTuple):
    """What is true of pictures; -1 where it does not count.

    Attributes:
        what, color, size: [B, M] of each patch.
        label: [B, M, 3] the characters of what each patch shows, 0 for none.
        at: [B, M, 2] where it stands, in units of the table's half width; NaN where nothing is shown.
        present: [B, C] which kinds of things there are; -1 for those that are hardly seen.
        where: [B, C, 2] where they stand; NaN for others.
    """

    what: Tensor
    color: Tensor
    size: Tensor
    label: Tensor
    at: Tensor
    present: Tensor
    where: Tensor


Batch = tuple[Tensor, Truth]


def kind_of(thing: Thing) -> int:
    """The number of a colour, shape and size."""
    return (_COLORS.index(thing.color) * len(SHAPES) + SHAPES.index(thing.shape)) * len(SIZES) + SIZES.index(thing.size)


def truth_of(shown: Shown) -> tuple[NDArray[Any], ...]:
    """One picture's part of a `Truth`, as arrays."""
    patches = shown.patches.reshape(-1).astype(np.int64)
    what = np.where(patches == -2, _WHAT["arm"], _WHAT["nothing"])
    color, size = np.full_like(patches, -1), np.full_like(patches, -1)
    label = np.full((len(patches), LABEL_CHARACTERS), -1)
    at = np.full((len(patches), 2), np.nan, np.float32)
    present, where = np.zeros(KINDS, np.int64), np.full((KINDS, 2), np.nan, np.float32)
    for i, placed in enumerate(shown.things):
        thing, mine = placed.thing, patches == i
        place = np.array([placed.x, placed.y], np.float32) / REACH_X_M
        what[mine], color[mine], size[mine] = _WHAT[thing.shape], _COLORS.index(thing.color), SIZES.index(thing.size)
        label[mine] = spelled(thing.label)
        if i != shown.held:
            at[mine] = place
        present[kind_of(thing)] = 1 if shown.seen[i] >= SEEN_PIXELS else -1
        if shown.seen[i] >= SEEN_PIXELS and i != shown.held:
            where[kind_of(thing)] = place
    return what, color, size, label, at, present, where


class _Batches:
    """Implements `roboego.training.ahead.ByStep`: pictures [B, S, S, 3] in bytes, and what is true of them."""

    def __init__(self, bank: PictureBank, training: SightTraining) -> None:
        self.bank, self.config = bank, training

    def __getitem__(self, step: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        rng = np.random.default_rng([self.config.seed, step])
        return _told([with_labels(self.bank[int(i)], rng) for i in rng.integers(0, len(self.bank), self.config.pictures)])

    def of(self, chosen: list[int]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The pictures of these numbers, as they are."""
        shown = [self.bank[i] for i in chosen]
        return _told([(s.picture, truth_of(s)) for s in shown])


def with_labels(shown: Shown, rng: np.random.Generator) -> tuple[NDArray[np.uint8], tuple[NDArray[Any], ...]]:
    """A picture with labels stuck onto it, and what is true of it. What else patches show that a label touches does not count."""
    found = stuck(shown.picture, shown.patches, rng)
    what, color, size, label, *rest = truth_of(shown)
    what[found.touched] = -1
    for patch, text in enumerate(found.labels):
        if text:
            label[patch] = spelled(text)
    return found.picture, (what, color, size, label, *rest)


def _told(parts: Sequence[tuple[NDArray[np.uint8], tuple[NDArray[Any], ...]]]) -> tuple[Tensor, tuple[Tensor, ...]]:
    pictures = torch.from_numpy(np.stack([picture for picture, _ in parts]))
    truths = zip(*(truth for _, truth in parts), strict=True)
    return pictures, tuple(torch.from_numpy(np.stack(part)) for part in truths)


class _Module(nn.Module):
    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        width = config.width
        self.vit = ViT(config)
        self.what, self.color, self.size = (nn.Linear(width, n) for n in (len(_WHAT), len(COLORS), len(SIZES)))
        self.label = nn.Linear(width, LABEL_CHARACTERS * (len(CHARACTERS) + 1))
        self.at = nn.Linear(width, 2)
        self.present, self.where = (nn.Sequential(nn.Linear(width, 512), nn.GELU(), nn.Linear(512, n)) for n in (KINDS, 2 * KINDS))


class SightTask:
    """Implements `roboego.training.loop.Task`.

    Args:
        workers: processes that make batches ahead of their steps; 0 makes each when it is due.
    Raises:
        InputError: there are no pictures, or they are not of the encoder's size.
    """

    def __init__(self, config: ViTConfig, training: SightTraining, *, device: torch.device | None = None, workers: int = 0) -> None:
        torch.manual_seed(training.seed)
        self.device = device or torch.device("cpu")
        self.config = training
        self.module = _Module(config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        made = _Batches(PictureBank(training.folder, *training.banks), training)
        self.kept = _Batches(PictureBank(training.folder, "validation"), training)
        if made.bank[0].picture.shape[0] != config.image_size or made.bank[0].patches.size != config.patches:
            raise InputError(
                f"the pictures in {training.folder} are not of {config.image_size} pixels; make others: roboego synth pictures"
            )
        self.batches: _Batches | Ahead[tuple[Tensor, tuple[Tensor, ...]]] = Ahead(made, workers) if workers else made

    def batch(self, step: int) -> Batch:
        pictures, truth = self.batches[step]
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        return varied(pixels(pictures.to(self.device)), generator), Truth(*(part.to(self.device) for part in truth))

    def loss(self, batch: Batch, step: int) -> tuple[Tensor, Metrics]:
        seen, truth = batch
        m = self.module
        vector, tokens = m.vit(seen)
        parts = {
            "what": classes(m.what(tokens), truth.what),
            "color": classes(m.color(tokens), truth.color),
            "size": classes(m.size(tokens), truth.size),
            "label": classes(m.label(tokens).unflatten(-1, (LABEL_CHARACTERS, -1)), truth.label),
            "at": distance(m.at(tokens), truth.at),
            "present": _presence(m.present(vector), truth.present),
            "where": distance(m.where(vector).unflatten(-1, (KINDS, 2)), truth.where),
        }
        total = torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}  # type: ignore[misc]

    def after_step(self, step: int) -> None: ...

    @torch.no_grad()
    def validate(self, step: int) -> Metrics:
        """Shares of patches, labels, present and absent things that are told rightly, and centimetres from where things stand.

        `label_right` is of all patches of things with labels, `label_read` of the things: by the patch that is surest.
        """
        found: dict[str, list[Tensor]] = {}
        for first in range(0, min(self.config.validation, len(self.kept.bank)), self.config.pictures):
            pictures, parts = self.kept.of(list(range(first, min(first + self.config.pictures, len(self.kept.bank)))))
            truth = Truth(*(part.to(self.device) for part in parts))
            for name, value in self._judged(pixels(pictures.to(self.device)), truth).items():
                found.setdefault(name, []).append(value)
        return {name: float(torch.cat(values).float().mean()) for name, values in found.items()}

    def _judged(self, seen: Tensor, truth: Truth) -> dict[str, Tensor]:
        m = self.module
        vector, tokens = m.vit(seen)
        shown = truth.what > 1
        labelled = (truth.label[..., 0] > 0) & shown
        sure, letters = m.label(tokens).unflatten(-1, (LABEL_CHARACTERS, -1)).float().log_softmax(-1).max(-1)
        present = m.present(vector) > 0
        there = ~truth.where[..., 0].isnan()
        apart = (m.where(vector).unflatten(-1, (KINDS, 2)) - truth.where)[there].norm(dim=-1)
        return {
            "what_right": (m.what(tokens).argmax(-1) == truth.what)[shown],
            "color_right": (m.color(tokens).argmax(-1) == truth.color)[shown],
            "label_right": (letters == truth.label).all(-1)[labelled],
            "label_read": read_rightly(sure.sum(-1), letters, truth, labelled),
            "present_told": present[truth.present == 1],
            "absent_told": ~present[truth.present == 0],
            "where_cm": apart * REACH_X_M * 100,
        }

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return (self.module.vit,)

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None: ...


WEIGHTS = {"what": 1.0, "color": 0.5, "size": 1.0, "label": 4.0, "at": 1.0, "present": 6.0, "where": 1.0}
"""Of the parts of the loss."""
RARE = 6.0
"""How much more a thing that is there counts than one that is not: of all kinds, few are."""


def read_rightly(sure_BM: Tensor, letters_BML: Tensor, truth: Truth, labelled_BM: Tensor) -> Tensor:
    """Of each thing with a label, whether it is what the patch says that is surest of those that read one at all."""
    found = []
    sure_BM = sure_BM - 1e3 * (letters_BML[..., 0] == 0)
    for b in range(len(sure_BM)):
        for place in truth.at[b][labelled_BM[b]].unique(dim=0):  # type: ignore[no-untyped-call]
            mine = labelled_BM[b] & (truth.at[b] == place).all(-1)
            if mine.any():  # what is held up stands nowhere
                best = sure_BM[b].masked_fill(~mine, -torch.inf).argmax()
                found.append((letters_BML[b, best] == truth.label[b, best]).all())
    return torch.stack(found) if found else torch.zeros(0, dtype=torch.bool, device=sure_BM.device)


def pixels(pictures_BSS3: Tensor) -> Tensor:
    """Bytes -> [B, 3, S, S] from -1 to 1, as `roboego.perception.picture.to_pixels` gives them."""
    return (pictures_BSS3.float() / 127.5 - 1).permute(0, 3, 1, 2)


def varied(pixels_B3SS: Tensor, generator: torch.Generator) -> Tensor:
    """The same as other cameras have it: brighter or darker, flatter, tinted, noisy, a few pixels aside."""
    count, device = len(pixels_B3SS), pixels_B3SS.device

    def drawn(low: float, high: float, channels: int = 1) -> Tensor:
        return (low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator)).to(device)

    out = pixels_B3SS * drawn(0.75, 1.25) * drawn(0.94, 1.06, 3) + drawn(-0.15, 0.15)
    down, right = (int(v) for v in torch.randint(-4, 5, (2,), generator=generator))
    out = F.pad(out, (4, 4, 4, 4), mode="replicate")[..., 4 + down : 4 + down + out.shape[-2], 4 + right : 4 + right + out.shape[-1]]
    noise = torch.randn(out.shape, generator=generator).to(device)
    return (out + noise * drawn(0, 0.06)).clamp(-1, 1)


def _presence(logits: Tensor, truth: Tensor) -> Tensor:
    weights = torch.where(truth == 1, RARE, 1.0) * (truth >= 0)
    each = F.binary_cross_entropy_with_logits(logits.float(), truth.clamp(min=0).float(), reduction="none")
    return (each * weights).sum() / weights.sum()
