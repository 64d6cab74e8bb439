"""Wav files, written as the sound comes."""
# N samples, C channels

import errno
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from roboego.errors import ShapeError
from roboego.sound.files import appearing
from roboego.timebase import SAMPLE_RATE, samples_to_seconds

_SAMPLE_BYTES = 2


class WavWriter:
    """A 24 kHz wav file of 16 bits. Use it in a `with` block: the file appears at its end, or not at all.

    Args:
        channels: of the blocks that `write` is given.
    Raises:
        InputError: there is a folder in the file's place.
        OSError: the disk is full, or the file cannot be written for another reason; nothing is left behind.
    """

    def __init__(self, path: Path, *, channels: int) -> None:
        self.path, self.channels, self.samples = path, channels, 0
        self._stack = ExitStack()

    @property
    def duration_s(self) -> float:
        """Seconds written so far."""
        return samples_to_seconds(self.samples)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._temporary = stack.enter_context(appearing(self.path))
            try:
                self._file = soundfile.SoundFile(self._temporary, "w", SAMPLE_RATE, self.channels, subtype="PCM_16", format="WAV")
            except soundfile.LibsndfileError as error:
                raise self._why(1) from error
            stack.push(self._closed)
            self._stack = stack.pop_all()
        return self

    def write(self, pcm: NDArray[np.float32]) -> None:
        """Adds samples [N] or [N, C] in [-1, 1]; what lies beyond is clipped."""
        if pcm.ndim != (1 if self.channels == 1 else 2) or (pcm.ndim == 2 and pcm.shape[1] != self.channels):
            raise ShapeError(f"this file takes samples of {self.channels} channels, not {pcm.shape}")
        try:
            self._file.write(pcm)
        except soundfile.LibsndfileError as error:
            raise self._why(pcm.size * _SAMPLE_BYTES) from error
        self.samples += len(pcm)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def _closed(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        # libsndfile does not tell when its last write failed.
        size = self.samples * self.channels * _SAMPLE_BYTES
        if error is None and self._temporary.stat().st_size < size:
            raise self._why(size)

    def _why(self, size: int) -> OSError:
        """Why `size` bytes could not be added to the file, which libsndfile keeps to itself: found by trying."""
        reason = errno.EIO
        try:
            with self._temporary.open("ab") as file:
                file.write(bytes(size))
        except OSError as error:
            reason = error.errno or reason
        return OSError(reason, os.strerror(reason), str(self.path))
