"""What the compiled functions are made of: weights at an address, bfloat16, products of rows, norms."""
# B slots, K inputs, N outputs

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract", "arcp"})
"""Sums may be reordered, which lets them run in vector registers; infinities keep their meaning."""


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


SET, ADD, GATE = range(3)
"""What becomes of an output: it replaces what is there, is added to it, or its silu multiplies it."""


@compiled
def _put(out: Any, b: int, n: int, value: Any, how: int) -> None:
    if how == SET:
        out[b, n] = value
    elif how == ADD:
        out[b, n] += value
    else:
        out[b, n] *= value / (np.float32(1) + np.exp(-value))


@compiled
def product(x: Any, weight: Any, bias: Any, first: int, last: int, out: Any, how: int = SET) -> None:
    """Outputs first .. last - 1 of a linear layer with weights [N, K] and bias [N] or [0]: x [B, K] -> out [B, N].

    A row of weights is read once for four slots.
    """
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
def gated(x: Any, weight: Any, bias: Any, first: int, last: int, out: Any) -> None:
    """`silu(gate) * up` of hidden units first .. last - 1; weights [2 N, K], gates first: x [B, K] -> out [B, N]."""
    units = out.shape[1]
    part = bias[units:] if bias.shape[0] else bias
    product(x, weight[units:], part, first, last, out)
    product(x, weight[:units], bias, first, last, out, GATE)
