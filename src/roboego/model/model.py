"""RoboEgoModel: fusion, backbone and the decoders; whole grids in training, one frame at a time in the engine."""
# B batch or slots, T frames, K codebooks, D action dimensions, V text ids, C codes, A bins, S fused streams, W model width

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.backbone import Backbone
from roboego.model.cache import RingCache
from roboego.model.config import ModelConfig
from roboego.model.context_vision import Pictures, interleave
from roboego.model.fusion import Fusion, stream_sizes
from roboego.model.sampling import StreamSettings, penalized, sample
from roboego.model.speech_decoder import SpeechDecoder
from roboego.model.state import ModelState
from roboego.streams.delays import apply_delays
from roboego.streams.pointer import is_piece, pointer_inputs


@dataclass
class Batch:
    """Grids of equal length as tensors; see `roboego.streams.grid.FrameGrid`.

    Attributes:
        text, read, spoken: [B, T]; speak, listen: [B, T, K]; act: [B, T, D].
        look: [B, T, V] the latest picture's vector at each frame and `seen` [B, T], whether there is one; None without sight.
        pictures: pictures whose tokens stand between frames; None without any.
    """

    text: Tensor
    read: Tensor
    speak: Tensor
    listen: Tensor
    spoken: Tensor
    act: Tensor
    look: Tensor | None = None
    seen: Tensor | None = None
    pictures: Pictures | None = None


@dataclass
class Logits:
    """text [B, T, V], spoken [B, T, max_advance + 1] or None, speak [B, T, K, C], act [B, T, D, A]."""

    text: Tensor
    spoken: Tensor | None
    speak: Tensor
    act: Tensor


@dataclass
class StepInput:
    """What one step is given.

    Attributes:
        listen: [B, K] codes heard since the last step.
        read: [B] a token to read, `wait` if there is none.
        forced_text: [B] a token to write whatever the model would; -1 leaves it the choice.
        look, seen: [B, V] and [B], as in `Batch`.
    """

    listen: Tensor
    read: Tensor
    forced_text: Tensor
    look: Tensor | None = None
    seen: Tensor | None = None


@dataclass
class StepOutput:
    """What one step puts out.

    Attributes:
        text: [B]; speak: [B, K] codes of one frame, complete, `max_delay` frames old; act: [B, D]; spoken: [B] `spoken_upto`.
        raw_speak: [B, K] the codes as they were sampled, delays still applied.
    """

    text: Tensor
    speak: Tensor
    raw_speak: Tensor
    act: Tensor
    spoken: Tensor


@dataclass
class StepSettings:
    """Sampling of all slots, and random numbers [B, V + K C + D A] for one step (None: all greedy)."""

    text: StreamSettings
    speak: StreamSettings
    act: StreamSettings
    uniform: Tensor | None = None


