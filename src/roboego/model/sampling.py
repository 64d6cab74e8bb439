"""Sampling: temperature, top-k, top-p, repetition penalty over a window, greedy; every slot with its own settings and seed."""
# B slots, C choices, P frames of the penalty window

from dataclasses import dataclass, field

import torch
from torch import Tensor

from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class StreamSampling:
    """Settings of one stream.

    Attributes:
        temperature: 0 takes the likeliest choice.
        top_k: choose among the k likeliest; 0: among all.
        top_p: choose among the likeliest that together have this probability.
        repetition_penalty: logits of what was chosen within `penalty_frames` are divided by it (multiplied where negative).
        penalized_codebooks: of the speech stream, the first so many are penalized.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    penalty_frames: int = 50
    penalized_codebooks: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.top_k < 0 or self.repetition_penalty <= 0 or self.penalty_frames < 0:
            raise InputError(
                "sampling needs temperature >= 0, 0 < top_p <= 1, top_k >= 0, repetition_penalty > 0 and penalty_frames >= 0, not " + repr(self)
            )


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Settings of a session."""

    text: StreamSampling = field(default_factory=StreamSampling)
    speak: StreamSampling = field(default_factory=lambda: StreamSampling(temperature=0.5, top_k=25))
    act: StreamSampling = field(default_factory=StreamSampling)
    seed: int = 0


@dataclass
class StreamSettings:
    """The same for all slots of a batch, as tensors [B] that a step can use without asking the host."""

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    penalty: Tensor
    penalty_frames: Tensor
    penalized_codebooks: Tensor
    # What any slot needs, known to the host: lets a step leave out the sort and the penalty.
    sorts: bool = False
    penalizes: bool = False

    @classmethod
    def of(cls, slots: list[StreamSampling], choices: int, device: torch.device) -> "StreamSettings":
        def column(values: list[float], dtype: torch.dtype) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        return cls(
            temperature=column([s.temperature for s in slots], torch.float32),
            top_k=column([s.top_k or choices for s in slots], torch.int64),
            top_p=column([s.top_p for s in slots], torch.float32),
            penalty=column([s.repetition_penalty for s in slots], torch.float32),
            penalty_frames=column([s.penalty_frames for s in slots], torch.int64),
            penalized_codebooks=column([s.penalized_codebooks for s in slots], torch.int64),
            sorts=any(s.temperature > 0 and (s.top_k or s.top_p < 1) for s in slots),
            penalizes=any(s.repetition_penalty != 1 for s in slots),
        )


def penalized(logits_BC: Tensor, history_BP: Tensor, valid_BP: Tensor, penalty_B: Tensor) -> Tensor:
    """Logits with the penalty on choices found in the valid part of the history (CTRL, arXiv 1909.05858)."""
    hit_BC = torch.zeros_like(logits_BC, dtype=torch.bool)
    # Invalid places write to an extra column that is dropped.
    padded = torch.cat([hit_BC, hit_BC[:, :1]], 1)
    index = torch.where(valid_BP, history_BP, logits_BC.shape[1])
    hit_BC = padded.scatter(1, index, True)[:, :-1]
    changed = torch.where(logits_BC > 0, logits_BC / penalty_B[:, None], logits_BC * penalty_B[:, None])
    return torch.where(hit_BC, changed, logits_BC)


def sample(logits_BC: Tensor, settings: StreamSettings, uniform_BC: Tensor | None) -> Tensor:
    """Chooses [B] from logits [B, C].

    Args:
        uniform_BC: random numbers in (0, 1), drawn per slot so that a slot's choices do not depend on its neighbours; None if all are greedy.
    """
    logits = logits_BC.float()
    if uniform_BC is None:
        return logits.argmax(-1)
    scaled = logits / settings.temperature.clamp(min=1e-5)[:, None]
    if settings.sorts:
        ordered, order = scaled.sort(-1, descending=True)
        rank = torch.arange(ordered.shape[1], device=ordered.device)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        keep = (rank < settings.top_k[:, None]) & (before < settings.top_p[:, None])
        scaled = torch.full_like(scaled, -torch.inf).scatter(1, order, ordered.masked_fill(~keep, -torch.inf))
    gumbel = -torch.log(-torch.log(uniform_BC.clamp(1e-7, 1 - 1e-7)))
    drawn = (scaled + gumbel).argmax(-1)
    return torch.where(settings.temperature > 0, drawn, logits.argmax(-1))
