"""Where in its reply Ego is: from the history of text and `spoken`, the next token to be said, and for how long it has been next.

Text-first speech drifts when a frame of speech sees nothing but waits. The count `spoken`, which every frame reports, is therefore fed back
like any other output: step t gets the token that follows what has been spoken by step t - 1.
"""
# B batch, T frames

from dataclasses import dataclass

import torch
from torch import Tensor

from roboego.streams.layout import TextLayout

LONGEST_HOLD = 15
"""Frames after which the count of frames spent on a token stops growing."""
KEPT_TOKENS = 512
"""Tokens of a reply that are kept to be said, at least."""


@dataclass
class PointerInputs:
    """What step t knows of its own reply.

    Attributes:
        token: [B, T] the next token to be said; `wait` if everything written so far has been said.
        after: [B, T] the token after that; `wait` if there is none yet.
        hold: [B, T] frames for which `token` has been the next one, up to `LONGEST_HOLD`.
    """

    token: Tensor
    after: Tensor
    hold: Tensor


def is_piece(text: Tensor, layout: TextLayout) -> Tensor:
    """Whether tokens are pieces of words."""
    piece = text >= layout.first_word
    return piece & (text < layout.words_end) if layout.words_end else piece


def is_said(text_BT: Tensor, layout: TextLayout) -> Tensor:
    """Whether tokens [B, T] are pieces of a reply: not of a call, which is a run of pieces that begins with `layout.call`."""
    piece = is_piece(text_BT, layout)
    if layout.call is None:
        return piece
    frame = torch.arange(text_BT.shape[1], device=text_BT.device)
    before_run = torch.where(piece, -1, frame).cummax(1).values
    called = text_BT.gather(1, before_run.clamp(min=0)) == layout.call
    return piece & ~(called & (before_run >= 0))


def pointer_inputs(text_BT: Tensor, spoken_BT: Tensor, layout: TextLayout) -> PointerInputs:
    """Inputs of steps 0 .. T-1 from the outputs of the same steps (step t uses those before t alone)."""
    frames = text_BT.shape[1]
    frame = torch.arange(frames, device=text_BT.device)
    piece = is_said(text_BT, layout)
    before = torch.nn.functional.pad(piece[:, :-1], (1, 0), value=False)
    starts = piece & ~before
    start = torch.where(starts, frame, -1).cummax(1).values
    # A cut ends the reply: nothing of it is left to be said.
    if layout.cut is not None:
        cut = torch.where(text_BT == layout.cut, frame, -1).cummax(1).values
        start = torch.where(cut > start, -1, start)
    changed = torch.ones_like(piece)
    changed[:, 1:] = (spoken_BT[:, 1:] != spoken_BT[:, :-1]) | starts[:, 1:]
    since = torch.where(changed, frame, 0).cummax(1).values
    hold = (frame - since + 1).clamp(max=LONGEST_HOLD)

    def token_at(offset: int) -> Tensor:
        index = start + spoken_BT + offset
        known = (start >= 0) & (index <= frame)
        found = text_BT.gather(1, index.clamp(0, frames - 1))
        # The run must reach from its start to the token without a gap.
        first_gap = torch.where(~piece, frame, frames).flip(1).cummin(1).values.flip(1)
        run_end = first_gap.gather(1, start.clamp(min=0))
        return torch.where(known & (index < run_end), found, layout.wait)

    def shift(value: Tensor, fill: int) -> Tensor:
        return torch.nn.functional.pad(value[:, :-1], (1, 0), value=fill)

    return PointerInputs(shift(token_at(0), layout.wait), shift(token_at(1), layout.wait), shift(hold, 0))


@dataclass
class PointerState:
    """The same, one frame at a time: the tokens of the current reply, and how far it has been said.

    Attributes:
        ring: [B, L] token i of the reply at i % L; while more than L of its tokens wait to be said, the pointer is lost.
        written: [B] how many tokens the reply has; 0 without one, or after its cut.
        last: [B] the last text.
        calling: [B] 1 while the pieces written are those of a call.
        spoken, hold: [B] as in `PointerInputs`.
    """

    ring: Tensor
    written: Tensor
    last: Tensor
    calling: Tensor
    spoken: Tensor
    hold: Tensor
    wait: int

    @classmethod
    def initial(cls, batch: int, layout: TextLayout, *, length: int = KEPT_TOKENS, device: torch.device | None = None) -> "PointerState":
        """Before the first frame; `length` is L."""

        def full(value: int, *shape: int) -> Tensor:
            return torch.full((batch, *shape), value, dtype=torch.int64, device=device)

        wait = layout.wait
        return cls(full(wait, length), full(0), full(wait), full(0), full(0), full(0), wait)

    def reset(self, mask_B: Tensor) -> None:
        zeros = ((tensor, 0) for tensor in (self.written, self.calling, self.spoken, self.hold))
        fresh = ((self.ring, self.wait), (self.last, self.wait), *zeros)
        for tensor, value in fresh:
            tensor[mask_B] = value

    def inputs(self) -> PointerInputs:
        """Inputs [B] of the step to come."""
        length = self.ring.shape[1]

        def token_at(offset: int) -> Tensor:
            index = self.spoken + offset
            found = self.ring.gather(1, (index % length)[:, None])[:, 0]
            known = (index < self.written) & (self.written - index <= length)
            return torch.where(known, found, self.wait)

        return PointerInputs(token_at(0), token_at(1), self.hold)

    def advanced(self, text_B: Tensor, by_B: Tensor, layout: TextLayout) -> "PointerState":
        """The state after a step that wrote `text_B` and made `by_B` more tokens audible. `spoken` never passes what is written."""
        any_piece = is_piece(text_B, layout)
        calling = self.calling * any_piece
        if layout.call is not None:
            calling = torch.where(text_B == layout.call, 1, calling)
        piece = any_piece & (calling == 0)
        starts = piece & ~is_piece(self.last, layout)
        written = torch.where(starts, 0, self.written)
        place = (written % self.ring.shape[1])[:, None]
        ring = self.ring.scatter(1, place, torch.where(piece[:, None], text_B[:, None], self.ring.gather(1, place)))
        written = written + piece
        if layout.cut is not None:
            written = torch.where(text_B == layout.cut, 0, written)
        spoken = torch.where(starts, 0, self.spoken)
        spoken = torch.maximum(spoken, torch.minimum(spoken + by_B, written))
        changed = (spoken != self.spoken) | starts
        hold = torch.where(changed, 1, (self.hold + 1).clamp(max=LONGEST_HOLD))
        return PointerState(ring, written, text_B, calling, spoken, hold, self.wait)
