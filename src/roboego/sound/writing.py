"""Files that appear when they are complete: written under a temporary name beside the target, renamed at the end."""
# N samples, C channels

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from roboego.errors import InputError, ShapeError
from roboego.timebase import SAMPLE_RATE, samples_to_seconds

_WAV_SAMPLE_BYTES = 2


def check_target(path: Path) -> None:
    """Sees, before any work is done, whether a file can be written at `path`; makes its folder.

    Raises:
        InputError: there is a folder of that name, or a file where a folder is needed.
        OSError: the folder cannot be made or written to.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{path.parent} is not a folder; choose another place for {path.name}") from None
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path.parent))


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A temporary name beside `target`, renamed to it when the block ends well, and removed when it does not.

    What exists and is no ordinary file (a pipe, a terminal) is written to directly. Raises as `check_target`.
    """
    check_target(target)
    if target.exists() and not target.is_file():
        yield target
        return
    temporary = target.with_name(f".{target.name}.part{os.getpid()}")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


class WavWriter:
    """A 24 kHz wav file of 16 bits, written as the sound comes. Use it in a `with` block: the file appears at its end.

    Args:
        channels: of the blocks that `write` is given.
    Raises:
        OSError: the disk is full, or the file cannot be written for another reason; nothing is left behind.
    """

    def __init__(self, path: Path, *, channels: int) -> None:
        self.path, self.channels, self.samples = path, channels, 0
        self._appearing = appearing(path)

    @property
    def duration_s(self) -> float:
        """Seconds written so far."""
        return samples_to_seconds(self.samples)

    def __enter__(self) -> Self:
        self._temporary = self._appearing.__enter__()
        try:
            self._file = soundfile.SoundFile(self._temporary, "w", SAMPLE_RATE, self.channels, subtype="PCM_16", format="WAV")
        except soundfile.LibsndfileError as error:
            failure = _why(self._temporary, 1)
            self._appearing.__exit__(type(failure), failure, None)
            raise failure from error
        return self

    def write(self, pcm: NDArray[np.float32]) -> None:
        """Adds samples [N] or [N, C] in [-1, 1]; what lies beyond is clipped."""
        if pcm.ndim != (1 if self.channels == 1 else 2) or (pcm.ndim == 2 and pcm.shape[1] != self.channels):
            raise ShapeError(f"this file takes samples of {self.channels} channels, not {pcm.shape}")
        try:
            self._file.write(pcm)
        except soundfile.LibsndfileError as error:
            raise _why(self._temporary, pcm.size * _WAV_SAMPLE_BYTES) from error
        self.samples += len(pcm)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        size = self.samples * self.channels * _WAV_SAMPLE_BYTES
        # libsndfile does not tell when its last write failed.
        if error is None and self._temporary.stat().st_size < size:
            error = _why(self._temporary, size)
            self._appearing.__exit__(type(error), error, None)
            raise error
        self._appearing.__exit__(kind, error, trace)


def _why(path: Path, size: int) -> OSError:
    """Why `size` bytes could not be added to a file, which libsndfile keeps to itself: found by trying."""
    try:
        with path.open("ab") as file:
            file.write(bytes(size))
    except OSError as error:
        return OSError(error.errno, os.strerror(error.errno or errno.EIO), str(path))
    return OSError(errno.EIO, os.strerror(errno.EIO), str(path))
