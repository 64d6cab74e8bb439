"""The form in which live conversations are recorded: a folder of stereo sound, what happened beside it line by line, and pictures.

`sound.opus` (Ogg) has the user left and Ego right. Its frame t holds the sound that step t heard, and what step t - 1 said. `events.jsonl`
has one JSON object a line: a heading, a line for every step in which something happened, and, unless the process was killed, an end.
`pictures/` has what Ego was shown. What is written here is read here.
"""
# T frames, K codebooks

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from roboego.errors import CheckpointError, InputError
from roboego.model.loaded import LoadedModel
from roboego.runtime.frame import Event, Frame
from roboego.strict import check_at_least, from_json
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE

SOUND, EVENTS, PICTURES = "sound.opus", "events.jsonl", "pictures"
VERSION = 2
"""Of the lines. Those of version 1 had neither numbers of tokens nor a version."""
MOST = 2**31
"""Numbers of frames and of spoken tokens are smaller."""
LONGEST_HEADING = 100_000
"""Bytes of the first line, at most."""
BLOCK_FRAMES = 64
"""Frames of sound that are read at once."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """The first line: what a conversation was held with.

    Attributes:
        started: when, in seconds since 1970.
        tokenizer, codec: fingerprints of what tokens and codes mean; "" if the model had none.
        captions: whether the model wrote down what it heard.
        wait: the token that says nothing. silence: [K] the codes that do.
        spk_delay: frames by which speech follows its text.
        late_frames: by how many frames a step's sound and `spoken` were told after the step that chose them (acoustic delays).
        codec_delay: samples by which the codec's sound lags behind its codes.
    """

    model: str
    started: float = 0.0
    version: int = VERSION
    mode: str = "duplex"
    tokenizer: str = ""
    codec: str = ""
    captions: bool = False
    wait: int = 0
    silence: tuple[int, ...] = ()
    spk_delay: int = 0
    late_frames: int = 0
    codec_delay: int = 0

    def __post_init__(self) -> None:
        check_at_least(0, self, "spk_delay", "late_frames", "codec_delay")

    @classmethod
    def of(cls, loaded: LoadedModel, mode: str, started: float) -> "Heading":
        """That of a conversation with a model."""
        config, codec = loaded.model.config, loaded.codec
        return cls(
            model=loaded.name,
            started=started,
            mode=mode,
            tokenizer="" if loaded.tokenizer is None else loaded.tokenizer.fingerprint,
            codec="" if codec is None else codec.fingerprint,
            captions=config.caption_head,
            wait=config.layout.text.wait,
            silence=tuple(loaded.silence.tolist()),
            spk_delay=config.layout.spk_delay,
            late_frames=config.layout.speak.max_delay,
            codec_delay=0 if codec is None else codec.delay_samples,
        )

    def line(self) -> dict[str, Any]:
        return {"type": "heading", **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A step in which something happened.

    Attributes:
        frame: its number, from 0.
        spoken: how many tokens of the current reply are audible by its end; in steps without a line it is as in the last one.
        token, text: what Ego wrote, and how it reads on; None and "" for waits.
        forced: the token was given to Ego, not chosen by it.
        caption, heard: the same of what Ego heard, as it wrote that down.
        read, read_text: the same of what Ego read.
        codes: [K] what Ego says, unless that is silence.
        action: [D] action bins.
        picture: file of the picture that it was shown, in the conversation's folder.
        sense: readings of senses that came, by name.
        events: what happened, each with its `type`.
    """

    frame: int
    spoken: int
    token: int | None = None
    text: str = ""
    forced: bool = False
    caption: int | None = None
    heard: str = ""
    read: int | None = None
    read_text: str = ""
    codes: tuple[int, ...] = ()
    action: tuple[int, ...] = ()
    picture: str = ""
    sense: dict[str, list[Any]] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not (0 <= self.frame < MOST and 0 <= self.spoken < MOST):
            raise InputError(f"frame {self.frame} with {self.spoken} tokens spoken cannot be")

    @classmethod
    def of(cls, frame: Frame, heading: Heading, picture: str = "", sense: Mapping[str, ArrayLike] | None = None) -> "Line":
        """A step's line."""
        codes = tuple(frame.codes.tolist())
        return cls(
            frame=frame.index,
            spoken=frame.spoken_upto,
            token=None if frame.token == heading.wait else frame.token,
            text=frame.text,
            forced=frame.forced and frame.token != heading.wait,
            caption=None if frame.caption == heading.wait else frame.caption,
            heard=frame.heard,
            read=frame.read,
            read_text=frame.read_text,
            codes=() if codes == heading.silence else codes,
            action=() if frame.action is None else tuple(frame.action.tolist()),
            picture=picture,
            sense={name: _reading(given) for name, given in (sense or {}).items()},
            events=tuple(_event(event) for event in frame.events),
        )

    def line(self, spoken_before: int) -> dict[str, Any] | None:
        """What is written; None if nothing happened that the lines before do not tell."""
        nothing: tuple[Any, ...] = ("", (), {}, None)
        told = {name: value for name, value in asdict(self).items() if value not in nothing and value is not False}
        quiet = told.keys() <= {"frame", "spoken"} and self.spoken == spoken_before
        return None if quiet else {"type": "frame", **told, "frame": self.frame, "spoken": self.spoken}


