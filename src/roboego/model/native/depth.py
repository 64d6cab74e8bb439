"""A frame through the speech decoder, codebook after codebook, compiled: the numbers of `SpeechDecoder.forward`."""
# M frames (slots), K codebooks, W width, H heads, E head dimension, U hidden units, C codes, L layers, T members of the team

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from roboego.model.layers import SwiGLU
from roboego.model.native.arithmetic import ADD, SET, as_float, at, gated, normed, product, share
from roboego.model.native.compiling import compiled
from roboego.model.native.linear import NativeLinear
from roboego.model.native.sampling import choose, penalize
from roboego.model.native.team import meet, team_of
from roboego.model.native.weights import addresses, marker, vector
from roboego.model.sampling import StreamSettings
from roboego.streams.layout import SoundLayout

if TYPE_CHECKING:
    from roboego.model.speech_decoder import DepthLayer, SpeechDecoder

NORM, QKV, OUT, MLP_NORM, GATE_UP, DOWN = range(6)
"""Columns of the table of addresses, of which each layer has a row for each codebook."""


@compiled
def _attend(query: Any, history: Any, codebook: int, heads: int, scores: Any, mixed: Any) -> None:
    """Queries [W] of one frame against what its codebooks so far left in `history` [K, 2, W] -> [W]."""
    size = query.shape[0] // heads
    scale = np.float32(size**-0.5)
    for h in range(heads):
        first = h * size
        top = np.float32(-np.inf)
        for k in range(codebook + 1):
            total = np.float32(0)
            for e in range(first, first + size):
                total += query[e] * history[k, 0, e]
            scores[k] = total * scale
            top = max(top, scores[k])
        whole = np.float32(0)
        for k in range(codebook + 1):
            scores[k] = np.exp(scores[k] - top)
            whole += scores[k]
        for k in range(codebook + 1):
            part = scores[k] / whole
            for e in range(first, first + size):
                mixed[e] = part * history[k, 1, e] + (mixed[e] if k else np.float32(0))


@compiled
def codebook_logits(
    me: int, team: int, beats: Any, table: Any, like: Any, shape: Any, eps: float, last_norm: int, head: int, codebook: int, given: Any,
    previous: int, codes: Any, logits: Any, x: Any, query: Any, history: Any, units: Any, norms: Any, mixed: Any, scores: Any,
) -> None:  # fmt: skip
    """Logits [M, C] of one codebook.

    Args:
        table: [L, K, 6] addresses; like: an array of the weights' type; shape: (W, H, U).
        last_norm, head, previous: addresses of the last norm, of the codebook's head [C, W], and of the embeddings [C, W] of the codes
            [M] sampled before it, 0 for the first.
        given: [M, W] what the codebook sees of the frame.
        x, query: [M, W], history: [L, M, K, 2, W], units: [M, U], norms, mixed: [T, M, W], scores: [T, K]: room to work in; `history`
            holds the frame's codebooks so far.
    """
    width, heads, hidden = shape
    frames, choices = x.shape[0], logits.shape[1]
    nothing = at(last_norm, (0,), like)
    first, last = share(width, me, team)
    for m in range(frames):
        for w in range(first, last):
            x[m, w] = given[m, w]
        if previous:
            row = at(previous, (choices, width), like)[codes[m]]
            for w in range(first, last):
                x[m, w] += as_float(row[w])
    if not meet(me, team, beats):
        return
    for layer in range(table.shape[0]):
        own = table[layer, codebook]
        normed(x, at(own[NORM], (width,), like), eps, norms[me])
        weight = at(own[QKV], (3, width, width), like)
        first, last = share(width, me, team)
        product(norms[me], weight[0], nothing, first, last, query, SET)
        for m in range(frames):
            for part in range(2):
                product(norms[me][m : m + 1], weight[1 + part], nothing, first, last, history[layer, m, codebook, part : part + 1], SET)
        if not meet(me, team, beats):
            return
        for m in range(frames):
            _attend(query[m], history[layer, m], codebook, heads, scores[me], mixed[me, m])
        product(mixed[me], at(own[OUT], (width, width), like), nothing, first, last, x, ADD)
        if not meet(me, team, beats):
            return
        normed(x, at(own[MLP_NORM], (width,), like), eps, norms[me])
        first, last = share(hidden, me, team)
        gated(norms[me], at(own[GATE_UP], (2 * hidden, width), like), nothing, first, last, units)
        if not meet(me, team, beats):
            return
        first, last = share(width, me, team)
        product(units, at(own[DOWN], (width, hidden), like), nothing, first, last, x, ADD)
        if not meet(me, team, beats):
            return
    normed(x, at(last_norm, (width,), like), eps, norms[me])
    first, last = share(choices, me, team)
    product(norms[me], at(head, (choices, width), like), nothing, first, last, logits, SET)
    meet(me, team, beats)


