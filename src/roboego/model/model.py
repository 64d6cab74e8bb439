"""RoboEgoModel: fusion, backbone and the decoders; whole grids in training, one frame at a time in the engine."""
# B batch or slots, T frames, K codebooks, D action dimensions, V text ids, C codes, A bins, S fused streams, W model width

from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.action_decoder import ActionDecoder
from roboego.model.backbone import Backbone
from roboego.model.cache import RingCache
from roboego.model.config import ModelConfig
from roboego.model.context_vision import Pictures, frames_of, interleave
from roboego.model.fusion import Fusion, stream_sizes
from roboego.model.glance import BEHIND, Details, Glance, Glances
from roboego.model.native import pointer as native_pointer
from roboego.model.native.backbone import NativeStack
from roboego.model.native.linear import NativeLinear
from roboego.model.native.weights import DTYPES
from roboego.model.sampling import (
    HISTORY_FRAMES,
    StepSettings,
    certainty,
    due,
    gumbel,
    less_patient,
    less_repeated,
    sample,
    wait_or_write,
)
from roboego.model.senses import FeltByName, NowByName
from roboego.model.speech_decoder import SpeechDecoder
from roboego.model.state import ModelState, TextHead
from roboego.streams.delays import apply_delays
from roboego.streams.layout import SoundLayout
from roboego.streams.modes import is_mode, mode_of, with_mode
from roboego.streams.pointer import is_said, pointer_inputs


@dataclass
class Batch:
    """Grids of equal length as tensors; see `roboego.streams.grid.FrameGrid`.

    Attributes:
        text, read, spoken: [B, T]; speak, listen: [B, T, K]; act: [B, T, D].
        caption: [B, T] what is heard, written down; None without such a stream.
        look: [B, T, V] the latest picture's vector at each frame and `seen` [B, T], whether there is one; None without sight.
        pictures: pictures whose tokens stand between frames; None without any.
        glances: pictures at whose details frames glance; None without any.
        senses: what is felt, by name; None: nothing.
    """

    text: Tensor
    read: Tensor
    speak: Tensor
    listen: Tensor
    spoken: Tensor
    act: Tensor
    caption: Tensor | None = None
    look: Tensor | None = None
    seen: Tensor | None = None
    pictures: Pictures | None = None
    glances: Glances | None = None
    senses: FeltByName | None = None


@dataclass
class Logits:
    """text [B, T, V], spoken [B, T, max_advance + 1] or None, speak [B, T, K, C], act [B, T, D, A], caption [B, T, V] or None."""

    text: Tensor
    spoken: Tensor | None
    speak: Tensor
    act: Tensor
    caption: Tensor | None


@dataclass
class StepInput:
    """What one step is given.

    Attributes:
        listen: [B, K] codes heard since the last step.
        read: [B] a token to read, `wait` if there is none; the token of a mode holds until the next one.
        forced_text: [B] a token to write whatever the model would; -1 leaves it the choice.
        look, seen: [B, V] and [B], as in `Batch`.
        details: the pictures to glance at; None without any.
        senses: what is felt, by name; None: nothing.
        active: [B] (bool) the slots that take this step; the others keep their state, and their output is arbitrary. None: all do.
    """

    listen: Tensor
    read: Tensor
    forced_text: Tensor
    look: Tensor | None = None
    seen: Tensor | None = None
    active: Tensor | None = None
    details: Details | None = None
    senses: NowByName | None = None


@dataclass
class StepOutput:
    """What one step puts out.

    Attributes:
        text: [B]; speak: [B, K] codes of one frame, complete, `max_delay` frames old; act: [B, D]; spoken: [B] `spoken_upto`.
        raw_speak: [B, K] the codes as they were sampled, delays still applied.
        caption: [B] what is heard, written down; waits without such a stream.
        certainty: [B] as of `sampling.certainty`; None unless it was asked for.
    """

    text: Tensor
    speak: Tensor
    raw_speak: Tensor
    act: Tensor
    spoken: Tensor
    caption: Tensor
    certainty: Tensor | None = None


