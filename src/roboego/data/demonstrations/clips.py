"""An episode's pictures, decoded when they are asked for."""
# T frames, H high, W wide

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A part of a video file.

    Attributes:
        start_s: where it begins in the file.
        frames: T.
        fps: frames a second; what lies between two of them counts to the nearer one.
    """

    path: Path
    start_s: float
    frames: int
    fps: float

    def pictures(self) -> NDArray[np.uint8]:
        """All of them [T, H, W, 3].

        Raises:
            InputError: the file is missing or damaged, or ends too early.
        """
        return np.stack(list(self._decoded(0, self.frames)))

    def picture(self, t: int) -> NDArray[np.uint8]:
        """One of them [H, W, 3]; negative ones count from the end.

        Raises:
            InputError: there is no such frame, or as of `pictures`.
        """
        if not -self.frames <= t < self.frames:
            raise InputError(f"the episode has frames 0 to {self.frames - 1}, not {t}")
        first = t % self.frames
        return next(self._decoded(first, first + 1))

    def _decoded(self, first: int, end: int) -> Iterator[NDArray[np.uint8]]:
        try:
            with av.open(self.path) as file:
                stream = file.streams.video[0]
                stream.thread_type = "NONE"
                begin_s = self.start_s + first / self.fps
                assert stream.time_base is not None
                file.seek(max(int((begin_s - 0.5 / self.fps) / stream.time_base), 0), stream=stream)
                wanted = first
                for frame in file.decode(stream):
                    number = round((frame.time - self.start_s) * self.fps) if frame.time is not None else -1
                    if number == wanted:
                        picture: NDArray[Any] = frame.to_ndarray(format="rgb24")
                        yield picture
                        wanted += 1
                    if wanted == end:
                        return
                    if number > wanted:
                        break
        except (OSError, av.error.FFmpegError, IndexError) as error:
            raise InputError(f"{self.path} is missing or damaged ({error}); take it from a copy of the dataset") from error
        raise InputError(f"{self.path} lacks frame {wanted} of an episode that begins at {self.start_s:.3f} s: it is damaged")
