"""The pointer of `roboego.streams.pointer`, compiled: some forty operations on a handful of numbers."""
# B slots, L tokens in the ring

from typing import Any

import numpy as np
import torch
from torch import Tensor

from roboego.model.native.compiling import compiled
from roboego.model.native.weights import vector
from roboego.streams.layout import TextLayout
from roboego.streams.pointer import LONGEST_HOLD, PointerInputs, PointerState

NONE = -1
"""An id that no text has."""


@compiled
def look_ahead(ring: Any, written: Any, spoken: Any, wait: int, token: Any) -> None:
    """The next token to be said and the one after it -> `token` [2, B]; see `PointerState.inputs`."""
    length = ring.shape[1]
    for b in range(len(written)):
        for offset in range(2):
            index = spoken[b] + offset
            known = index < written[b] and written[b] - index <= length
            token[offset, b] = ring[b, index % length] if known else wait


@compiled
def _is_piece(text: int, first_word: int, words_end: int) -> bool:
    return text >= first_word and (words_end == 0 or text < words_end)


@compiled
def advance(text: Any, by: Any, ring: Any, numbers: Any, first_word: int, words_end: int, cut: int, call: int) -> None:
    """Brings rings [B, L] and numbers [5, B] (written, last, calling, spoken, hold) up to date; see `PointerState.advanced`."""
    written, last, calling, spoken, hold = numbers
    for b in range(len(text)):
        piece = _is_piece(text[b], first_word, words_end)
        calling[b] = text[b] == call or (piece and calling[b])
        piece = piece and not calling[b]
        starts = piece and not _is_piece(last[b], first_word, words_end)
        before = spoken[b]
        if starts:
            written[b] = spoken[b] = 0
        if piece:
            ring[b, written[b] % ring.shape[1]] = text[b]
            written[b] += 1
        if text[b] == cut:
            written[b] = 0
        spoken[b] = max(spoken[b], min(spoken[b] + by[b], written[b]))
        changed = spoken[b] != before or starts
        hold[b] = 1 if changed else min(hold[b] + 1, LONGEST_HOLD)
        last[b] = text[b]


def inputs(state: PointerState) -> PointerInputs:
    """As `state.inputs()`."""
    token = np.empty((2, len(state.written)), np.int64)
    look_ahead(vector(state.ring), vector(state.written), vector(state.spoken), state.wait, token)
    first, second = torch.from_numpy(token)
    return PointerInputs(first, second, state.hold)


def advanced(state: PointerState, text_B: Tensor, by_B: Tensor, layout: TextLayout) -> PointerState:
    """As `state.advanced(text_B, by_B, layout)`."""
    ring = state.ring.clone()
    numbers = torch.stack([state.written, state.last, state.calling, state.spoken, state.hold])
    cut, call = (NONE if token is None else token for token in (layout.cut, layout.call))
    advance(vector(text_B), vector(by_B), vector(ring), vector(numbers), layout.first_word, layout.words_end or 0, cut, call)
    written, last, calling, spoken, hold = numbers
    return PointerState(ring, written, last, calling, spoken, hold, state.wait)
