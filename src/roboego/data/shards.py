"""Sharded storage of FrameGrids: many grids in a file, each readable without the others.

A shard, `NAME.grids`, is

    magic  8 bytes, "ROBOGRID"
    head   3 little-endian 32-bit numbers: format version, bytes of the header, CRC-32 of the header
    header JSON: layout, fingerprints of codec and tokenizer, table of loss weights, number of grids, size and CRC-32 of what follows
    index  one entry a grid: where it begins behind the metadata, its bytes, frames and CRC-32
    metadata  zlib of a JSON list, one object a grid: texts, voice, condition, split, ...
    grids  see `roboego.data.packing`

It is written in one go and renamed into place, so a folder never holds half a shard.
"""
# T frames

import json
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from roboego.data.packing import WeightTable, pack_grid, unpack_grid
from roboego.errors import CheckpointError, InputError
from roboego.streams.grid import FrameGrid
from roboego.streams.layout import StreamLayout
from roboego.strict import from_json, to_json

SUFFIX = ".grids"
MAGIC = b"ROBOGRID"
VERSION = 1
_HEAD = struct.Struct("<8sIII")
_INDEX = np.dtype([("offset", "<u8"), ("bytes", "<u4"), ("frames", "<u4"), ("crc", "<u4")])

Metadata = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ShardHeader:
    """What a shard says of itself.

    Attributes:
        layout: of its grids.
        codec, tokenizer: fingerprints of what its codes and tokens were made with.
        weights: the loss weights that occur.
        grids: how many there are.
        metadata_bytes: size of the compressed metadata.
        tables_crc: CRC-32 of index and metadata.
    """

    layout: StreamLayout
    codec: str
    tokenizer: str
    weights: tuple[float, ...]
    grids: int
    metadata_bytes: int
    tables_crc: int