@compiled
def frame(
    me: int, team: int, beats: Any, table: Any, like: Any, shape: Any, eps: float, last_norm: int, ends: Any, given: Any, uniform: Any,
    ask: Any, history: Any, frames: Any, delays: Any, pad: int, codes: Any, logits: Any, chances: Any, room: Any,
) -> None:  # fmt: skip
    """Samples all codebooks of one frame of each slot.

    Args:
        ends: [2, K] addresses of the heads, and of the embeddings of the codebook before.
        given: [K, M, W] what the codebooks see of the frame.
        uniform: [M, K, C] random numbers, or [0, 0, 0].
        ask: settings [M] of every slot, in the order of `StreamSettings.arrays`.
        history: [M, P, K] ring of the last frames' codes; frames: [M] frames so far; delays: [K].
        pad: the code of frames before a codebook's delay.
        codes: [K, M] the result; logits: [K, M, C]; chances: [T, 2, the codes that may be chosen] and `room`: room to work in.
    """
    samples, temperature, top_k, top_p, penalty, penalty_frames, penalized = ask
    for k in range(given.shape[0]):
        codebook_logits(
            me, team, beats, table, like, shape, eps, last_norm, ends[0, k], k, given[k], ends[1, k], codes[k - 1], logits[k], *room
        )
        for m in range(me, given.shape[1], team):
            own = chances[me, 0]
            for c in range(own.shape[0]):
                own[c] = logits[k, m, c]
            if k < penalized[m] and penalty[m] != 1:
                penalize(own, history[m, :, k], frames[m], penalty_frames[m], penalty[m])
            drawn = uniform[m, k] if samples[m] else own
            code = choose(own, samples[m], temperature[m], top_k[m], top_p[m], drawn, chances[me, 1])
            codes[k, m] = pad if frames[m] < delays[k] else code
        if not meet(me, team, beats):
            return


class NativeDepth:
    """The decoder one frame of so many slots at a time, as `roboego.model.speech_decoder.DepthState`."""

    def __init__(self, decoder: "SpeechDecoder", frames: int) -> None:
        layers: list[DepthLayer] = list(decoder.layers)  # type: ignore[arg-type]
        codebooks, width, dtype = decoder.codebooks, decoder.width, decoder.norm.weight.dtype
        self.team, self.like, self.eps = team_of(torch.get_num_threads()), marker(dtype), decoder.norm.eps
        mlps: list[list[SwiGLU]] = [list(layer.mlps) * (codebooks // len(layer.mlps)) for layer in layers]  # type: ignore[misc]
        hidden = mlps[0][0].down.in_features
        self.shape = (width, layers[0].heads, hidden)
        parts = [
            (
                layer.attention_norm.weight, layer.qkv.weight, layer.out.weight,
                layer.mlp_norm.weight, mlp.gate_up.weight, mlp.down.weight,
            )
            for layer, own in zip(layers, mlps, strict=True)
            for mlp in own
        ]  # fmt: skip
        table, self.kept = addresses(parts)
        self.table = table.reshape(len(layers), codebooks, -1)
        self.dtype, self.norm = dtype, decoder.norm.weight.data_ptr()
        ends, self.kept_ends = addresses([list(decoder.heads.detach().unbind()), [None, *decoder.previous.detach().unbind()]])
        self.ends = ends
        members = self.team.members

        def room(*sizes: int) -> Any:
            return np.zeros(sizes, np.float32)

        self.room = (
            room(frames, width), room(frames, width), room(len(layers), frames, codebooks, 2, width), room(frames, hidden),
            room(members, frames, width), room(members, frames, width), room(members, codebooks),
        )  # fmt: skip
        self.logits, self.codes = room(codebooks, frames, decoder.heads.shape[1]), np.zeros((codebooks, frames), np.int64)
        self.chances, self.nothing = room(members, 2, decoder.entries), room(0, 0, 0)
        self.into, self.place, self.text = NativeLinear(decoder.into.weight), decoder.place.detach().float(), decoder.text

    @property
    def results(self) -> list[Tensor]:
        """Logits [M, C] of the codebooks of the last frame."""
        return [torch.from_numpy(logits).clone() for logits in self.logits]

    @torch.no_grad()
    def speak(
        self,
        h_MD: Tensor,
        text_M: Tensor | None,
        settings: StreamSettings,
        uniform_MKC: Tensor | None,
        history_MPK: Tensor,
        frame_M: Tensor,
        layout: SoundLayout,
    ) -> Tensor:
        """As `DepthState.speak`."""
        x_MKW = self.into(h_MD).view(len(h_MD), layout.codebooks, -1) + self.place
        if self.text is not None and text_M is not None:
            x_MKW += self.text(text_M)[:, None]
        given_KMW = x_MKW.transpose(0, 1).contiguous()
        uniform = self.nothing if uniform_MKC is None else vector(uniform_MKC.contiguous())
        self.team.run(
            frame, self.table, self.like, self.shape, self.eps, self.norm, self.ends, vector(given_KMW), uniform, settings.arrays,
            vector(history_MPK), vector(frame_M), np.asarray(layout.delays), layout.pad_id, self.codes, self.logits, self.chances,
            self.room,
        )  # fmt: skip
        return torch.from_numpy(self.codes.T.copy())
