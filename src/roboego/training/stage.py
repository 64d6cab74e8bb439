"""Learning from FrameGrids: the losses of all streams."""
# B rows, T frames, K codebooks, M chosen frames, W width

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.model import Batch, RoboEgoModel, advances
from roboego.streams.delays import apply_delays
from roboego.streams.grid import FrameGrid, Tokens
from roboego.training.disturbance import Disturbance, disturb, transcribed
from roboego.training.ear import Ear, padded
from roboego.training.loop import Metrics
from roboego.training.rows import UNKNOWN, Row


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
        phones: weight of the phones that a training-only ear hears in the middle of the backbone, where captions are known; 0 goes without.
        captions: weight of what a training-only head writes down of what is heard, where rows know it. It makes a model that converses
            hear words and not only whose turn it is; 0 goes without.
        chosen: share of the frames on which all codebooks are learned (the first is learned on all of them).
        disturbance: what of the inputs is made wrong.
        splices: chance that a transcription goes on in the middle of another one.
    """

    rows: int = 12
    frames: int = 256
    text: float = 1.0
    spoken: float = 0.5
    first_codebook: float = 1.0
    codebooks: float = 1.0
    act: float = 1.0
    phones: float = 0.0
    captions: float = 0.0
    chosen: float = 0.125
    disturbance: Disturbance = field(default_factory=Disturbance)
    splices: float = 0.4
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
        captions: [B, T] as in `Row`, `UNKNOWN` where Ego writes them itself.
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


class StageTask:
    """Implements `roboego.training.loop.Task` for post-training and SFT.

    Args:
        validation: free-running figures, called with the model and the step.
        pronounce: what captions sound like; needed where phones have weight.
    """

    def __init__(
        self,
        model: RoboEgoModel,
        source: GridSource,
        config: StageConfig,
        validation: Callable[[RoboEgoModel, int], Metrics],
        *,
        device: torch.device | None = None,
        pronounce: Callable[[Tokens], list[int]] | None = None,
    ) -> None:
        self.module = model
        self.source, self.config, self.validation = source, config, validation
        self.device = device or torch.device("cpu")
        self.captions: nn.Linear | None = None
        if config.captions:
            self.captions = nn.Linear(model.config.backbone.width, model.config.layout.text.ids, bias=False, device=self.device)
            self.captions.weight.data.copy_(model.text_weight)
        self.pronounce = pronounce
        self.ear = Ear(model.config.backbone.width).to(self.device) if config.phones and pronounce is not None else None

    def batch(self, step: int) -> Lesson:
        """The rows of a step. What is chosen is as long for every batch: frames that do not count fill it up where too few have weight."""
        rng = np.random.default_rng([self.config.seed, step])
        rows = [self.source.row(np.random.default_rng([self.config.seed, step, b]), self.config.frames) for b in range(self.config.rows)]
        batch, weights = collate([row.grid for row in rows])
        disturbed = disturb(batch, self.module.config, self.config.disturbance, rng)
        odds = weights.speak.flatten().numpy().astype(np.float64)
        count = int(len(odds) * self.config.chosen)
        found = int((odds > 0).sum())
        used = min(count, found)
        chosen = np.sort(rng.choice(len(odds), used, replace=False, p=odds / odds.sum())) if used else np.zeros(0, np.int64)
        chosen = np.concatenate([chosen, np.zeros(count - used, np.int64)])
        captions = np.stack([row.captions for row in rows])
        phones, counts = padded([[] if self.ear is None or self.pronounce is None else self.pronounce(row) for row in captions])
        written = transcribed(batch.read, self.module.config.layout.text)
        return Lesson(
            target=_to(batch, self.device),
            given=_to(disturbed, self.device),
            weights=_to(weights, self.device),
            chosen=torch.from_numpy(chosen).to(self.device),
            used=used,
            captions=torch.from_numpy(np.where(written, UNKNOWN, captions)).to(self.device, torch.int64),
            known=torch.from_numpy(captions != UNKNOWN).to(self.device),
            phones=phones.to(self.device),
            counts=counts.to(self.device),
        )

    def loss(self, batch: Lesson, step: int) -> tuple[Tensor, Metrics]:
        target, weights, chosen, used = batch.target, batch.weights, batch.chosen, batch.used
        c, model = self.config, self.module
        layout = model.config.layout
        text = target.text.flatten()
        parts: dict[str, tuple[float, Tensor]] = {}
        if self.ear is None:
            h_MW = model.hidden(batch.given).flatten(0, 1)
        else:
            h_BTW, middle_BTW = model.hidden(batch.given, model.config.backbone.layers // 2).chunk(2, -1)
            h_MW = h_BTW.flatten(0, 1)
            parts["phones"] = c.phones, self.ear(middle_BTW, batch.known, batch.phones, batch.counts)
        parts["text"] = c.text, _mean(_cross_entropy(model.text_logits(h_MW), text), weights.text.flatten())
        if model.spoken_head is not None:
            by = advances(target.text, target.spoken, model.config).flatten()
            parts["spoken"] = c.spoken, _mean(_cross_entropy(model.spoken_head(h_MW), by), weights.spoken.flatten())
        if self.captions is not None:
            captions = batch.captions.flatten()
            each = _cross_entropy(self.captions(h_MW), captions.clamp(min=0))
            parts["captions"] = c.captions, _mean(each, (captions != UNKNOWN).float())
        codes_MK = apply_delays(target.speak, layout.speak.delays, layout.speak.pad_id).flatten(0, 1)
        first = model.speech(h_MW, text, codes_MK[:, :1])[:, 0]
        parts["first_codebook"] = c.first_codebook, _mean(_cross_entropy(first, codes_MK[:, 0]), weights.speak.flatten())
        if used:
            logits = model.speech(h_MW[chosen], text[chosen], codes_MK[chosen])[:used, 1:]
            # Frames were chosen by weight, so each counts the same.
            parts["codebooks"] = c.codebooks, _cross_entropy(logits.flatten(0, 1), codes_MK[chosen[:used], 1:].flatten()).mean()
        if model.act_head is not None:
            logits = model.act_logits(h_MW)
            each = _cross_entropy(logits.flatten(0, 1), target.act.flatten()).reshape(len(h_MW), -1).mean(1)
            parts["act"] = c.act, _mean(each, weights.act.flatten())
        total = torch.stack([weight * value for weight, value in parts.values()]).sum()
        metrics: dict[str, Any] = {name: value.detach() for name, (_, value) in parts.items()}
        words = (text >= layout.text.first_word) & (weights.text.flatten() > 0)
        metrics["words"] = _mean(
            _cross_entropy(model.text_logits(h_MW[words].detach()), text[words]), torch.ones(int(words.sum()), device=h_MW.device)
        ).detach()
        return total, metrics

    def after_step(self, step: int) -> None: ...

    def validate(self, step: int) -> Metrics:
        return self.validation(self.module, step)

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return self.module.backbone, self.module.speech

    def helpers(self) -> tuple[nn.Module, ...]:
        return tuple(module for module in (self.captions, self.ear) if module is not None)

    def extra_state(self) -> dict[str, Any]:
        return {str(i): module.state_dict() for i, module in enumerate(self.helpers())}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        for i, module in enumerate(self.helpers()):
            module.load_state_dict(state[str(i)])


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), target, reduction="none")


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)


def _to(value: Any, device: torch.device) -> Any:
    if device.type == "cpu":
        return value
    moved = {f.name: None if getattr(value, f.name) is None else getattr(value, f.name).to(device) for f in fields(value)}
    return type(value)(**moved)
