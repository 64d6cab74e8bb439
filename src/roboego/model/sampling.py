"""Sampling: temperature, top-k, top-p, repetition penalty over a window, greedy; every slot with its own settings and seed."""
# B slots, C choices, P frames of the penalty window

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from roboego.errors import InputError

HISTORY_FRAMES = 64
"""Outputs that a session remembers for its repetition penalty; the oldest is the one being replaced."""


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
        finite = 0 <= self.temperature < float("inf") and 0 < self.repetition_penalty < float("inf")
        if not finite or not 0 < self.top_p <= 1 or self.top_k < 0 or self.penalty_frames < 0:
            wanted = "temperature >= 0, 0 < top_p <= 1, top_k >= 0, repetition_penalty > 0 and penalty_frames >= 0"
            raise InputError(f"sampling needs {wanted}, not {self!r}")
        if self.penalty_frames >= HISTORY_FRAMES:
            raise InputError(f"penalty_frames must be below {HISTORY_FRAMES}, not {self.penalty_frames}")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Settings of a session.

    Attributes:
        wait_or_write: text is chosen in two steps: whether to write, by the probability of waiting, then what. Otherwise the likeliest of
            many ways to begin must beat waiting by itself: a model that is sure to answer, and not with which word, would keep silent.
        overdue: of captions (and text in mode "asr", which is the same): how much of the chance that a word was due
            is carried on to the next frame while none is written; 0 to 1. A word whose frame is uncertain is not likely in any one of
            them, and would never be written.
        reply_overdue: the same of what Ego begins to write when all has been said, where `wait_or_write` is set: when to answer, when to
            offer help.
        cut_overdue: the same of what it writes while its words are still being said, such as the `<cut>` with which it breaks off.
    """

    text: StreamSampling = field(default_factory=StreamSampling)
    speak: StreamSampling = field(default_factory=lambda: StreamSampling(temperature=0.5, top_k=25))
    act: StreamSampling = field(default_factory=StreamSampling)
    seed: int = 0
    wait_or_write: bool = False
    overdue: float = 0.0
    reply_overdue: float = 0.0
    cut_overdue: float = 0.0

    def __post_init__(self) -> None:
        for name in ("overdue", "reply_overdue", "cut_overdue"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
        if (self.reply_overdue or self.cut_overdue) and not self.wait_or_write:
            raise InputError("reply_overdue and cut_overdue need wait_or_write: they are about whether to write, before what is written")


@dataclass
class StreamSettings:
    """The same for all slots of a batch: as tensors [B] that a step can use without asking the host, and what any slot needs.

    Attributes:
        chooses: [B] whether the slot samples; the others take the likeliest.
        mixed: only some slots sample.
        most: the largest number of choices that any slot with a limit looks at; 0: no slot has a limit.
        nucleus: some slot has a top-p.
        penalizes: how many codebooks any slot penalizes; 1 for the text.
    """

    temperature: Tensor
    chooses: Tensor
    top_k: Tensor
    top_p: Tensor
    penalty: Tensor
    penalty_frames: Tensor
    penalized_codebooks: Tensor
    samples: bool
    mixed: bool
    most: int
    nucleus: bool
    penalizes: int

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """The settings [B] as numpy arrays, in the order of the attributes; only on a CPU."""
        tensors = self.chooses, self.temperature, self.top_k, self.top_p, self.penalty, self.penalty_frames, self.penalized_codebooks
        return tuple(t.numpy() for t in tensors)

    @classmethod
    def of(cls, slots: list[StreamSampling], choices: int, device: torch.device, *, codebooks: bool = False) -> "StreamSettings":
        """Settings of a stream with so many choices.

        Args:
            codebooks: whether it is the speech stream, of which `penalized_codebooks` are penalized.
        """

        def column(values: list[float], dtype: torch.dtype) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        sampled = [s for s in slots if s.temperature > 0]
        limited = any(s.top_k or s.top_p < 1 for s in sampled)
        return cls(
            temperature=column([s.temperature or 1.0 for s in slots], torch.float32),
            chooses=column([s.temperature > 0 for s in slots], torch.bool),
            top_k=column([min(s.top_k or choices, choices) if s.temperature else 1 for s in slots], torch.int64),
            top_p=column([s.top_p for s in slots], torch.float32),
            penalty=column([s.repetition_penalty for s in slots], torch.float32),
            penalty_frames=column([s.penalty_frames for s in slots], torch.int64),
            penalized_codebooks=column([s.penalized_codebooks for s in slots], torch.int64),
            samples=bool(sampled),
            mixed=0 < len(sampled) < len(slots),
            most=max(min(s.top_k or choices, choices) for s in sampled) if limited else 0,
            nucleus=any(s.top_p < 1 for s in sampled),
            penalizes=max((s.penalized_codebooks if codebooks else 1 for s in slots if s.repetition_penalty != 1), default=0),
        )


@dataclass
class Past:
    """The outputs that a penalty looks at: `place` [B, P] in the rings, `age` [P] in frames, `known` [B, P] whether there is one."""

    place: Tensor
    age: Tensor
    known: Tensor

    @classmethod
    def of(cls, frame_B: Tensor) -> "Past":
        """Before the step `frame`."""
        age = torch.arange(HISTORY_FRAMES, device=frame_B.device)
        return cls((frame_B[:, None] - 1 - age) % HISTORY_FRAMES, age, age < frame_B[:, None])


@dataclass
class StepSettings:
    """Sampling of all slots, and random numbers [B, V + K C + D A] for one step (None: all greedy).

    Attributes:
        wait_or_write: [B] (bool) as in `Sampling`; None: no slot.
        overdue, reply_overdue, cut_overdue: [B] as in `Sampling`; None: 0 for all slots.
        certainty: whether the output is to tell how sure the model was of what it wrote.
    """

    text: StreamSettings
    speak: StreamSettings
    act: StreamSettings
    uniform: Tensor | None = None
    wait_or_write: Tensor | None = None
    overdue: Tensor | None = None
    reply_overdue: Tensor | None = None
    cut_overdue: Tensor | None = None
    certainty: bool = False

    def overdue_now(self, speaking_B: Tensor, waits_B: Tensor) -> Tensor:
        """[B] how much of what was due before counts: where something is still being said, and elsewhere; where Ego writes, nothing."""
        cut, reply = (0.0 if given is None else given for given in (self.cut_overdue, self.reply_overdue))
        return torch.where(waits_B, torch.where(speaking_B, cut, reply), 0.0)


def less_repeated(logits_BC: Tensor, outputs_BP: Tensor, frame_B: Tensor, settings: StreamSettings) -> Tensor:
    """Logits before the step `frame`, penalized by what a ring holds of the outputs before it."""
    past = Past.of(frame_B)
    valid = past.known & (past.age < settings.penalty_frames[:, None])
    return penalized(logits_BC, outputs_BP.gather(1, past.place), valid, settings.penalty)


def fill_uniform(row: Tensor, blocks: tuple[int, int, int], sampling: Sampling, generator: torch.Generator) -> None:
    """Draws a step's random numbers of one slot: a block each for text, speech and actions, of which only those that sample are drawn."""
    for part, stream in zip(row.split(blocks), (sampling.text, sampling.speak, sampling.act), strict=True):  # type: ignore[no-untyped-call]
        if stream.temperature > 0 and len(part):
            part.uniform_(generator=generator)