class RoboEgoModel(nn.Module):
    """The model that a checkpoint folder holds."""

    listen_places: Tensor
    speak_places: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        layout, width = config.layout, config.backbone.width
        self.fusion = Fusion(config)
        self.backbone = Backbone(config.backbone)
        self.glance = None if config.glance is None else Glance(width, config.glance)
        self.text_head = None if config.tied_head else nn.Linear(width, layout.text.ids, bias=False)
        self.caption_head = nn.Linear(width, layout.text.ids, bias=False) if config.caption_head else None
        self.spoken_head = nn.Linear(width, config.max_advance + 1) if config.spoken_head else None
        self.speech = SpeechDecoder(config)
        self.act_head = ActionDecoder(config) if layout.action_dims else None
        self.streams = len(stream_sizes(config))
        self.register_buffer("listen_places", self._places(layout.listen, undo=False), persistent=False)
        self.register_buffer("speak_places", self._places(layout.speak, undo=True), persistent=False)

    @property
    def device(self) -> torch.device:
        return self.fusion.table.device

    def materialize_buffers(self) -> None:
        """Fills the buffers that no checkpoint holds, after a construction on the meta device."""
        self.fusion.offsets = self.fusion.offsets_of(self.config)
        for sense in self.fusion.senses.values():
            sense.scales = torch.tensor(sense.config.scales, device="cpu")  # type: ignore[union-attr]
        self.listen_places = self._places(self.config.layout.listen, undo=False)
        self.speak_places = self._places(self.config.layout.speak, undo=True)

    @staticmethod
    def _places(sound: SoundLayout, *, undo: bool) -> Tensor:
        """Where in the last `max_delay + 1` columns, the oldest first, each codebook's code of one column lies: [1, 1, K]."""
        return torch.tensor([[[d if undo else sound.max_delay - d for d in sound.delays]]], device="cpu")

    # -- whole grids -------------------------------------------------------------------------

    def step_tokens(self, batch: Batch) -> Tensor:
        """The tokens [B, T, S] that steps 0 .. T-1 are given."""
        layout = self.config.layout
        if batch.speak.shape[-1] != layout.speak.codebooks or batch.listen.shape[-1] != layout.listen.codebooks:
            given = f"{batch.speak.shape[-1]} + {batch.listen.shape[-1]}"
            raise ShapeError(f"the model has {layout.speak.codebooks} + {layout.listen.codebooks} codebooks, the grid {given}")

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
            parts.append(with_mode(batch.read, mode_of(batch.read, layout.text), layout.text)[..., None])
        if self.caption_head is not None:
            if batch.caption is None:
                raise ShapeError("the model writes captions: a batch must say what was written in each frame, waits if nothing")
            parts.append(before(batch.caption, layout.text.wait)[..., None])
        if self.spoken_head is not None:
            pointer = pointer_inputs(batch.text, batch.spoken, layout.text)
            parts += [pointer.token[..., None], pointer.after[..., None], pointer.hold[..., None]]
        if layout.action_dims:
            parts.append(before(batch.act, layout.action_bins))
        return torch.cat(parts, -1)

    def felt(self, batch: Batch) -> Tensor | None:
        """What senses add to each frame [B, T, W]; None if the model has none."""
        return self.fusion.felt(batch.senses, *batch.text.shape)

    def hidden(self, batch: Batch, felt: Tensor | None = None, tap: int | None = None) -> Tensor:
        """Hidden states h [B, T, W] of grids that start at position 0; [B, T, 2 W] with a `tap`, see `Backbone.forward`.

        Args:
            felt: what `felt` gives, if it is known already.
        """
        felt = self.felt(batch) if felt is None else felt
        return self.hidden_from_tokens(self.step_tokens(batch), batch.look, batch.seen, batch.pictures, tap, batch.glances, felt)

    def hidden_from_tokens(
        self,
        tokens_BTS: Tensor,
        look_BTV: Tensor | None = None,
        seen_BT: Tensor | None = None,
        pictures: Pictures | None = None,
        tap: int | None = None,
        glances: Glances | None = None,
        felt: Tensor | None = None,
    ) -> Tensor:
        """The same from the tokens that the steps are given, in the order of `stream_sizes`, delays applied."""
        size = tokens_BTS.shape[:2]
        look = None if look_BTV is None else look_BTV.flatten(0, 1)
        seen = None if seen_BT is None else seen_BT.flatten()
        x_BTD = self.fusion(tokens_BTS.flatten(0, 1), look, seen).reshape(*size, -1)
        felt = self.fusion.felt(None, *size) if felt is None else felt
        x_BTD = x_BTD if felt is None else x_BTD + felt
        place_BT = None
        if pictures is not None:
            seen_NMD = self.fusion.picture_positions(pictures.tokens)
            x_BTD, place_BT = interleave(x_BTD, seen_NMD, pictures.row, pictures.frame)
        looks = {} if self.glance is None or glances is None else self.glance.among(glances, place_BT)
        behind = looks.pop(BEHIND, None)
        h_BTD: Tensor = self.backbone(x_BTD, tap, looks)
        if place_BT is not None:
            h_BTD = frames_of(h_BTD, place_BT)
        if behind is None:
            return h_BTD
        width = self.config.backbone.width  # what was tapped stays as it is
        return torch.cat([behind(h_BTD[..., :width]), h_BTD[..., width:]], -1)

    def text_logits(self, h: Tensor) -> Tensor:
        return F.linear(h, self.text_weight) * self.config.output_scale

    @property
    def text_weight(self) -> Tensor:
        """The text head's matrix [V, W]."""
        return self.fusion.text_table if self.text_head is None else self.text_head.weight

    def forward(self, batch: Batch) -> Logits:
        """Teacher-forced logits of every stream."""
        felt = self.felt(batch)
        h = self.hidden(batch, felt)
        size, layout = h.shape[:2], self.config.layout
        codes = apply_delays(batch.speak, layout.speak.delays, layout.speak.pad_id)
        speak = self.speech(h.flatten(0, 1), batch.text.flatten(), codes.flatten(0, 1))
        return Logits(
            text=self.text_logits(h),
            spoken=None if self.spoken_head is None else self.spoken_head(h),
            speak=speak.reshape(*size, *speak.shape[1:]),
            act=self.act_logits(h, felt, None if batch.glances is None else batch.glances.found),
            caption=None if self.caption_head is None else self.caption_head(h),
        )

    def act_logits(self, h: Tensor, felt: Tensor | None, found: Tensor | None) -> Tensor:
        """Logits [..., D, A] of the action stream, as `ActionDecoder` has them; D = 0 without one."""
        if self.act_head is None:
            return h.new_zeros(*h.shape[:-1], 0, 0)
        logits: Tensor = self.act_head(h, felt, found)
        return logits

    # -- one frame at a time -----------------------------------------------------------------

    def initial_state(self, slots: int, *, native: bool = True) -> ModelState:
        """The state of so many slots before their first step. To be made anew when weights have been replaced or moved.

        Args:
            native: on a CPU, steps use the compiled functions of `roboego.model.native` where they can.
        """
        weight = self.text_weight
        compiled = native and weight.device.type == "cpu" and weight.dtype in DTYPES and weight.is_contiguous()

        def head(weight: Tensor) -> TextHead:
            return NativeLinear(weight) if compiled else partial(F.linear, weight=weight.detach())

        cache, depth = self.backbone.initial_state(slots, native=native), self.speech.initial_state(slots, native=native)
        caption_head = None if self.caption_head is None else head(self.caption_head.weight)
        return ModelState.initial(self.config, cache, depth, head(weight), caption_head)

    def uniform_blocks(self) -> tuple[int, int, int]:
        """Random numbers that a step needs for each slot: of text, speech and actions."""
        layout = self.config.layout
        return layout.text.ids, layout.speak.codebooks * layout.speak.ids, layout.action_dims * layout.action_bins

    def uniform_width(self) -> int:
        """Random numbers that a step needs for each slot, all together."""
        return sum(self.uniform_blocks())

    @torch.no_grad()
    def step(self, given: StepInput, state: ModelState, settings: StepSettings) -> tuple[StepOutput, ModelState]:
        """One frame of every slot: hears, looks and reads, then writes, speaks and acts."""
        layout = self.config.layout
        mode = torch.where(is_mode(given.read, layout.text), given.read, state.mode)
        felt = self.fusion.felt_now(given.senses, len(given.read))
        h, cache, heard = self._perceive(given, felt, mode, state)

        logits = free = state.text_head(h) * self.config.output_scale
        if settings.text.penalizes:
            logits = less_repeated(logits, state.texts, state.frame, settings.text)
        chosen_from, silent = logits, state.silent
        if settings.reply_overdue is not None or settings.cut_overdue is not None:
            overdue = settings.overdue_now(state.pointer.spoken < state.pointer.written, state.text == layout.text.wait)
            chosen_from, silent = less_patient(logits, layout.text.wait, silent, overdue)
        if settings.wait_or_write is not None:
            chosen_from = wait_or_write(chosen_from, layout.text.wait, settings.text, settings.wait_or_write)
        noise = None
        if settings.uniform is not None and settings.text.samples:
            noise = gumbel(settings.uniform[:, : layout.text.ids])
        text = sample(chosen_from, settings.text, noise)
        caption, unwritten = state.caption, state.unwritten
        if state.caption_head is not None:
            caption, unwritten = self._caption(state.caption_head(h), logits, mode, unwritten, settings.overdue)
            if layout.text.asr is not None:
                text = torch.where(mode == layout.text.asr, caption, text)
        text = torch.where(given.forced_text >= 0, given.forced_text, text)
        sure = certainty(free, text, layout.text.wait) if settings.certainty else None

        pointer = state.pointer
        if self.spoken_head is not None:
            by = self.spoken_head(h).argmax(-1)
            native = isinstance(state.cache.steps, NativeStack)
            pointer = native_pointer.advanced(pointer, text, by, layout.text) if native else pointer.advanced(text, by, layout.text)

        raw = self._speak(h, text, state, settings)
        act = self._act(h, felt, None if given.details is None else given.details.found, settings)
        said, complete = state.said, raw
        if layout.speak.max_delay:
            said = torch.cat([state.said[:, 1:], raw[:, None]], 1)
            complete = said.gather(1, self.speak_places.expand(len(raw), 1, -1))[:, 0]
        # Rings, like the cache: what a slot that sits out writes there is overwritten by its next step.
        place = (state.frame % HISTORY_FRAMES)[:, None]
        texts = state.texts.scatter_(1, place, text[:, None])
        codes = state.codes.scatter_(1, place[..., None].expand(-1, 1, raw.shape[1]), raw[:, None])
        after = ModelState(
            cache, pointer, mode, text, raw, act, caption, heard, said, texts, codes, state.frame + 1, unwritten, silent,
            self.config, state.depth, state.text_head, state.caption_head,
        )  # fmt: skip
        if given.active is not None:
            after.keep(state, given.active)
        return StepOutput(text, complete, raw, act, pointer.spoken, caption, sure), after

    @torch.no_grad()
    def see(self, tokens_BMV: Tensor, mask_B: Tensor, state: ModelState, *, chunk: int = 16) -> ModelState:
        """Context vision: a picture's tokens (or a part of them) become extra positions of the slots that asked, before their next step.

        Other slots, frames, delays and the pointer are not touched; only rings and positions of the asking slots move on.

        Args:
            tokens_BMV: tokens of each slot's picture; those of slots that did not ask are not looked at.
            mask_B: [B] (bool) which slots asked; on the host, it makes nobody wait for the device.
            chunk: positions that are computed at once.
        Raises:
            ShapeError: the model has no context vision, or takes other tokens.
        """
        slots_A = mask_B.nonzero()[:, 0].to(self.device)
        x_AMD = self.fusion.picture_positions(tokens_BMV[slots_A])
        cache = state.cache
        if len(slots_A):
            for part in x_AMD.split(chunk, 1):  # type: ignore[no-untyped-call]
                _, cache = self.backbone.extend(part, cache, slots_A)
        return replace(state, cache=cache)

    def _perceive(self, given: StepInput, felt: Tensor | None, mode: Tensor, state: ModelState) -> tuple[Tensor, RingCache, Tensor]:
        """Fuses the step's inputs and runs the backbone: hidden state [B, W], cache, and what was heard."""
        layout = self.config.layout
        heard, listen = state.heard, given.listen
        if layout.listen.max_delay:
            heard = torch.cat([state.heard[:, 1:], given.listen[:, None]], 1)
            listen = heard.gather(1, self.listen_places.expand(len(heard), 1, -1))[:, 0]
        if not layout.first_listen:
            listen = torch.where(state.frame[:, None] == 0, layout.listen.pad_id, listen)
        parts = [state.text[:, None], state.speak, listen]
        if layout.reads:
            parts.append(with_mode(given.read, mode, layout.text)[:, None])
        if self.caption_head is not None:
            parts.append(state.caption[:, None])
        if self.spoken_head is not None:
            native = isinstance(state.cache.steps, NativeStack)
            pointer = native_pointer.inputs(state.pointer) if native else state.pointer.inputs()
            parts += [pointer.token[:, None], pointer.after[:, None], pointer.hold[:, None]]
        if layout.action_dims:
            parts.append(state.act)
        x = self.fusion(torch.cat(parts, 1), given.look, given.seen)
        x = x if felt is None else x + felt
        looks = {} if self.glance is None or given.details is None else self.glance.now(given.details)
        behind = looks.pop(BEHIND, None)
        h, cache = self.backbone.step(x, state.cache, looks)
        return h if behind is None else behind(h), cache, heard

    def _caption(
        self, logits_BV: Tensor, text_BV: Tensor, mode_B: Tensor, unwritten_B: Tensor, overdue_B: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The likeliest [B] of what is heard: first whether a word is due, then which; and what is still unwritten.

        In mode "asr" captions and text are one and the same, as they are in all that was learned: two heads' opinions of it count alike.
        """
        text = self.config.layout.text
        if text.asr is not None:
            both_BV = (logits_BV.float().log_softmax(-1) + text_BV.float().log_softmax(-1)) / 2
            logits_BV = torch.where((mode_B == text.asr)[:, None], both_BV, logits_BV)
        due_B, still_B = due(logits_BV, text.wait, unwritten_B, torch.zeros_like(unwritten_B) if overdue_B is None else overdue_B)
        words_BV = logits_BV.clone()
        words_BV[:, text.wait] = -torch.inf
        return torch.where(due_B, words_BV.argmax(-1), text.wait), still_B

    def _speak(self, h: Tensor, text: Tensor, state: ModelState, settings: StepSettings) -> Tensor:
        """Samples the codebooks of one frame [B, K]."""
        layout, uniform = self.config.layout.speak, None
        if settings.uniform is not None and settings.speak.samples:
            start = self.config.layout.text.ids
            uniform = settings.uniform[:, start : start + layout.codebooks * layout.ids].view(-1, layout.codebooks, layout.ids)
        return state.depth.speak(h, text, settings.speak, uniform, state.codes, state.frame, layout)

    def _act(self, h: Tensor, felt: Tensor | None, found: Tensor | None, settings: StepSettings) -> Tensor:
        layout = self.config.layout
        if self.act_head is None:
            return h.new_zeros(len(h), 0, dtype=torch.int64)
        logits = self.act_logits(h, felt, found)
        start = layout.text.ids + layout.speak.codebooks * layout.speak.ids
        bins = layout.action_bins
        chosen = []
        for d in range(layout.action_dims):
            uniform = None if settings.uniform is None else settings.uniform[:, start + d * bins : start + (d + 1) * bins]
            chosen.append(sample(logits[:, d], settings.act, None if uniform is None else gumbel(uniform)))
        return torch.stack(chosen, 1)


def advances(text_BT: Tensor, spoken_BT: Tensor, config: ModelConfig) -> Tensor:
    """Targets [B, T] of the spoken head: by how many tokens `spoken` grew in each frame."""
    piece = is_said(text_BT, config.layout.text)
    starts = piece & ~F.pad(piece[:, :-1], (1, 0), value=False)
    before = F.pad(spoken_BT[:, :-1], (1, 0))
    return torch.where(starts, spoken_BT, spoken_BT - before).clamp(0, config.max_advance)
