"""The video of an episode: what the camera shows, captions of both sides below it, both voices."""
# H high, W wide

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from roboego.data.demonstrations.video import Encoder
from roboego.errors import InputError
from roboego.sim.eye import Eye
from roboego.sim.table import Table
from roboego.timebase import FRAME_RATE, SAMPLE_RATE

WIDTH, HEIGHT, STRIP = 480, 360, 104
"""Pixels: of the picture, and of the captions below it."""
EVERY = 2
"""Frames of 80 ms from one picture to the next, by default: to draw one takes longer than a frame."""
USER, EGO, UNHEARD = "#0072B2", "#D55E00", "#E9A97B"
"""Okabe and Ito's colours, as in the timelines; what Ego has written and not yet said is pale."""
_LETTERS, _LINES, _LINE = 46, 2, 24
_SOUND = "aac"


class Film:
    """Takes pictures; use it as a context. Its sound is added at the end.

    Args:
        every: frames of 80 ms from one picture to the next.
    Raises:
        InputError: this machine cannot draw, or this PyAV cannot write H.264.
    """

    def __init__(self, table: Table, every: int = EVERY, *, height: int = HEIGHT, width: int = WIDTH) -> None:
        self.every = every
        self._eye, self._size = Eye(table, height, width), (height, width)
        self._encoder = Encoder(height + STRIP, width, FRAME_RATE / every)
        self._font = ImageFont.load_default(size=17)

    def take(self, user: str, heard: str, unheard: str) -> NDArray[np.uint8]:
        """A picture of now [H, W, 3]; in the video it has captions: what the user says, what Ego has said and has yet to say."""
        height, width = self._size
        picture = self._eye.picture()
        page = Image.new("RGB", (width, height + STRIP), "white")
        page.paste(Image.fromarray(picture), (0, 0))
        draw = ImageDraw.Draw(page)
        self._caption(draw, height + 6, "user", user, "", USER)
        self._caption(draw, height + 6 + _LINES * _LINE, "Ego", heard, unheard, EGO)
        self._encoder.add(np.asarray(page))
        return picture

    def _caption(self, draw: ImageDraw.ImageDraw, y: int, who: str, said: str, more: str, colour: str) -> None:
        """The last lines of what somebody says; what is still to be heard is pale."""
        draw.text((8, y), who, fill=colour, font=self._font)
        lines: list[list[tuple[str, str]]] = [[]]
        for word, ink in [*((w, colour) for w in said.split()), *((w, UNHEARD) for w in more.split())]:
            if sum(len(w) + 1 for w, _ in lines[-1]) + len(word) > _LETTERS:
                lines.append([])
            lines[-1].append((word, ink))
        for i, line in enumerate(lines[-_LINES:]):
            x = 56.0
            for word, ink in line:
                draw.text((x, y + i * _LINE), word, fill=ink, font=self._font)
                x += draw.textlength(f"{word} ", font=self._font)

    def save(self, target: Path, conversation: Path) -> None:
        """Writes the video with a conversation's sound, a stereo wav, as an MP4 file."""
        add_sound(self._encoder.finish(), conversation, target)

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *failure: object) -> None:
        self._eye.close()


def add_sound(video: bytes, conversation: Path, target: Path) -> None:
    """A silent MP4 file with a wav's sound.

    Raises:
        InputError: this installation of PyAV cannot write AAC.
    """
    pcm, _ = soundfile.read(conversation, dtype="float32", always_2d=True)
    silent: Any = av.open(io.BytesIO(video))
    with silent, av.open(target, "w", format="mp4") as out:
        pictures = out.add_stream_from_template(silent.streams.video[0])
        try:
            sound: Any = out.add_stream(_SOUND, rate=SAMPLE_RATE, layout="stereo")
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"this PyAV has no {_SOUND} ({error}); install its wheel: pip install --force-reinstall av") from error
        for packet in silent.demux(silent.streams.video[0]):
            if packet.size:
                packet.stream = pictures
                out.mux(packet)
        out.mux(_encoded(sound, pcm))


def _encoded(sound: Any, pcm_N2: NDArray[np.float32]) -> list[Any]:
    packets: list[Any] = []
    for first in range(0, len(pcm_N2), SAMPLE_RATE):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm_N2[first : first + SAMPLE_RATE].T), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, first, Fraction(1, SAMPLE_RATE)
        packets += sound.encode(frame)
    packets += sound.encode()
    return packets
