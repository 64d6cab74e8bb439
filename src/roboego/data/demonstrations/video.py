"""Pictures as H.264 in MP4 files that grow by whole episodes."""
# H high, W wide

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.sound.files import appearing

CODEC = "libx264"
KEYFRAME_EVERY = 4
"""Frames; to see one of them, at most so many are decoded."""
_OPTIONS = {"crf": "20", "preset": "veryfast", "tune": "zerolatency", "g": str(KEYFRAME_EVERY), "bf": "0", "threads": "1"}
"""No frame refers to a later one, so that they lie in the file as they follow each other. The encoder does not look ahead: for small
pictures that made videos of equal pictures differ."""


def rate(fps: float) -> Fraction:
    """Frames a second as a fraction that a video's clock can count."""
    return Fraction(fps).limit_denominator(1_001)


class Encoder:
    """One episode's video, made in memory.

    Raises:
        InputError: this installation of PyAV cannot write H.264.
    """

    def __init__(self, height: int, width: int, fps: float) -> None:
        self._buffer, self._beat, self._frames = io.BytesIO(), 1 / rate(fps), 0
        self._file = av.open(self._buffer, "w", format="mp4")
        try:
            stream: Any = self._file.add_stream(CODEC, rate=rate(fps), options=_OPTIONS)
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"this PyAV has no {CODEC} ({error}); install its wheel: pip install --force-reinstall av") from error
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        self._stream = stream

    def add(self, picture_HWC: NDArray[np.uint8]) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture_HWC), format="rgb24")
        frame.pts, frame.time_base = self._frames, self._beat
        self._frames += 1
        self._file.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """The MP4 file."""
        self._file.mux(self._stream.encode())
        self._file.close()
        return self._buffer.getvalue()

    def close(self) -> None:
        """Gives up what was encoded."""
        self._file.close()


def fits_behind(old: Path, clip: bytes) -> bool:
    """Whether a clip can go on in a file: only if one decoder setting serves both."""
    return _kind(old) == _kind(io.BytesIO(clip))


def append(path: Path, kept: int, clip: bytes, fps: float) -> None:
    """Puts a clip behind the first `kept` frames of a file, without encoding anything anew; what else the file held is left out.

    Raises:
        InputError: the file holds fewer frames, or is damaged.
        OSError: it cannot be written.
    """
    with appearing(path) as temporary:
        if not kept:
            temporary.write_bytes(clip)
            return
        with av.open(temporary, "w", format="mp4") as out:
            stream = None
            count = 0
            for source, most in ((path, kept), (io.BytesIO(clip), None)):
                with _opened(source) as file:
                    stream = stream or out.add_stream_from_template(file.streams.video[0])
                    count += _copy(file, out, stream, count, most, 1 / rate(fps))
                if most is not None and count < kept:
                    raise InputError(f"{path} holds {count} frames and not {kept}: it is damaged; take it from a copy of the dataset")


def _copy(file: Any, out: Any, stream: Any, first: int, most: int | None, beat: Fraction) -> int:
    """Moves packets, each one frame, and returns how many."""
    count = 0
    for packet in file.demux(file.streams.video[0]):
        if not packet.size:
            continue
        if count == most:
            break
        packet.stream, packet.time_base = stream, beat
        packet.pts = packet.dts = first + count
        packet.duration = 1
        out.mux(packet)
        count += 1
    return count


def _kind(source: Path | io.BytesIO) -> tuple[str, bytes | None]:
    with _opened(source) as file:
        codec = file.streams.video[0].codec_context
        return codec.name, codec.extradata


def _opened(source: Path | io.BytesIO) -> Any:
    """Raises an InputError for what is no video."""
    try:
        file = av.open(source)
    except av.error.FFmpegError as error:
        raise InputError(f"{source} cannot be read as a video ({error.strerror}); take it from a copy of the dataset") from error
    if not file.streams.video:
        file.close()
        raise InputError(f"{source} has no pictures; take it from a copy of the dataset")
    return file
