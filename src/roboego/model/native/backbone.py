"""One position of each slot through the backbone, compiled: the numbers of `Backbone.forward`, against the ring."""
# B slots, D width, H heads, G key-value heads, R = H / G heads a group, E head dimension, C columns of the ring, U hidden units, T members

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from roboego.model.backbone_step import Between
from roboego.model.cache import RingCache
from roboego.model.config import BackboneConfig
from roboego.model.layers import RMSNorm
from roboego.model.native.arithmetic import (
    ADD,
    SET,
    as_float,
    as_stored,
    at,
    dot,
    exponential,
    gated,
    highest,
    normed,
    product,
    share,
)
from roboego.model.native.compiling import compiled
from roboego.model.native.team import meet, team_of
from roboego.model.native.weights import addresses, marker, vector
from roboego.model.rope import frequencies

if TYPE_CHECKING:
    from roboego.model.backbone import Layer

NORM, QKV, QKV_BIAS, OUT, OUT_BIAS, MLP_NORM, GATE_UP, GATE_UP_BIAS, DOWN, DOWN_BIAS, RING, BIAS = range(12)
"""Columns of the table of addresses, of which a layer has one row. 0: the layer has no such thing."""


@compiled
def _turned(row: Any, first: int, size: int, cosine: Any, sine: Any, scale: float, out: Any) -> None:
    """Rotates one head, `row[first : first + size]`."""
    half = size // 2
    for e in range(size):
        other = e - half if e >= half else e + half
        out[e] = (row[first + e] * cosine[e] + row[first + other] * sine[e]) * np.float32(scale)


@compiled
def _turn(position: int, frequencies: Any, cosine: Any, sine: Any) -> None:
    """Cosines and signed sines [E] of a position: `x * cosine + roll(x, E / 2) * sine`."""
    half = frequencies.shape[0]
    for e in range(half):
        angle = np.float64(position) * frequencies[e]
        cosine[e] = cosine[half + e] = np.cos(angle)
        sine[half + e] = np.sin(angle)
        sine[e] = -sine[half + e]


@compiled
def _attend(first: int, last: int, query: Any, keys: Any, values: Any, scores: Any, best: Any, total: Any, mixed: Any) -> None:
    """Columns first .. last - 1 of one slot and group: queries [R, E] -> their best score, sum and mixture, each as if alone.

    Keys and values [E, C] are read four rows at a time: as four streams, with a quarter of the passes over the scores.
    """
    heads, size = query.shape
    if first == last:
        return
    fours = size // 4 * 4
    for r in range(heads):
        for c in range(first, last):
            scores[r, c] = 0
    for e in range(0, fours, 4):
        k0, k1, k2, k3 = keys[e, first:last], keys[e + 1, first:last], keys[e + 2, first:last], keys[e + 3, first:last]
        for r in range(heads):
            q0, q1, q2, q3, row = query[r, e], query[r, e + 1], query[r, e + 2], query[r, e + 3], scores[r, first:last]
            for c in range(last - first):
                row[c] += q0 * as_float(k0[c]) + q1 * as_float(k1[c]) + q2 * as_float(k2[c]) + q3 * as_float(k3[c])
    for e in range(fours, size):
        k0 = keys[e, first:last]
        for r in range(heads):
            q0, row = query[r, e], scores[r, first:last]
            for c in range(last - first):
                row[c] += q0 * as_float(k0[c])
    for r in range(heads):
        row = scores[r, first:last]
        top = max(highest(row[1:], row[0]), best[r])
        part = total[r] * np.exp(best[r] - top) if total[r] > 0 else np.float32(0)
        for c in range(last - first):
            row[c] = exponential(row[c] - top)
            part += row[c]
        best[r], total[r] = top, part
    for e in range(0, fours, 4):
        v0, v1, v2, v3 = values[e, first:last], values[e + 1, first:last], values[e + 2, first:last], values[e + 3, first:last]
        for r in range(heads):
            row = scores[r, first:last]
            sum_0, sum_1, sum_2, sum_3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for c in range(last - first):
                sum_0 += row[c] * as_float(v0[c])
                sum_1 += row[c] * as_float(v1[c])
                sum_2 += row[c] * as_float(v2[c])
                sum_3 += row[c] * as_float(v3[c])
            mixed[r, e], mixed[r, e + 1], mixed[r, e + 2], mixed[r, e + 3] = sum_0, sum_1, sum_2, sum_3
    for e in range(fours, size):
        for r in range(heads):
            mixed[r, e] = dot(scores[r, first:last], values[e, first:last])