class ShardWriter:
    """Writes one shard. A context manager: the file appears when the block ends, and not at all if it raises.

    Args:
        path: the file to write, with the suffix `.grids`; its folder is made if need be. A shard that is there is replaced.
        layout: of the grids to come.
        codec_fingerprint, tokenizer_fingerprint: of what codes and tokens are made with.
    """

    def __init__(self, path: Path | str, layout: StreamLayout, *, codec_fingerprint: str, tokenizer_fingerprint: str) -> None:
        self.path = Path(path)
        if self.path.suffix != SUFFIX:
            raise InputError(f"{self.path.name} is no name for a shard: let it end in {SUFFIX}")
        self.layout = layout
        self._fingerprints = (codec_fingerprint, tokenizer_fingerprint)
        self._table = WeightTable()
        self._blobs: list[bytes] = []
        self._frames: list[int] = []
        self._metadata: list[Metadata] = []

    def add(self, grid: FrameGrid, metadata: Metadata | None = None) -> None:
        """Adds a grid and what is to be known of it (JSON values).

        Raises:
            InputError: the grid does not fit the layout, or the metadata are not JSON.
        """
        try:
            json.dumps(metadata, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(f"metadata must be JSON values: {error}") from error
        self._blobs.append(pack_grid(grid, self.layout, self._table))
        self._frames.append(len(grid))
        self._metadata.append(metadata or {})

    def __len__(self) -> int:
        """Grids so far."""
        return len(self._blobs)

    @property
    def frames(self) -> int:
        """Frames so far."""
        return sum(self._frames)

    def close(self) -> Path:
        """Writes the file.

        Raises:
            InputError: it cannot be written, for instance because the disk is full.
        """
        index = np.zeros(len(self._blobs), _INDEX)
        index["bytes"] = [len(b) for b in self._blobs]
        index["offset"] = np.cumsum(index["bytes"], dtype=np.uint64) - index["bytes"]
        index["frames"] = self._frames
        index["crc"] = [zlib.crc32(b) for b in self._blobs]
        metadata = zlib.compress(json.dumps(self._metadata, ensure_ascii=False, separators=(",", ":")).encode(), 9)
        header = ShardHeader(
            layout=self.layout,
            codec=self._fingerprints[0],
            tokenizer=self._fingerprints[1],
            weights=tuple(self._table.values),
            grids=len(self._blobs),
            metadata_bytes=len(metadata),
            tables_crc=zlib.crc32(metadata, zlib.crc32(index.tobytes())),
        )
        text = json.dumps(to_json(header)).encode()
        temporary = self.path.with_name(f"{self.path.name}.part{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.writelines([_HEAD.pack(MAGIC, VERSION, len(text), zlib.crc32(text)), text, index.tobytes(), metadata, *self._blobs])
            temporary.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise InputError(f"cannot write {self.path} ({error.strerror}): free some space or choose another folder") from error
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()


class Shard:
    """One shard. Its tables are held in memory, its grids are read from the file when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        size = self._size()
        head = self._read(0, _HEAD.size)
        magic, version, header_bytes, crc = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, 0, 0)
        if magic != MAGIC:
            raise InputError(f"{path} is not a shard of grids: make shards with roboego synth")
        if version != VERSION:
            raise InputError(f"{path} has format version {version}, this roboego reads {VERSION}: make the shard again, or upgrade roboego")
        at = _HEAD.size + header_bytes
        text = self._read(_HEAD.size, header_bytes)
        if zlib.crc32(text) != crc:
            raise self._damaged()
        try:
            self.header = from_json(ShardHeader, json.loads(text), path.name)
        except CheckpointError as error:
            raise InputError(f"cannot use {path}: {error}") from error
        end = at + self.header.grids * _INDEX.itemsize
        index = self._read(at, end - at)
        self._metadata = self._read(end, self.header.metadata_bytes)
        self._grids = end + self.header.metadata_bytes
        if zlib.crc32(self._metadata, zlib.crc32(index)) != self.header.tables_crc:
            raise self._damaged()
        self._index = np.frombuffer(index, _INDEX)
        if self._grids + int(self._index["bytes"].sum()) != size:
            raise self._damaged()
        self._table = WeightTable(list(self.header.weights))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of each grid."""
        return self._index["frames"].astype(np.int64)

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, i: int) -> FrameGrid:
        entry = self._index[i]
        blob = self._read(self._grids + int(entry["offset"]), int(entry["bytes"]))
        if zlib.crc32(blob) != entry["crc"]:
            raise self._damaged()
        return unpack_grid(blob, int(entry["frames"]), self.header.layout, self._table)

    def metadata(self) -> list[Metadata]:
        """What is known of each grid."""
        known: list[Metadata] = json.loads(zlib.decompress(self._metadata))
        return known

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise self._unreadable(error) from error

    def _read(self, start: int, count: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(count)
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> InputError:
        return InputError(f"cannot read {self.path} ({error.strerror}): name a shard made by roboego synth")

    def _damaged(self) -> InputError:
        return InputError(f"{self.path} is damaged or cut short: delete it and run roboego synth again, which makes what is missing")


class ShardReader:
    """The grids of a folder, or of some of its shards, one after another in the order of the shards' names.

    Args:
        source: a folder, or paths of shards.
        layout, codec_fingerprint, tokenizer_fingerprint: what the grids are to be used with, if given: others are refused. Grids without
            actions go with any.
    Raises:
        InputError: there are no shards; one is damaged or foreign; or they do not fit each other or what is given.
    """

    def __init__(
        self,
        source: Path | str | Sequence[Path],
        *,
        layout: StreamLayout | None = None,
        codec_fingerprint: str | None = None,
        tokenizer_fingerprint: str | None = None,
    ) -> None:
        paths = sorted(Path(source).glob(f"*{SUFFIX}")) if isinstance(source, Path | str) else list(source)
        if not paths:
            raise InputError(f"no shards (*{SUFFIX}) in {source}: make some with roboego synth")
        self._shards = [Shard(path) for path in paths]
        first = self._shards[0].header
        self.layout = layout or first.layout
        self.codec_fingerprint = codec_fingerprint or first.codec
        self.tokenizer_fingerprint = tokenizer_fingerprint or first.tokenizer
        for shard in self._shards:
            self._check(shard)
        self._entries = [(shard, i) for shard in self._shards for i in range(len(shard))]
        self.lengths: NDArray[np.int64] = np.concatenate([shard.lengths for shard in self._shards])
        self._metadata: dict[int, list[Metadata]] = {}

    @property
    def frames(self) -> int:
        """Frames of all grids together."""
        return int(self.lengths.sum())

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, i: int) -> FrameGrid:
        shard, row = self._entries[i]
        return shard[row]

    def metadata(self, i: int) -> Metadata:
        """What is known of grid `i`."""
        shard, row = self._entries[i]
        if id(shard) not in self._metadata:
            self._metadata[id(shard)] = shard.metadata()
        return self._metadata[id(shard)][row]

    def where(self, wanted: Callable[[Metadata], bool]) -> "ShardReader":
        """The grids whose metadata are wanted, as a reader of their own (which may be empty)."""
        chosen = [i for i in range(len(self)) if wanted(self.metadata(i))]
        view = ShardReader.__new__(ShardReader)
        view.__dict__.update(self.__dict__)
        view._entries = [self._entries[i] for i in chosen]
        view.lengths = self.lengths[chosen]
        return view

    def _check(self, shard: Shard) -> None:
        header = shard.header
        for what, theirs, ours in (
            ("codec", header.codec, self.codec_fingerprint),
            ("tokenizer", header.tokenizer, self.tokenizer_fingerprint),
        ):
            if theirs != ours:
                mismatch = f"{shard.path} was made with the {what} {theirs[:12]}, not with {ours[:12]}"
                raise InputError(f"{mismatch}: make the data again with this {what}, or use that one")
        if _stored(header.layout) not in (_stored(self.layout), _stored(replace(self.layout, action_dims=0, action_bins=0))):
            raise InputError(f"the grids of {shard.path} have another layout ({header.layout}): make the data again for this one")


def _stored(layout: StreamLayout) -> StreamLayout:
    """A layout without what grids do not depend on: acoustic delays are applied on the way into a model."""
    return replace(layout, speak=replace(layout.speak, delays=()), listen=replace(layout.listen, delays=()), first_listen=True, looks=False)
