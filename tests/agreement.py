"""How often one model's steps choose what another's whole grids choose, both being told the same conversation."""
# B rows, T frames, N samples, K codebooks, D action dimensions, V text ids

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from roboego.model.loaded import LoadedModel
from roboego.model.model import Batch, RoboEgoModel, StepInput, StepOutput, advances
from roboego.model.rollout import roll_out, step_settings
from roboego.model.sampling import Sampling, StreamSampling
from roboego.model.state import ModelState
from roboego.streams.delays import apply_delays

FLAT = 1e6
"""A temperature at which random numbers decide alone, so that they can say which code is taken."""
TOLD = Sampling(speak=StreamSampling(temperature=FLAT), act=StreamSampling(temperature=FLAT))


@dataclass(kw_only=True)
class Choices:
    """The likeliest of every stream; None of streams that a model has not.

    Attributes:
        text, caption: [B, T]; first whether to write, then what, for captions always, for text if the model's sampling does so.
        spoken: [B, T] by how many tokens `spoken` grows.
        speak: [B, T, K] codes, as they are sampled, delays still applied; act: [B, T, D].
    """

    text: Tensor
    speak: Tensor
    spoken: Tensor | None = None
    caption: Tensor | None = None
    act: Tensor | None = None


def conversation(loaded: LoadedModel, listen_BTK: Tensor) -> Batch:
    """What a model does in mode "duplex" while it hears these codes; the last frames, whose codes are not complete, are left out."""
    layout = loaded.model.config.layout
    lag = layout.speak.max_delay
    read = torch.full(listen_BTK.shape[:2], layout.text.wait)
    read[:, 0] = layout.text.wait if layout.text.duplex is None else layout.text.duplex
    out = roll_out(loaded.model, listen_BTK, read, sampling=loaded.sampling)
    end = read.shape[1] - lag
    listen, read, text, spoken, act, caption = (
        values[:, :end] for values in (listen_BTK, read, out.text, out.spoken, out.act, out.caption)
    )
    return Batch(text, read, out.speak[:, lag:], listen, spoken, act, caption)


def agreement(one: Choices, other: Choices) -> dict[str, float]:
    """Share of choices that are the same, by stream."""
    pairs = {f.name: (getattr(one, f.name), getattr(other, f.name)) for f in fields(Choices)}
    return {name: float((a == b).float().mean()) for name, (a, b) in pairs.items() if a is not None}


@torch.no_grad()
def whole(loaded: LoadedModel, batch: Batch) -> Choices:
    """Choices from all of a conversation at once."""
    config, logits = loaded.model.config, loaded.model(batch)
    return Choices(
        text=_written(logits.text, config.layout.text.wait, first=loaded.sampling.wait_or_write),
        speak=_codes(loaded.model, logits.speak),
        spoken=None if logits.spoken is None else logits.spoken.argmax(-1),
        caption=None if logits.caption is None else _written(logits.caption, config.layout.text.wait, first=True),
        act=logits.act.argmax(-1) if config.layout.action_dims else None,
    )


@torch.no_grad()
def streamed(loaded: LoadedModel, batch: Batch, *, native: bool = True) -> Choices:
    """The same from one step after another, each being told what the steps before it and its own text and codes were."""
    model = loaded.model
    teacher, state = Teacher(model, batch), model.initial_state(len(batch.text), native=native)
    seen = _watched(state)
    text, speak, spoken, caption, act = [], [], [], [], []
    for t in range(batch.text.shape[1]):
        out, state = teacher.step(t, state)
        h, logits = seen.pop()
        text.append(logits * model.config.output_scale)
        speak.append(torch.stack(list(state.depth.results), 1))
        if model.spoken_head is not None:
            spoken.append(model.spoken_head(h).argmax(-1))
        if model.caption_head is not None:
            caption.append(out.caption)
        if model.act_head is not None:
            act.append(model.act_logits(h, model.fusion.felt_now(None, len(h)), None).argmax(-1))
    return Choices(
        text=_written(torch.stack(text, 1), model.config.layout.text.wait, first=loaded.sampling.wait_or_write),
        speak=_codes(model, torch.stack(speak, 1)),
        spoken=torch.stack(spoken, 1) if spoken else None,
        caption=torch.stack(caption, 1) if caption else None,
        act=torch.stack(act, 1) if act else None,
    )


class Teacher:
    """Steps a model through a conversation that has been held."""

    def __init__(self, model: RoboEgoModel, batch: Batch) -> None:
        assert batch.pictures is None
        layout = model.config.layout
        self.model, self.batch, self.layout = model, batch, layout
        self.settings = step_settings(model, [TOLD] * len(batch.text))
        self.codes = apply_delays(batch.speak, layout.speak.delays, layout.speak.pad_id)
        self.by = advances(batch.text, batch.spoken, model.config)

    def step(self, t: int, state: ModelState) -> tuple[StepOutput, ModelState]:
        """Frame `t`: what the model put out, and the state as if it had put out what it is told."""
        batch, pointer = self.batch, state.pointer
        self.settings.uniform = self._uniform(t)
        given = StepInput(batch.listen[:, t], batch.read[:, t], batch.text[:, t])
        if batch.look is not None and batch.seen is not None:
            given.look, given.seen = batch.look[:, t], batch.seen[:, t]
        out, after = self.model.step(given, state, self.settings)
        assert torch.equal(out.raw_speak, self.codes[:, t])
        assert torch.equal(out.act, batch.act[:, t])
        if batch.caption is not None:
            after.caption = batch.caption[:, t]
        if self.model.spoken_head is not None:
            after.pointer = pointer.advanced(batch.text[:, t], self.by[:, t], self.layout.text)
            assert torch.equal(after.pointer.spoken, batch.spoken[:, t])
        return out, after

    def _uniform(self, t: int) -> Tensor:
        """Random numbers that make the frame's codes and actions be taken."""
        text, speak, act = (torch.zeros(len(self.batch.text), width) for width in self.model.uniform_blocks())
        codes, bins = self.codes[:, t], self.batch.act[:, t]
        speak.view(*codes.shape, -1).scatter_(2, codes[..., None], 1.0)
        if bins.shape[1]:
            act.view(*bins.shape, -1).scatter_(2, bins[..., None], 1.0)
        return torch.cat([text, speak, act], 1)


def _watched(state: ModelState) -> list[tuple[Tensor, Tensor]]:
    """Hidden states [B, W] of the steps and logits [B, V] of their texts, as they are computed."""
    seen: list[tuple[Tensor, Tensor]] = []
    text_head = state.text_head

    def watched(h: Tensor) -> Tensor:
        logits = text_head(h)
        seen.append((h.clone(), logits.clone()))
        return logits

    state.text_head = watched
    return seen


def _written(logits_BTV: Tensor, wait: int, *, first: bool) -> Tensor:
    """The likeliest [B, T]; `first` whether anything is written, then what."""
    if not first:
        return logits_BTV.argmax(-1)
    words = logits_BTV.float().clone()
    words[..., wait] = -torch.inf
    return torch.where(words.logsumexp(-1) > logits_BTV[..., wait], words.argmax(-1), wait)


def _codes(model: RoboEgoModel, logits_BTKC: Tensor) -> Tensor:
    """The likeliest codes [B, T, K]; the first frames, in which a delayed codebook has none, are left out."""
    layout = model.config.layout.speak
    return logits_BTKC[:, layout.max_delay :, :, : layout.entries].argmax(-1)
