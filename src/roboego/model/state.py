"""The state of a model between two steps, slot by slot."""
# B slots, K codebooks, D action dimensions, P frames of the penalty history

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from roboego.model.cache import RingCache
from roboego.model.config import ModelConfig
from roboego.model.native.depth import NativeDepth
from roboego.model.sampling import HISTORY_FRAMES
from roboego.model.speech_decoder import DepthState
from roboego.streams.pointer import KEPT_TOKENS, PointerState

TextHead = Callable[[Tensor], Tensor]


@dataclass
class ModelState:
    """What the next step needs of the past.

    Attributes:
        cache: the backbone's ring.
        pointer: where Ego is in its reply.
        mode: [B] the token of the mode that each slot is in; `wait` before one was read.
        text, speak, act, caption: the last outputs [B], [B, K], [B, D], [B].
        heard: [B, m + 1, K] the listening codes of this and the last m steps, m the longest listening delay.
        said: [B, n + 1, K] the same of speech.
        texts, codes: rings [B, P], [B, P, K] of outputs, for the repetition penalty; updated in place.
        frame: [B] frames so far.
        unwritten: [B] log probability that no caption has been due since the last was written; see `sampling.due`.
        silent: [B] log probability that nothing has been due since something was written; see `sampling.less_patient`.
        depth: room for the speech decoder; nothing in it outlives a step.
        text_head, caption_head: hidden states -> logits of what is written, and of what is heard (None without captions).
    """

    cache: RingCache
    pointer: PointerState
    mode: Tensor
    text: Tensor
    speak: Tensor
    act: Tensor
    caption: Tensor
    heard: Tensor
    said: Tensor
    texts: Tensor
    codes: Tensor
    frame: Tensor
    unwritten: Tensor
    silent: Tensor
    config: ModelConfig
    depth: DepthState | NativeDepth
    text_head: TextHead
    caption_head: TextHead | None

    @classmethod
    def initial(
        cls,
        config: ModelConfig,
        cache: RingCache,
        depth: DepthState | NativeDepth,
        text_head: TextHead,
        caption_head: TextHead | None = None,
    ) -> "ModelState":
        batch, device = len(cache.position), cache.position.device
        layout = config.layout

        def full(value: int, *shape: int) -> Tensor:
            return torch.full((batch, *shape), value, dtype=torch.int64, device=device)

        return cls(
            cache=cache,
            pointer=PointerState.initial(batch, layout.text, length=max(config.backbone.window, KEPT_TOKENS), device=device),
            mode=full(layout.text.wait),
            text=full(layout.text.wait),
            speak=full(layout.speak.pad_id, layout.speak.codebooks),
            act=full(layout.action_bins, layout.action_dims),
            caption=full(layout.text.wait),
            heard=full(layout.listen.pad_id, layout.listen.max_delay + 1, layout.listen.codebooks),
            said=full(layout.speak.pad_id, layout.speak.max_delay + 1, layout.speak.codebooks),
            texts=full(layout.text.wait, HISTORY_FRAMES),
            codes=full(layout.speak.pad_id, HISTORY_FRAMES, layout.speak.codebooks),
            frame=full(0),
            unwritten=torch.zeros(batch, device=device),
            silent=torch.zeros(batch, device=device),
            config=config,
            depth=depth,
            text_head=text_head,
            caption_head=caption_head,
        )

    def reset(self, mask_B: Tensor) -> None:
        """Starts slots afresh; the others are not touched."""
        layout = self.config.layout
        self.cache.reset(mask_B)
        self.pointer.reset(mask_B)
        fresh = (
            (self.mode, layout.text.wait), (self.text, layout.text.wait), (self.speak, layout.speak.pad_id),
            (self.act, layout.action_bins), (self.caption, layout.text.wait),
            (self.heard, layout.listen.pad_id), (self.said, layout.speak.pad_id),
            (self.texts, layout.text.wait), (self.codes, layout.speak.pad_id), (self.frame, 0), (self.unwritten, 0),
            (self.silent, 0),
        )  # fmt: skip
        for tensor, value in fresh:
            tensor[mask_B] = value

    def copy_(self, after: "ModelState") -> None:
        """Takes over the state after a step, in its own memory; what the step has already updated in place is left alone."""
        parts: list[tuple[object, object]] = [(self, after), (self.cache, after.cache), (self.pointer, after.pointer)]
        for mine, other in parts:
            for f in fields(mine):  # type: ignore[arg-type]
                value, new = getattr(mine, f.name), getattr(other, f.name)
                if isinstance(value, Tensor) and value is not new:
                    value.copy_(new)

    def keep(self, before: "ModelState", active_B: Tensor) -> None:
        """Gives slots that are not active the state they had before a step. (What the step wrote into their rings does not count.)"""
        parts: list[tuple[object, object]] = [(self, before), (self.cache, before.cache), (self.pointer, before.pointer)]
        for new, old in parts:
            for f in fields(new):  # type: ignore[arg-type]
                value = getattr(new, f.name)
                if isinstance(value, Tensor) and f.name not in ("bias", "texts", "codes"):
                    mask = active_B.view(-1, *[1] * (value.ndim - 1))
                    setattr(new, f.name, torch.where(mask, value, getattr(old, f.name)))