class RoboEgoModel(nn.Module):
    """The model that a checkpoint folder holds."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        layout, width = config.layout, config.backbone.width
        self.fusion = Fusion(config)
        self.backbone = Backbone(config.backbone)
        self.text_head = None if config.tied_head else nn.Linear(width, layout.text.ids, bias=False)
        self.spoken_head = nn.Linear(width, config.max_advance + 1) if config.spoken_head else None
        self.speech = SpeechDecoder(config)
        self.act_head = nn.Linear(width, layout.action_dims * layout.action_bins) if layout.action_dims else None
        self.streams = len(stream_sizes(config))

    @property
    def device(self) -> torch.device:
        return self.fusion.table.device

    def materialize_buffers(self) -> None:
        """Fills the buffers that no checkpoint holds, after a construction on the meta device."""
        self.fusion.offsets = self.fusion.offsets_of(self.config)

    # -- whole grids -------------------------------------------------------------------------

    def step_tokens(self, batch: Batch) -> Tensor:
        """The tokens [B, T, S] that steps 0 .. T-1 are given."""
        layout = self.config.layout
        if batch.speak.shape[-1] != layout.speak.codebooks or batch.listen.shape[-1] != layout.listen.codebooks:
            raise ShapeError(f"the model has {layout.speak.codebooks} + {layout.listen.codebooks} codebooks, the grid {batch.speak.shape[-1]} + {batch.listen.shape[-1]}")

        def before(value: Tensor, fill: int) -> Tensor:
            """Outputs of the step before."""
            first = value.new_full((value.shape[0], 1, *value.shape[2:]), fill)
            return torch.cat([first, value[:, :-1]], 1)

        speak = before(apply_delays(batch.speak, layout.speak.delays, layout.speak.pad_id), layout.speak.pad_id)
        listen = apply_delays(batch.listen, layout.listen.delays, layout.listen.pad_id)
        if not layout.first_listen:
            listen = torch.cat([torch.full_like(listen[:, :1], layout.listen.pad_id), listen[:, 1:]], 1)
        parts = [before(batch.text, layout.text.wait)[..., None], speak, listen]
        if layout.reads:
            parts.append(batch.read[..., None])
        if self.spoken_head is not None:
            pointer = pointer_inputs(batch.text, batch.spoken, layout.text)
            parts += [pointer.token[..., None], pointer.after[..., None], pointer.hold[..., None]]
        if layout.action_dims:
            parts.append(before(batch.act, layout.action_bins))
        return torch.cat(parts, -1)

    def hidden(self, batch: Batch) -> Tensor:
        """Hidden states h [B, T, W] of grids that start at position 0."""
        return self.hidden_from_tokens(self.step_tokens(batch), batch.look, batch.seen, batch.pictures)

    def hidden_from_tokens(
        self, tokens_BTS: Tensor, look_BTV: Tensor | None = None, seen_BT: Tensor | None = None, pictures: Pictures | None = None
    ) -> Tensor:
        """The same from the tokens that the steps are given, in the order of `stream_sizes`, delays applied."""
        size = tokens_BTS.shape[:2]
        look = None if look_BTV is None else look_BTV.flatten(0, 1)
        seen = None if seen_BT is None else seen_BT.flatten()
        x_BTD = self.fusion(tokens_BTS.flatten(0, 1), look, seen).reshape(*size, -1)
        if pictures is None:
            return self.backbone(x_BTD)  # type: ignore[no-any-return]
        seen_NMD = self.fusion.picture_positions(pictures.tokens)
        x_BLD, place_BT = interleave(x_BTD, seen_NMD, pictures.row, pictures.frame)
        return self.backbone(x_BLD).gather(1, place_BT[..., None].expand(-1, -1, x_BLD.shape[-1]))  # type: ignore[no-any-return]

    def text_logits(self, h: Tensor) -> Tensor:
        weight = self.fusion.text_table if self.text_head is None else self.text_head.weight
        return F.linear(h, weight) * self.config.output_scale

    def forward(self, batch: Batch) -> Logits:
        """Teacher-forced logits of every stream."""
        h = self.hidden(batch)
        size, layout = h.shape[:2], self.config.layout
        codes = apply_delays(batch.speak, layout.speak.delays, layout.speak.pad_id)
        speak = self.speech(h.flatten(0, 1), batch.text.flatten(), codes.flatten(0, 1))
        return Logits(
            text=self.text_logits(h),
            spoken=None if self.spoken_head is None else self.spoken_head(h),
            speak=speak.reshape(*size, *speak.shape[1:]),
            act=self.act_logits(h),
        )

    def act_logits(self, h: Tensor) -> Tensor:
        """Logits [..., D, A] of the action stream; D = 0 without one."""
        layout = self.config.layout
        if self.act_head is None:
            return h.new_zeros(*h.shape[:-1], 0, 0)
        return self.act_head(h).unflatten(-1, (layout.action_dims, layout.action_bins))  # type: ignore[no-any-return]

    # -- one frame at a time -----------------------------------------------------------------

    def initial_state(self, slots: int) -> ModelState:
        return ModelState.initial(self.config, self.backbone.initial_state(slots))

    def uniform_width(self) -> int:
        """Random numbers that a step needs for each slot."""
        layout = self.config.layout
        return layout.text.ids + layout.speak.codebooks * layout.speak.ids + layout.action_dims * layout.action_bins

    @torch.no_grad()
    def step(self, given: StepInput, state: ModelState, settings: StepSettings) -> tuple[StepOutput, ModelState]:
        """One frame of every slot: hears, looks and reads, then writes, speaks and acts."""
        h, cache, heard = self._perceive(given, state)
        layout = self.config.layout
        uniform = settings.uniform
        frames = state.texts.shape[1]
        age = torch.arange(frames, device=h.device)
        recent = (state.frame[:, None] - 1 - age) % frames
        known = age < state.frame[:, None]

        text_logits = self.text_logits(h)
        if settings.text.penalizes:
            valid = known & (age < settings.text.penalty_frames[:, None])
            text_logits = penalized(text_logits, state.texts.gather(1, recent), valid, settings.text.penalty)
        text = sample(text_logits, settings.text, None if uniform is None else uniform[:, : layout.text.ids])
        text = torch.where(given.forced_text >= 0, given.forced_text, text)

        pointer = state.pointer
        if self.spoken_head is not None:
            by = self.spoken_head(h).argmax(-1)
            pointer = pointer.advanced(text, by, layout.text)

        raw = self._speak(h, text, state, settings, recent, known)
        act = self._act(h, settings)
        said = torch.cat([state.said[:, 1:], raw[:, None]], 1)
        delays = torch.tensor(layout.speak.delays, device=h.device)
        complete = said[:, delays, torch.arange(layout.speak.codebooks, device=h.device)]
        slot = torch.arange(len(text), device=h.device)
        texts, codes = state.texts.clone(), state.codes.clone()
        texts[slot, state.frame % frames] = text
        codes[slot, state.frame % frames] = raw
        after = ModelState(cache, pointer, text, raw, act, heard, said, texts, codes, state.frame + 1, self.config)
        return StepOutput(text, complete, raw, act, pointer.spoken), after

    @torch.no_grad()
    def see(self, tokens_BMV: Tensor, mask_B: Tensor, state: ModelState, *, chunk: int = 16) -> ModelState:
        """Context vision: a picture's tokens (or a part of them) become extra positions of the slots that asked, before their next step.

        Other slots, frames, delays and the pointer are not touched; only rings and positions of the asking slots move on.

        Args:
            tokens_BMV: tokens of each slot's picture; those of slots that did not ask are not looked at.
            mask_B: [B] (bool) which slots asked.
            chunk: positions that are computed at once.
        Raises:
            ShapeError: the model has no context vision, or takes other tokens.
        """
        slots_A = mask_B.nonzero()[:, 0]
        x_AMD = self.fusion.picture_positions(tokens_BMV[slots_A])
        cache = state.cache
        if len(slots_A):
            for part in x_AMD.split(chunk, 1):  # type: ignore[no-untyped-call]
                _, cache = self.backbone.extend(part, cache, slots_A)
        return replace(state, cache=cache)

    def _perceive(self, given: StepInput, state: ModelState) -> tuple[Tensor, RingCache, Tensor]:
        """Fuses the step's inputs and runs the backbone: hidden state [B, W], cache, and what was heard."""
        layout = self.config.layout
        listen_now = given.listen
        heard = torch.cat([state.heard[:, 1:], listen_now[:, None]], 1)
        delays = torch.tensor(layout.listen.delays, device=heard.device)
        books = torch.arange(layout.listen.codebooks, device=heard.device)
        listen = heard[:, layout.listen.max_delay - delays, books]
        if not layout.first_listen:
            listen = torch.where(state.frame[:, None] == 0, layout.listen.pad_id, listen)
        parts = [state.text[:, None], state.speak, listen]
        if layout.reads:
            parts.append(given.read[:, None])
        if self.spoken_head is not None:
            pointer = state.pointer.inputs()
            parts += [pointer.token[:, None], pointer.after[:, None], pointer.hold[:, None]]
        if layout.action_dims:
            parts.append(state.act)
        x = self.fusion(torch.cat(parts, 1), given.look, given.seen)
        h, cache = self.backbone.step(x, state.cache)
        return h, cache, heard

    def _speak(self, h: Tensor, text: Tensor, state: ModelState, settings: StepSettings, recent: Tensor, known: Tensor) -> Tensor:
        """Samples the codebooks of one frame [B, K], the first `delay` frames of a delayed codebook being pads."""
        layout = self.config.layout.speak
        depth = self.speech.begin(h, text)
        previous: Tensor | None = None
        offset = self.config.layout.text.ids
        history = state.codes.gather(1, recent[..., None].expand(-1, -1, layout.codebooks)) if settings.speak.penalizes else None
        codes = []
        for k in range(layout.codebooks):
            logits = self.speech.step(k, previous, depth)[:, : layout.entries]
            if history is not None:
                valid = known & (torch.arange(known.shape[1], device=h.device) < settings.speak.penalty_frames[:, None])
                valid = valid & (k < settings.speak.penalized_codebooks)[:, None]
                logits = penalized(logits, history[..., k], valid, settings.speak.penalty)
            start = offset + k * layout.ids
            uniform = None if settings.uniform is None else settings.uniform[:, start : start + layout.entries]
            code = sample(logits, settings.speak, uniform)
            if layout.delays[k]:
                code = torch.where(state.frame < layout.delays[k], layout.pad_id, code)
            codes.append(code)
            previous = code
        return torch.stack(codes, 1)

    def _act(self, h: Tensor, settings: StepSettings) -> Tensor:
        layout = self.config.layout
        if self.act_head is None:
            return h.new_zeros(len(h), 0, dtype=torch.int64)
        logits = self.act_logits(h)
        start = layout.text.ids + layout.speak.codebooks * layout.speak.ids
        bins = layout.action_bins
        chosen = []
        for d in range(layout.action_dims):
            uniform = None if settings.uniform is None else settings.uniform[:, start + d * bins : start + (d + 1) * bins]
            chosen.append(sample(logits[:, d], settings.act, uniform))
        return torch.stack(chosen, 1)


def advances(text_BT: Tensor, spoken_BT: Tensor, config: ModelConfig) -> Tensor:
    """Targets [B, T] of the spoken head: by how many tokens `spoken` grew in each frame."""
    piece = is_piece(text_BT, config.layout.text)
    starts = piece & ~F.pad(piece[:, :-1], (1, 0), value=False)
    before = F.pad(spoken_BT[:, :-1], (1, 0))
    return torch.where(starts, spoken_BT, spoken_BT - before).clamp(0, config.max_advance)
