"""Any sound file as a stream of 80 ms frames at 24 kHz mono; memory does not grow with its length."""
# N samples of a block, C channels, M samples at 24 kHz

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE

Sound = NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
MOST_CHANNELS = 8
FULL_SCALE_MARGIN = 16.0
"""Floating-point samples beyond this are not sound in [-1, 1] that was mixed too hot, but integers stored as floats."""

_BLOCK = 16_384
# What libsndfile notes in its log when a chunk's size does not fit the file's length.
_LENGTH_NOTE = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_FRAMES_NOTE = re.compile(r"Calculated frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
# Recorders that write to a pipe do not know the length and put (nearly) the largest number.
_UNKNOWN_LENGTH = 0x7FFF_0000


class SoundReader:
    """Reads wav, flac, ogg, mp3, aiff and whatever else libsndfile knows; 8 to 192 kHz, one to eight channels, ints and floats.

    Channels are averaged, the rate is changed by a streaming resampler whose output equals that of the whole file, and samples beyond
    full scale are clipped. Use it in a `with` block; iterating gives arrays [1920] of float32, the last one padded with zeros.

    Raises:
        InputError: the file is missing, empty, damaged, no sound, or of a kind that is not read; while iterating: it ends before its
            time, or has samples that are NaN or infinite.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = _opened(self.path)
        try:
            self._check()
        except InputError:
            self._file.close()
            raise
        self.clipped_samples = 0

    @property
    def sample_rate(self) -> int:
        """Samples a second, in the file."""
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        """Channels in the file."""
        return int(self._file.channels)

    @property
    def duration_s(self) -> float:
        """Length in seconds, as the file's header gives it."""
        return float(self._file.frames / self._file.samplerate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Sound]:
        left = np.zeros(0, np.float32)
        for block in self._resampled():
            left = np.concatenate([left, block])
            whole = len(left) // FRAME_SAMPLES * FRAME_SAMPLES
            for start in range(0, whole, FRAME_SAMPLES):
                yield left[start : start + FRAME_SAMPLES].copy()
            left = left[whole:]
        if len(left):
            yield np.pad(left, (0, FRAME_SAMPLES - len(left)))

    def _resampled(self) -> Iterator[Sound]:
        """Blocks [M] at 24 kHz, of any length."""
        if self.sample_rate == SAMPLE_RATE:
            for block in self._mono():
                yield self._clipped(block)
            return
        stream = soxr.ResampleStream(self.sample_rate, SAMPLE_RATE, 1, dtype="float32")
        for block in self._mono():
            yield self._clipped(stream.resample_chunk(block, last=False))
        yield self._clipped(stream.resample_chunk(np.zeros(0, np.float32), last=True))

    def _clipped(self, block: Sound) -> Sound:
        self.clipped_samples += int(np.count_nonzero(np.abs(block) > 1))
        return block.clip(-1, 1)

    def _mono(self) -> Iterator[Sound]:
        """Blocks [N] at the file's own rate, checked."""
        position = 0
        while True:
            try:
                block_NC: Sound = self._file.read(_BLOCK, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise self._cut_short(position) from error
            if not len(block_NC):
                break
            self._check_samples(block_NC, position)
            position += len(block_NC)
            yield block_NC.mean(axis=1, dtype=np.float32)
        # Variable-rate formats only estimate their length.
        if position < self._file.frames and self._file.format not in ("MP3", "OGG"):
            raise self._cut_short(position)

    def _check(self) -> None:
        """What the header tells."""
        name, file = self.path, self._file
        if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
            raise InputError(
                f"{name} has {file.samplerate} samples a second; convert it to {LOWEST_RATE} to {HIGHEST_RATE}, such as {SAMPLE_RATE}"
            )
        if file.channels > MOST_CHANNELS:
            raise InputError(f"{name} has {file.channels} channels; mix it down to at most {MOST_CHANNELS}")
        log = file.extra_info
        for stated, there in (tuple(map(int, m.groups())) for m in _LENGTH_NOTE.finditer(log)):
            if there < stated < _UNKNOWN_LENGTH:
                raise InputError(f"{name} is cut short: it has {there:,} of its {stated:,} bytes of sound; copy or record it again")
        frames = _FRAMES_NOTE.search(log)
        if frames and int(frames[1]) < int(frames[2]):
            raise InputError(f"{name} is cut short: it has {int(frames[1]):,} of its {int(frames[2]):,} samples; copy or record it again")
        if file.frames == 0:
            raise InputError(f"{name} has a header but no samples; record it again")

    def _check_samples(self, block_NC: Sound, position: int) -> None:
        if not np.isfinite(block_NC).all():
            n, channel = (int(i) for i in np.argwhere(~np.isfinite(block_NC))[0])
            kind = "not a number (NaN)" if np.isnan(block_NC[n, channel]) else "infinite"
            raise InputError(
                f"{self.path}: sample {position + n} of channel {channel + 1} ({(position + n) / self.sample_rate:.3f} s) is {kind}; "
                "replace such samples, for instance with numpy.nan_to_num, or export the file again"
            )
        if (peak := float(np.abs(block_NC).max())) > FULL_SCALE_MARGIN:
            raise InputError(
                f"{self.path}: floating-point samples must lie in [-1, 1], but reach {peak:,.0f}; divide them by their full scale"
            )

    def _cut_short(self, position: int) -> InputError:
        heard_s, stated_s = position / self.sample_rate, self.duration_s
        return InputError(
            f"{self.path} is damaged or cut short: it can be read to {heard_s:.2f} s of {stated_s:.2f} s; copy or record it again"
        )


def _opened(path: Path) -> soundfile.SoundFile:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the name of the sound file")
    if not path.is_file():
        raise InputError(f"{path} is not a file; give a sound file, such as a .wav")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); record or copy it again")
    try:
        with path.open("rb"):
            pass
        return soundfile.SoundFile(path)
    except PermissionError:
        raise InputError(f"{path} may not be read; change its permissions (chmod +r)") from None
    except TypeError as error:
        raise InputError(f"{path} has no header that tells its sample rate and format; convert it to wav or flac") from error
    except soundfile.LibsndfileError as error:
        reason = str(error.error_string).rstrip(".").lower() or "it cannot be opened"
        raise InputError(f"{path} is not a sound file that can be read ({reason}); convert it to wav or flac") from error