@compiled
def stack(
    me: int, team: int, beats: Any, table: Any, like: Any, shape: Any, eps: float, last_norm: int, x: Any, position: Any,
    frequencies: Any, window: int, bias_heads: int, turn: Any, qkv: Any, units: Any, norms: Any, gathers: Any, query: Any,
    scores: Any, best: Any, total: Any, mixed: Any,
) -> None:  # fmt: skip
    """All layers and the last norm, whose result is in `norms[0]`; x [B, D] is changed in place.

    Args:
        table: [L, 12] addresses; like: an array of the weights' type; shape: (D, H, G, E, C, U, sinks);
            last_norm: address.
        position: [B]; frequencies: [E / 2] radians a position; bias_heads: H, or 1 where all share one bias.
        turn: [T, 2, E] for cosines and signed sines,
        qkv: [B, (H + 2 G) E], units: [B, U], norms: [T, B, D], gathers: [T, B, H E], query: [T, R, E], scores: [T, R, C],
            best, total: [T, B, H], mixed: [T, B, H, E]: room to work in.
    """
    width, heads, groups, size, columns, hidden, sinks = shape
    batch, group = x.shape[0], heads // groups
    nothing = at(table[0, NORM], (0,), like)
    wide = (heads + 2 * groups) * size
    for layer in range(table.shape[0]):
        row = table[layer]
        normed_x, gathered = norms[me], gathers[me]
        normed(x, at(row[NORM], (width,), like), eps, normed_x)
        bias = at(row[QKV_BIAS], (wide,), like) if row[QKV_BIAS] else nothing
        first, last = share(wide, me, team)
        product(normed_x, at(row[QKV], (wide, width), like), bias, first, last, qkv, SET)
        if not meet(me, team, beats):
            return
        ring = at(row[RING], (2, batch, groups, size, columns), like)
        bias_row = at(row[BIAS], (batch, bias_heads, columns), like)
        for b in range(batch):
            cosine, sine = turn[me, 0], turn[me, 1]
            _turn(position[b], frequencies, cosine, sine)
            column, held = position[b] % window, min(position[b] + 1, window)
            if me == 0:
                for head in range(bias_heads):
                    bias_row[b, head, column] = as_stored(np.float32(0), like)
            for g in range(groups):
                # Long rows are read faster: where the groups can be dealt out evenly, a member takes all columns of its own.
                first, last = share(held, me, team)
                if batch * groups % team == 0:
                    first, last = (0, held) if (b * groups + g) % team == me else (0, 0)
                if first <= column < last:
                    _turned(qkv[b], (heads + g) * size, size, cosine, sine, 1.0, query[me, 0])
                    for e in range(size):
                        ring[0, b, g, e, column] = as_stored(query[me, 0, e], like)
                        ring[1, b, g, e, column] = as_stored(qkv[b, (heads + groups + g) * size + e], like)
                for r in range(group):
                    head = g * group + r
                    _turned(qkv[b], head * size, size, cosine, sine, size**-0.5, query[me, r])
                    # A sink takes part in the softmax and adds nothing.
                    with_sink = sinks and me == 0
                    best[me, b, head] = as_float(bias_row[b, head, columns - 1]) if with_sink else -np.inf
                    total[me, b, head] = 1 if with_sink else 0
                    for e in range(size):
                        mixed[me, b, head, e] = 0
                ours = slice(g * group, (g + 1) * group)
                _attend(
                    first, last, query[me], ring[0, b, g], ring[1, b, g], scores[me], best[me, b, ours], total[me, b, ours],
                    mixed[me, b, ours],
                )  # fmt: skip
        if not meet(me, team, beats):
            return
        for b in range(batch):
            for head in range(heads):
                top, whole = best[0, b, head], np.float32(0)
                for t in range(1, team):
                    top = max(top, best[t, b, head])
                for t in range(team):
                    whole += total[t, b, head] * np.exp(best[t, b, head] - top)
                for t in range(team):
                    part = np.exp(best[t, b, head] - top) / whole
                    for e in range(size):
                        before = gathered[b, head * size + e] if t else np.float32(0)
                        gathered[b, head * size + e] = before + mixed[t, b, head, e] * part
        bias = at(row[OUT_BIAS], (width,), like) if row[OUT_BIAS] else nothing
        first, last = share(width, me, team)
        product(gathered, at(row[OUT], (width, heads * size), like), bias, first, last, x, ADD)
        if not meet(me, team, beats):
            return
        normed(x, at(row[MLP_NORM], (width,), like), eps, normed_x)
        bias = at(row[GATE_UP_BIAS], (2 * hidden,), like) if row[GATE_UP_BIAS] else nothing
        first, last = share(hidden, me, team)
        gated(normed_x, at(row[GATE_UP], (2 * hidden, width), like), bias, first, last, units)
        if not meet(me, team, beats):
            return
        bias = at(row[DOWN_BIAS], (width,), like) if row[DOWN_BIAS] else nothing
        first, last = share(width, me, team)
        product(units, at(row[DOWN], (width, hidden), like), bias, first, last, x, ADD)
        if not meet(me, team, beats):
            return
    normed(x, at(last_norm, (width,), like), eps, norms[me])


