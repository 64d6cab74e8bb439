"""What the compiled functions are made of: weights at an address, bfloat16, products of rows, norms."""
# B slots, K inputs, N outputs

from functools import partial
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from roboego.model.native.compiling import compiled


@intrinsic
def as_float(typingctx: Any, stored: Any) -> Any:
    """A weight as float32: float32 as it is, uint16 as the bits of a bfloat16."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if signature.args[0] == types.float32:
            return args[0]
        bits = builder.shl(builder.zext(args[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(stored), generate


@intrinsic
def as_stored(typingctx: Any, value: Any, like: Any) -> Any:
    """float32 as an element of the array `like`: float32, or uint16 with the bits of the nearest bfloat16."""
    dtype = like.dtype

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if dtype == types.float32:
            return args[0]
        i32 = ir.IntType(32)
        bits = builder.bitcast(args[0], i32)
        odd = builder.and_(builder.lshr(bits, ir.Constant(i32, 16)), ir.Constant(i32, 1))
        rounded = builder.add(bits, builder.add(odd, ir.Constant(i32, 0x7FFF)))
        return builder.trunc(builder.lshr(rounded, ir.Constant(i32, 16)), ir.IntType(16))

    return dtype(types.float32, like), generate


@intrinsic
def _of_bits(typingctx: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@compiled
def exponential(x: Any) -> Any:
    """e^x of a float32 up to 0, to 2e-7 of it, in operations that vector registers have: 2^n times a polynomial of what is left."""
    x = max(x, np.float32(-87))
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    return (p * r * r + r + np.float32(1)) * _of_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))


@partial(compiled, finite=True)
def highest(row: Any, so_far: Any) -> Any:
    """The highest of finite numbers [K] and one more."""
    for k in range(row.shape[0]):
        so_far = row[k] if row[k] > so_far else so_far
    return so_far


@intrinsic
def _pointer(typingctx: Any, address: Any, like: Any) -> Any:
    kind = types.CPointer(like.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(kind))

    return kind(types.int64, like), generate


@compiled
def at(address: int, shape: Any, like: Any) -> Any:
    """The array of this shape at an address, of the type of the array `like`."""
    return numba.carray(_pointer(address, like), shape)


@compiled
def share(count: int, me: int, team: int) -> tuple[int, int]:
    """First and last (exclusive) of the part of `count` things that one member of a team does."""
    return count * me // team, count * (me + 1) // team


@compiled
def normed(x: Any, weight: Any, eps: float, out: Any) -> None:
    """`RMSNorm` of rows [B, K]."""
    width = x.shape[1]
    for b in range(x.shape[0]):
        total = np.float32(0)
        for k in range(width):
            total += x[b, k] * x[b, k]
        scale = np.float32(1) / np.sqrt(total / np.float32(width) + np.float32(eps))
        for k in range(width):
            out[b, k] = x[b, k] * scale * as_float(weight[k])


@compiled
def dot(x: Any, weight: Any) -> Any:
    """Of a row of inputs and a row of weights, both [K]."""
    total = np.float32(0)
    for k in range(x.shape[0]):
        total += x[k] * as_float(weight[k])
    return total


SET, ADD, GATE = np.int8(0), np.int8(1), np.int8(2)
"""What becomes of an output: it replaces what is there, is added to it, or its silu multiplies it.

(Were these plain integers, numba would compile a `product` for each.)
"""


@compiled
def _put(out: Any, b: int, n: int, value: Any, how: int) -> None:
    if how == SET:
        out[b, n] = value
    elif how == ADD:
        out[b, n] += value
    else:
        out[b, n] *= value / (np.float32(1) + np.exp(-value))


@compiled
def _four_rows(x: Any, weight: Any, bias: Any, first: int, last: int, out: Any, how: int) -> None:
    """`product` of one slot: four rows at a time, far apart, so that memory is read as four streams."""
    own, inputs, quarter = x[0], x.shape[1], (last - first) // 4
    for a in range(first, first + quarter):
        b, c, d = a + quarter, a + 2 * quarter, a + 3 * quarter
        row_a, row_b, row_c, row_d = weight[a], weight[b], weight[c], weight[d]
        sum_a, sum_b, sum_c, sum_d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(inputs):
            sum_a += own[k] * as_float(row_a[k])
            sum_b += own[k] * as_float(row_b[k])
            sum_c += own[k] * as_float(row_c[k])
            sum_d += own[k] * as_float(row_d[k])
        if bias.shape[0]:
            sum_a += as_float(bias[a])
            sum_b += as_float(bias[b])
            sum_c += as_float(bias[c])
            sum_d += as_float(bias[d])
        _put(out, 0, a, sum_a, how)
        _put(out, 0, b, sum_b, how)
        _put(out, 0, c, sum_c, how)
        _put(out, 0, d, sum_d, how)
    for n in range(first + 4 * quarter, last):
        _put(out, 0, n, dot(own, weight[n]) + (as_float(bias[n]) if bias.shape[0] else np.float32(0)), how)


@compiled
def _four_slots(x: Any, weight: Any, bias: Any, first: int, last: int, out: Any, how: int) -> None:
    """`product` of several slots: a row of weights is read once for four of them."""
    batch, inputs = x.shape
    fours = batch // 4 * 4
    for n in range(first, last):
        row = weight[n]
        more = as_float(bias[n]) if bias.shape[0] else np.float32(0)
        for b in range(0, fours, 4):
            x0, x1, x2, x3 = x[b], x[b + 1], x[b + 2], x[b + 3]
            t0, t1, t2, t3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for k in range(inputs):
                w = as_float(row[k])
                t0 += x0[k] * w
                t1 += x1[k] * w
                t2 += x2[k] * w
                t3 += x3[k] * w
            _put(out, b, n, t0 + more, how)
            _put(out, b + 1, n, t1 + more, how)
            _put(out, b + 2, n, t2 + more, how)
            _put(out, b + 3, n, t3 + more, how)
        for b in range(fours, batch):
            _put(out, b, n, dot(x[b], row) + more, how)


@compiled
def product(x: Any, weight: Any, bias: Any, first: int, last: int, out: Any, how: int) -> None:
    """Outputs first .. last - 1 of a linear layer with weights [N, K] and bias [N] or [0]: x [B, K] -> out [B, N]."""
    if x.shape[0] == 1:
        _four_rows(x, weight, bias, first, last, out, how)
    else:
        _four_slots(x, weight, bias, first, last, out, how)


@compiled
def gated(x: Any, weight: Any, bias: Any, first: int, last: int, out: Any) -> None:
    """`silu(gate) * up` of hidden units first .. last - 1; weights [2 N, K], gates first: x [B, K] -> out [B, N]."""
    units = out.shape[1]
    part = bias[units:] if bias.shape[0] else bias
    product(x, weight[units:], part, first, last, out, SET)
    product(x, weight[:units], bias, first, last, out, GATE)