def gumbel(uniform: Tensor) -> Tensor:
    """Noise whose argmax, added to logits, is a sample (Gumbel's trick), from random numbers in [0, 1)."""
    return uniform.clamp(1e-7, 1 - 1e-7).log_().neg_().log_().neg_()


def penalized(logits_BC: Tensor, history_BP: Tensor, valid_BP: Tensor, penalty_B: Tensor) -> Tensor:
    """Logits with the penalty on choices found in the valid part of the history (CTRL, arXiv 1909.05858)."""
    hit_BC = torch.zeros_like(logits_BC, dtype=torch.bool)
    # Invalid places write to an extra column that is dropped.
    padded = torch.cat([hit_BC, hit_BC[:, :1]], 1)
    index = torch.where(valid_BP, history_BP, logits_BC.shape[1])
    hit_BC = padded.scatter(1, index, True)[:, :-1]
    changed = torch.where(logits_BC > 0, logits_BC / penalty_B[:, None], logits_BC * penalty_B[:, None])
    return torch.where(hit_BC, changed, logits_BC)


def wait_or_write(logits_BC: Tensor, wait: int, settings: StreamSettings, slots_B: Tensor) -> Tensor:
    """Logits by which `sample` chooses first between `wait` and all else, each at the slot's temperature, then among all else."""
    logits = logits_BC.float()
    written = logits.clone()
    written[:, wait] = -torch.inf
    soft_B = settings.temperature * (written / settings.temperature[:, None]).logsumexp(-1)
    written_B = torch.where(settings.chooses, soft_B, written.amax(-1))
    shifted = logits[:, wait] + written_B - written.logsumexp(-1)
    written[:, wait] = torch.where(slots_B, shifted, logits[:, wait])
    return written


