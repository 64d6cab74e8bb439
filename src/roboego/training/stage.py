"""Learning from FrameGrids: the losses of all streams."""
# B rows, T frames, K codebooks, M chosen frames, N frames with words, W width

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.glance import BEHIND
from roboego.model.model import RoboEgoModel, advances
from roboego.streams.delays import apply_delays
from roboego.streams.pointer import is_piece
from roboego.training.ahead import Ahead
from roboego.training.crew import ALONE, Crew
from roboego.training.disturbance import Alike
from roboego.training.ear import Ear
from roboego.training.lesson import GridSource, Lesson, Lessons, Pronounce, Sights, StageConfig
from roboego.training.loop import Metrics
from roboego.training.rows import UNKNOWN


class StageTask:
    """Implements `roboego.training.loop.Task` for post-training and SFT.

    Args:
        validation: free-running figures, called with the model and the step.
        pronounce: what captions sound like; without it no phones are learned.
        alike: codes that sound like others, for `Disturbance.alike`.
        crew: the processes that share the rows.
        workers: processes that make lessons ahead of their steps; 0 makes each when it is due.
        sights: what the pictures look like that the rows tell of; None: nothing is seen.
    """

    def __init__(
        self,
        model: RoboEgoModel,
        source: GridSource,
        config: StageConfig,
        validation: Callable[[RoboEgoModel, int], Metrics],
        *,
        device: torch.device | None = None,
        pronounce: Pronounce | None = None,
        alike: Alike | None = None,
        crew: Crew = ALONE,
        workers: int = 0,
        sights: Sights | None = None,
    ) -> None:
        self.module = model
        self.config, self.validation = config, validation
        self.device = device or torch.device("cpu")
        lessons = Lessons(source, config, model.config, pronounce if config.phones else None, alike, crew, sights)
        self.lessons: Lessons | Ahead[Lesson] = Ahead(lessons, workers) if workers else lessons
        self.ear = Ear(model.config.backbone.width).to(self.device) if config.phones and pronounce is not None else None

    def batch(self, step: int) -> Lesson:
        """The rows of a step."""
        return self.lessons[step].to(self.device)

    def loss(self, batch: Lesson, step: int) -> tuple[Tensor, Metrics]:
        target, weights, model, c = batch.target, batch.weights, self.module, self.config
        text = target.text.flatten()
        parts: dict[str, tuple[float, Tensor]] = {}
        felt = model.felt(batch.given)
        h_BTW, middle_BTW = model.hidden(batch.given, felt, model.config.backbone.layers * 2 // 3).chunk(2, -1)
        h_MW = h_BTW.flatten(0, 1)
        if self.ear is not None:
            if step < 2 * c.ear_alone:
                middle_BTW = torch.lerp(middle_BTW.detach(), middle_BTW, max(step / c.ear_alone - 1, 0.0))
            parts["phones"] = c.phones, self.ear(middle_BTW, batch.known, batch.phones, batch.counts)
        parts["text"] = c.text, _mean(_cross_entropy(model.text_logits(h_MW), text), weights.text.flatten())
        if model.spoken_head is not None:
            by = advances(target.text, target.spoken, model.config).flatten()
            parts["spoken"] = c.spoken, _mean(_cross_entropy(model.spoken_head(h_MW), by), weights.spoken.flatten())
        if model.caption_head is not None:
            captions = batch.captions.flatten()
            each = _cross_entropy(model.caption_head(h_MW), captions.clamp(min=0))
            parts["captions"] = c.captions, _mean(each, (captions != UNKNOWN).float())
        if batch.weights.speak.any():
            parts |= self._speech(h_MW, batch)
        if c.aims and batch.given.glances is not None:
            parts["aims"] = c.aims, batch.given.glances.missed()
        if model.act_head is not None:
            parts["act"] = c.act, self._act(h_BTW, felt, batch)
        total = torch.stack([weight * value for weight, value in parts.values()]).sum()
        words = is_piece(text, model.config.layout.text) & (weights.text.flatten() > 0)
        metrics: dict[str, Any] = {name: value.detach() for name, (_, value) in parts.items()}
        return total, metrics | {"words": self._words(h_MW[words], text[words])}

    def _act(self, h_BTW: Tensor, felt_BTW: Tensor | None, batch: Lesson) -> Tensor:
        """Loss of what is done, a mean of all dimensions, by the frames' weights."""
        found_BTI = None if batch.given.glances is None else batch.given.glances.found
        logits = self.module.act_logits(h_BTW, felt_BTW, found_BTI)
        each = _cross_entropy(logits.flatten(0, 2), batch.target.act.flatten()).reshape(*h_BTW.shape[:2], -1).mean(-1)
        return _mean(each, batch.weights.act)

    def _speech(self, h_MW: Tensor, batch: Lesson) -> dict[str, tuple[float, Tensor]]:
        """The first codebook on all frames, the others on those that were chosen (by weight, so that each counts the same)."""
        layout, text, speech = self.module.config.layout.speak, batch.target.text.flatten(), self.module.speech
        codes_MK = apply_delays(batch.target.speak, layout.delays, layout.pad_id).flatten(0, 1)
        first = speech(h_MW, text, codes_MK[:, :1])[:, 0]
        parts = {
            "first_codebook": (self.config.first_codebook, _mean(_cross_entropy(first, codes_MK[:, 0]), batch.weights.speak.flatten()))
        }
        if batch.used:
            logits = speech(h_MW[batch.chosen], text[batch.chosen], codes_MK[batch.chosen])[: batch.used, 1:]
            wanted = codes_MK[batch.chosen[: batch.used], 1:]
            each_MK = _cross_entropy(logits.flatten(0, 1), wanted.flatten()).reshape(wanted.shape)
            parts["codebooks"] = self.config.codebooks, each_MK.mean(0) @ self._finer(wanted.shape[1], each_MK)
        return parts

    def _finer(self, codebooks: int, like: Tensor) -> Tensor:
        """Shares [K] of the codebooks after the first, together 1."""
        shares = self.config.finer ** torch.arange(codebooks, dtype=like.dtype, device=like.device)
        return shares / shares.sum()

    @torch.no_grad()
    def _words(self, h_NW: Tensor, text_N: Tensor) -> Tensor:
        """Loss of what is written, waits left out."""
        each = _cross_entropy(self.module.text_logits(h_NW), text_N)
        return each.sum() / max(len(each), 1)

    def after_step(self, step: int) -> None: ...

    def validate(self, step: int) -> Metrics:
        return self.validation(self.module, step)

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        backbone = self.module.backbone
        if self.module.glance is None or BEHIND in self.module.glance.places:
            return backbone, self.module.speech
        return *backbone.layers, self.module.speech  # between them is done what has other shapes in every step

    def helpers(self) -> tuple[nn.Module, ...]:
        return tuple(self._named_helpers().values())

    def _named_helpers(self) -> dict[str, nn.Module]:
        return {name: module for name, module in (("ear", self.ear),) if module is not None}

    def extra_state(self) -> dict[str, Any]:
        return {name: module.state_dict() for name, module in self._named_helpers().items()}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        for name, module in self._named_helpers().items():
            module.load_state_dict(state[name])

    def take_helpers(self, state: dict[str, Any]) -> None:
        """Begins with the helpers of another run, from its `extra_state`, where it trained the same ones."""
        for name, module in self._named_helpers().items():
            if name in state:
                module.load_state_dict(state[name])


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), target, reduction="none")


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
