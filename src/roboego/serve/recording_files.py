"""The files of one conversation that is being recorded, in the form of `roboego.data.recorded`."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from roboego.data.recorded import EVENTS, PICTURES, SOUND, Heading, Line, end_line
from roboego.errors import InputError
from roboego.perception.picture import Picture, to_image
from roboego.sound.ogg import write_pages_often
from roboego.timebase import SAMPLE_RATE

JPEG_QUALITY, LARGEST = 90, 1024
"""Of pictures, and pixels of their longer side at most."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step, as it is handed to the thread that writes: sound [1920, 2] of both sides, the line, and the picture shown, if any."""

    sound: NDArray[np.float32]
    line: Line
    picture: Picture | None = None


class Files:
    """They are open from the start on.

    Attributes:
        frames: steps written so far.

    Args:
        not_kept: told why a picture could not be written down.
    """

    def __init__(self, folder: Path, heading: Heading, not_kept: Callable[[Exception], None]) -> None:
        self.folder, self._not_kept = folder, not_kept
        self.frames = self._spoken = 0
        self._sound = soundfile.SoundFile(folder / SOUND, "w", SAMPLE_RATE, 2, format="OGG", subtype="OPUS")
        write_pages_often(self._sound)
        self._events = (folder / EVENTS).open("w", encoding="utf-8")
        self._say(heading.line())

    def write(self, step: Step) -> None:
        """A step: its sound first, so that what a line tells of can be heard."""
        self._sound.write(step.sound)
        self._sound.flush()
        self.frames += 1
        line = step.line if step.picture is None else replace(step.line, picture=self._keep(step.picture, step.line.frame))
        told = line.line(self._spoken)
        self._spoken = line.spoken
        if told is not None:
            self._say(told)

    def close(self, status: str) -> None:
        with suppress(OSError):
            self._say(end_line(self.frames, status))
        for file in (self._sound, self._events):
            with suppress(OSError, RuntimeError):
                file.close()

    def _say(self, line: dict[str, Any]) -> None:
        self._events.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._events.flush()

    def _keep(self, picture: Picture, frame: int) -> str:
        """Writes a picture down; its file's name, "" for one that cannot be written, or is none (an event tells of it)."""
        name = f"{PICTURES}/{frame:08d}.jpg"
        try:
            image = to_image(picture)
            image.thumbnail((LARGEST, LARGEST))
            (self.folder / PICTURES).mkdir(exist_ok=True)
            image.save(self.folder / name, quality=JPEG_QUALITY)
        except InputError:
            return ""
        except Exception as error:  # Pillow raises many kinds; the sound goes on
            self._not_kept(error)
            (self.folder / name).unlink(missing_ok=True)
            return ""
        return name