def less_patient(logits_BC: Tensor, wait: int, silent_B: Tensor, overdue_B: Tensor) -> tuple[Tensor, Tensor]:
    """Logits in which waiting is only as likely as that nothing is due by now, and the log probability [B] of that.

    Args:
        silent_B: the latter, after the frame before. overdue_B: how much of it counts, as `Sampling.reply_overdue`
            and `cut_overdue`; 0 leaves logits as they are.
    """
    logits = logits_BC.float()
    written, written_B, still_B = _nothing_due(logits, wait, silent_B, overdue_B)
    surest = -1e-6  # beyond it float32 cannot tell a probability from one
    waiting_B = written_B + still_B - (-torch.expm1(still_B.clamp(max=surest))).log()
    written[:, wait] = torch.where(overdue_B > 0, waiting_B, logits[:, wait])
    return written, still_B


def due(logits_BC: Tensor, wait: int, unwritten_B: Tensor, overdue_B: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a word is due in this frame [B], and the log probability [B] that none was due since the last was written.

    Args:
        unwritten_B: the latter, after the frame before. overdue_B: how much of it counts, as in `Sampling`; with 0 a word is due if writing
            is likelier than waiting.
    """
    _, _, still_B = _nothing_due(logits_BC.float(), wait, unwritten_B, overdue_B)
    due_B = still_B < -math.log(2)
    return due_B, torch.where(due_B, 0.0, still_B)


def _nothing_due(logits_BC: Tensor, wait: int, before_B: Tensor, overdue_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [B, C] without waiting, the log weight [B] of all of them, and the log probability [B] that nothing was due up to now."""
    written = logits_BC.clone()
    written[:, wait] = -torch.inf
    written_B = written.logsumexp(-1)
    return written, written_B, overdue_B * before_B - F.softplus(written_B - logits_BC[:, wait])


def certainty(logits_BC: Tensor, chosen_B: Tensor, wait: int) -> Tensor:
    """Probability [B] of what was written among all that could have been, at temperature 1; 1 where nothing was.

    Whether to write is another question, which does not count: a word may be sure, and its moment not.
    """
    logits = logits_BC.float()
    chosen_from = logits.clone()
    chosen_from[:, wait] = -torch.inf
    probability_B = (logits.gather(1, chosen_B[:, None])[:, 0] - chosen_from.logsumexp(-1)).exp()
    return torch.where(chosen_B == wait, 1.0, probability_B)


def sample(logits_BC: Tensor, settings: StreamSettings, noise_BC: Tensor | None) -> Tensor:
    """Chooses [B] from logits [B, C].

    Args:
        noise_BC: Gumbel noise, drawn per slot so that a slot's choices do not depend on its neighbours; None if all take the likeliest.
    """
    logits = logits_BC.float()
    if noise_BC is None or not settings.samples:
        return logits.argmax(-1)
    scaled = logits / settings.temperature[:, None]
    if settings.most:
        scaled = scaled.masked_fill_(scaled < _lowest_kept(scaled, settings), -torch.inf)
    drawn = scaled.add_(noise_BC).argmax(-1)
    return torch.where(settings.chooses, drawn, logits.argmax(-1)) if settings.mixed else drawn


def _lowest_kept(scaled_BC: Tensor, settings: StreamSettings) -> Tensor:
    """The least logit [B, 1] that is among the top k and the top p. (By value, not by rank: ties do not depend on neighbours' settings.)"""
    best_BN = scaled_BC.topk(settings.most, -1).values
    last_B = settings.top_k - 1
    if settings.nucleus:
        share_BN = (best_BN - scaled_BC.logsumexp(-1, keepdim=True)).exp_()
        before_BN = share_BN.cumsum(-1) - share_BN
        last_B = torch.minimum(last_B, (before_BN < settings.top_p[:, None]).sum(-1) - 1)
    return best_BN.gather(1, last_B[:, None])