class NativeStack:
    """All layers and the last norm, as `roboego.model.backbone_step.StackStep`."""

    def __init__(self, config: BackboneConfig, layers: "Sequence[Layer]", norm: RMSNorm, state: RingCache) -> None:
        c, batch = config, len(state.position)
        self.config, self.norm, self.team = c, norm.weight.detach(), team_of(torch.get_num_threads())
        members, self.like = self.team.members, marker(norm.weight.dtype)
        self.shape = (c.width, c.heads, c.kv_heads, c.head_dim, state.rings[0].shape[-1], c.hidden, int(c.learned_sinks))
        self.frequencies = vector(frequencies(c.head_dim, c.rope_theta, c.rope_scaling, torch.device("cpu")))
        biases = list(state.bias) * (c.layers // len(state.bias))
        parts = [
            (
                layer.attention_norm.weight, layer.attention.qkv.weight, layer.attention.qkv.bias, layer.attention.out.weight,
                layer.attention.out.bias, layer.mlp_norm.weight, layer.mlp.gate_up.weight, layer.mlp.gate_up.bias,
                layer.mlp.down.weight, layer.mlp.down.bias, ring, bias,
            )
            for layer, ring, bias in zip(layers, state.rings, biases, strict=True)
        ]  # fmt: skip
        self.table, self.kept = addresses(parts)

        def room(*sizes: int) -> Any:
            return np.zeros(sizes, np.float32)

        group = c.heads // c.kv_heads
        self.room = (
            room(members, 2, c.head_dim), room(batch, (c.heads + 2 * c.kv_heads) * c.head_dim), room(batch, c.hidden),
            room(members, batch, c.width), room(members, batch, c.heads * c.head_dim), room(members, group, c.head_dim),
            room(members, group, self.shape[4]), room(members, batch, c.heads), room(members, batch, c.heads),
            room(members, batch, c.heads, c.head_dim),
        )  # fmt: skip
        self.bias_heads, self.norms = state.bias.shape[2], self.room[3]

    def __call__(self, x_BD: Tensor, position_B: Tensor, between: Between) -> Tensor:
        """Fused inputs [B, D] at these positions -> hidden states [B, D]; the rings are updated in place."""
        x, position, first = x_BD.to(torch.float32, copy=True), vector(position_B), 0
        for place in (*sorted(between), self.config.layers):
            self._layers(first, place, vector(x), position)
            first = place
            if place in between:
                x.copy_(between[place](x))
        return torch.from_numpy(self.norms[0].copy()).to(x_BD.dtype)

    def _layers(self, first: int, last: int, x: Any, position: Any) -> None:
        """Some of the layers, which change `x` in place, and the last norm of that."""
        self.team.run(
            stack, self.table[first:last], self.like, self.shape, self.config.norm_eps, self.norm.data_ptr(), x, position,
            self.frequencies, self.config.window, self.bias_heads, *self.room,
        )  # fmt: skip
