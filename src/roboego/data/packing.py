"""A FrameGrid as few bytes: codes at as many bits as their entries need, the rest compressed by zlib.

An hour of dialogue is 45,000 frames of 16 codes. Codes do not compress, so they are packed (9 bits each for 512 entries), and columns
that repeat the one before, as silence does, are left out. Everything else seldom changes from frame to frame, which zlib sees by itself.
"""
# T frames, K codebooks, D action dimensions

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.streams.grid import Codes, FrameGrid, Tokens
from roboego.streams.layout import SoundLayout, StreamLayout

PACKED, REPEATED, RAW = 0, 1, 2
"""How a column of codes is stored: in bits; not at all, as it equals the one before; as 16-bit numbers, as it holds special codes."""

WEIGHTS = ("text_weight", "speak_weight", "spoken_weight", "act_weight")
MOST_WEIGHTS = 256
"""Different values of loss weights that one table can hold."""

Kinds = NDArray[np.uint8]


class WeightTable:
    """The different values of loss weights in a shard; a grid stores their numbers."""

    def __init__(self, values: list[float] | None = None) -> None:
        self.values = list(values or [])

    def numbers(self, weights: NDArray[np.float32]) -> Kinds:
        """[T] weights -> [T] numbers; new values join the table.

        Raises:
            InputError: the table is full.
        """
        different, which = np.unique(weights, return_inverse=True)
        for value in different.tolist():
            if value not in self.values:
                self.values.append(value)
        if len(self.values) > MOST_WEIGHTS:
            raise InputError(f"more than {MOST_WEIGHTS} different loss weights in one shard: take them from a WeightConfig")
        return np.asarray([self.values.index(v) for v in different.tolist()], np.uint8)[which]

    def weights(self, numbers: Kinds) -> NDArray[np.float32]:
        """[T] numbers -> [T] weights."""
        return np.asarray(self.values, np.float32)[numbers]


def bits_of(sound: SoundLayout) -> int:
    """Bits of one code."""
    return max(1, (sound.entries - 1).bit_length())


def pack_bits(values: Codes, bits: int) -> bytes:
    """Numbers below 2**bits, in their order, most significant bit first; the last byte is filled with zeros."""
    wide = np.unpackbits(np.ascontiguousarray(values, ">u2").view(np.uint8).reshape(-1, 2), axis=1)
    return np.packbits(wide[:, 16 - bits :]).tobytes()


def unpack_bits(data: bytes, count: int, bits: int) -> Codes:
    """The first `count` numbers that `pack_bits` packed."""
    wide = np.zeros((count, 16), np.uint8)
    wide[:, 16 - bits :] = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits).reshape(count, bits)
    return np.packbits(wide, axis=1).view(">u2")[:, 0].astype(np.int16)


def pack_grid(grid: FrameGrid, layout: StreamLayout, table: WeightTable) -> bytes:
    """A grid as bytes.

    Raises:
        InputError: the grid does not fit the layout: other numbers of codebooks, or ids out of range.
    """
    _check(grid, layout)
    speak, listen = _kinds(grid.speak, layout.speak), _kinds(grid.listen, layout.listen)
    plain: list[tuple[Any, str]] = [
        (grid.text, "<i4"),
        (grid.read, "<i4"),
        (np.diff(grid.spoken, prepend=0), "<i4"),
        *((table.numbers(getattr(grid, name)), "u1") for name in WEIGHTS),
        (grid.act, "<i2"),
        (speak, "u1"),
        (listen, "u1"),
        (grid.speak[speak == RAW], "<i2"),
        (grid.listen[listen == RAW], "<i2"),
    ]
    small = zlib.compress(b"".join(np.ascontiguousarray(array, kind).tobytes() for array, kind in plain), 9)
    codes = [
        pack_bits(codes[kinds == PACKED].ravel(), bits_of(sound))
        for codes, kinds, sound in ((grid.speak, speak, layout.speak), (grid.listen, listen, layout.listen))
    ]
    return b"".join([struct.pack("<I", len(small)), small, *codes])


def unpack_grid(data: bytes, frames: int, layout: StreamLayout, table: WeightTable) -> FrameGrid:
    """The grid of `frames` frames that `pack_grid` packed. What is damaged is for the caller's checksum to find."""
    (small,) = struct.unpack_from("<I", data)
    plain = zlib.decompress(data[4 : 4 + small])
    offset = 0

    def take(count: int, kind: str) -> NDArray[Any]:
        nonlocal offset
        array = np.frombuffer(plain, kind, count, offset)
        offset += array.nbytes
        return array

    text, read = (take(frames, "<i4").astype(np.int32) for _ in range(2))
    spoken = np.cumsum(take(frames, "<i4"), dtype=np.int32)
    weights = {name: table.weights(take(frames, "u1")) for name in WEIGHTS}
    act = take(frames * layout.action_dims, "<i2").reshape(frames, layout.action_dims).astype(np.int16)
    speak, listen = take(frames, "u1"), take(frames, "u1")
    at = 4 + small
    speak_codes, at = _columns(speak, layout.speak, data, at, take)
    listen_codes, at = _columns(listen, layout.listen, data, at, take)
    return FrameGrid(text=text, read=read, spoken=spoken, act=act, speak=speak_codes, listen=listen_codes, **weights)


def _kinds(codes: Codes, sound: SoundLayout) -> Kinds:
    """[T] how each column of codes is stored."""
    kinds = np.where(((codes < 0) | (codes >= sound.entries)).any(1), RAW, PACKED).astype(np.uint8)
    kinds[1:][(codes[1:] == codes[:-1]).all(1)] = REPEATED
    return kinds


def _columns(kinds: Kinds, sound: SoundLayout, data: bytes, at: int, take: Callable[[int, str], NDArray[Any]]) -> tuple[Codes, int]:
    """Codes [T, K], and where in `data` the next ones lie."""
    count, bits = int((kinds == PACKED).sum()) * sound.codebooks, bits_of(sound)
    stop = at + -(-count * bits // 8)
    stored = np.empty((len(kinds), sound.codebooks), np.int16)
    stored[kinds == PACKED] = unpack_bits(data[at:stop], count, bits).reshape(-1, sound.codebooks)
    stored[kinds == RAW] = take(int((kinds == RAW).sum()) * sound.codebooks, "<i2").reshape(-1, sound.codebooks)
    latest = np.maximum.accumulate(np.where(kinds != REPEATED, np.arange(len(kinds)), 0)) if len(kinds) else np.zeros(0, np.int64)
    return stored[latest], stop


def _check(grid: FrameGrid, layout: StreamLayout) -> None:
    shapes = (grid.speak.shape[1], grid.listen.shape[1], grid.act.shape[1])
    wanted = (layout.speak.codebooks, layout.listen.codebooks, layout.action_dims)
    if shapes != wanted:
        raise InputError(f"a grid of {shapes} speak and listen codebooks and action dimensions does not fit a layout of {wanted}")

    def within(name: str, array: Codes | Tokens, ids: int) -> None:
        if array.size and not 0 <= array.min() <= array.max() < ids:
            raise InputError(f"{name} holds ids from {array.min()} to {array.max()}, but the layout has 0 to {ids - 1}")

    within("text", grid.text, layout.text.ids)
    within("read", grid.read, layout.text.ids)
    within("speak", grid.speak, layout.speak.ids)
    within("listen", grid.listen, layout.listen.ids)
    if layout.action_dims:
        within("act", grid.act, layout.action_bins)