def end_line(frames: int, status: str) -> dict[str, Any]:
    """The last line of a recording that was ended."""
    return {"type": "end", "frames": frames, "status": status}


def _reading(given: ArrayLike) -> list[Any]:
    """A sense's numbers, to four decimals; those that are none (NaN, infinite) as None, which JSON has."""
    numbers = np.round(np.asarray(given, np.float64), 4)
    told = numbers.astype(object)
    told[~np.isfinite(numbers)] = None
    return list(told.tolist())


def _event(event: Event) -> dict[str, Any]:
    """An event with its name as protocols have it: `reply_started`."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__)
    return {"type": name.lstrip("_"), **asdict(event)}


@dataclass(kw_only=True)
class Recorded:
    """What the lines of a conversation tell, as far as they can be read.

    Attributes:
        lines: in the order of their frames.
        until: frame before which all is told; None: the file is whole, or ends after a whole line.
        ended: whether there is an end line.
    """

    heading: Heading
    lines: list[Line] = field(default_factory=list)
    until: int | None = None
    ended: bool = False


def heading_of(folder: Path) -> Heading:
    """The heading of a conversation's folder.

    Raises:
        InputError: there is none, it is of another version, or what stands there is no recording.
    """
    with _opened(folder) as file:
        return _heading(file.readline(LONGEST_HEADING))


def read_recorded(folder: Path) -> Recorded:
    """The lines of a conversation's folder, up to the first that cannot be read. Raises as `heading_of`."""
    with _opened(folder) as file:
        told = Recorded(heading=_heading(file.readline(LONGEST_HEADING)))
        for raw in file:
            try:
                _take(told, json.loads(raw))
            except (ValueError, RecursionError, CheckpointError, InputError):
                told.until = told.lines[-1].frame + 1 if told.lines else 0
                break
    return told


def _opened(folder: Path) -> BinaryIO:
    try:
        return (folder / EVENTS).open("rb")
    except OSError as error:
        raise InputError(f"its {EVENTS} cannot be read ({error.strerror})") from error


def _heading(raw: bytes) -> Heading:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or "model" not in data:
        raise InputError(f"its {EVENTS} does not begin as a recording does")
    if data.get("version") != VERSION:
        raise InputError(f"it was recorded in version {data.get('version', 1)}, which does not tell tokens; this roboego reads {VERSION}")
    try:
        return from_json(Heading, {name: value for name, value in data.items() if name != "type"}, "its heading")
    except CheckpointError as error:
        raise InputError(str(error)) from error


def _take(told: Recorded, data: Any) -> None:
    """Takes in a line. Raises an error of several kinds if it is none."""
    if not isinstance(data, dict):
        raise InputError("not an object")
    kind = data.pop("type", None)
    if kind == "end":
        told.ended = True
        return
    line = from_json(Line, data, "line")
    if kind != "frame" or line.frame <= (told.lines[-1].frame if told.lines else -1):
        raise InputError("not the next line")
    told.lines.append(line)


def frames_of(folder: Path) -> int:
    """How many frames of 80 ms the sound of a conversation's folder holds; 0 if it cannot be read."""
    try:
        with soundfile.SoundFile(folder / SOUND) as file:
            return int(file.frames) // FRAME_SAMPLES
    except (soundfile.LibsndfileError, OSError):
        return 0


def sound_of(folder: Path, late: int) -> Iterator[NDArray[np.float32]]:
    """The sound of a conversation as frames [2, 1920], up to where it can be read: the user's, and Ego's from `late` samples later.

    Raises:
        InputError: there is none, or it has not two channels at 24 kHz.
    """
    try:
        file = soundfile.SoundFile(folder / SOUND)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"its {SOUND} cannot be read") from error
    with file:
        if (file.channels, file.samplerate) != (2, SAMPLE_RATE):
            raise InputError(f"its {SOUND} has {file.channels} channels at {file.samplerate} Hz, not 2 at {SAMPLE_RATE}")
        ahead = np.zeros((0, 2), np.float32)
        for block in _blocks(file):
            ahead = np.concatenate([ahead, block])
            while len(ahead) >= late + FRAME_SAMPLES:
                yield np.stack([ahead[:FRAME_SAMPLES, 0], ahead[late : late + FRAME_SAMPLES, 1]])
                ahead = ahead[FRAME_SAMPLES:]


def _blocks(file: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    while True:
        try:
            block = file.read(BLOCK_FRAMES * FRAME_SAMPLES, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:  # damaged from here on
            return
        if not len(block):
            return
        yield block
