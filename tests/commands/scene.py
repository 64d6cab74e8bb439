"""A conversation made by hand: a question, a reply whose text runs ahead of its speech, a backchannel, an interruption, a second reply."""
# T frames, N samples, K codebooks, D action dimensions

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from roboego.commands.exchange.record import Look, Record, StereoWriter, Token
from roboego.runtime.frame import Frame
from roboego.runtime.replies import ReplyTracker
from roboego.streams.layout import TextLayout
from roboego.streams.tokenizer import Tokenizer
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE, frames_to_seconds, seconds_to_samples

Sound = NDArray[np.float32]

FRAMES = 141
QUESTION, BACKCHANNEL, INTERRUPTION = (0.62, 2.31), (4.45, 4.78), (6.02, 7.44)
"""When the user speaks: start and end in seconds."""
LONG_REPLY = "the red cup is on the table, next to the blue ball. there is also a green bowl on the shelf, and a yellow box."
ASKED = "on the table, is the red bowl next to the cup?"
SHORT_REPLY = "sure, i put the cup into the bowl."
LONG_AT, CUT_AT, SHORT_AT = 32, 82, 97
"""Frames in which Ego writes the first token of its replies, and `<cut>`."""
SPEECH_DELAY = 3
"""Frames from a reply's first token to its first sound."""
FRAMES_A_TOKEN = 1.9
"""How long a token takes to say."""
SENTENCES = (LONG_REPLY, SHORT_REPLY)


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A reply as it is to happen: text from frame `start`, one token a frame, sound after it, all of it over by `end`."""

    tokens: list[int]
    start: int
    end: int

    def audible(self, frame: int) -> int:
        """Tokens that have been heard by the end of a frame."""
        return min(max(int((frame - self.start - SPEECH_DELAY + 1) / FRAMES_A_TOKEN), 0), len(self.tokens))

    @property
    def speech(self) -> tuple[float, float]:
        """Start and end of its sound, in seconds of Ego's own track."""
        last = min(self.start + SPEECH_DELAY + int(FRAMES_A_TOKEN * len(self.tokens)), self.end)
        return frames_to_seconds(self.start + SPEECH_DELAY) + 0.02, frames_to_seconds(last) + 0.03


def tokenizer() -> Tokenizer:
    """Most words of the replies are one piece."""
    return Tokenizer.train((*SENTENCES, ASKED) * 5, vocab_size=160)


def make_scene(folder: Path, *, acts: bool = True, looks: bool = True, again: int = 1) -> tuple[Record, Path]:
    """The conversation as `hold` would have recorded it.

    Args:
        folder: where its sound and its picture go.
        acts: the model moves; looks: it sees.
        again: how often the conversation takes place, without a pause.
    Returns:
        What happened, and the stereo sound.
    """
    pieces = tokenizer()
    text = TextLayout(ids=len(pieces), first_word=len(pieces.specials))
    tracker = ReplyTracker(text, pieces, speaks=True)
    record = Record(model="models/nano", looks=[Look(frame=0, path=picture(folder / "table.png"))] if looks else [])
    record.read = [
        Token(frame=t, id=i, text=pieces.piece(i) if i >= text.first_word else "<duplex>", piece=i >= text.first_word)
        for t, i in enumerate([4, *pieces.encode("you see a table.")])
    ]
    written, audible = plan(pieces)
    captions = {10 + 2 * i: token for i, token in enumerate(pieces.encode(ASKED))}
    user, ego = tracks(pieces)
    rng = np.random.default_rng(1)
    with StereoWriter(folder / "conversation.wav") as wav:
        for t in range(FRAMES * again):
            now = t % FRAMES
            token = written.get(now, text.wait)
            reads, events = tracker.follow(t, token, audible[now])
            heard, said = (track[now * FRAME_SAMPLES : (now + 1) * FRAME_SAMPLES] for track in (user, ego))
            frame = Frame(
                index=t,
                speech=said,
                codes=codes(rng, bool(np.abs(said).max() > 0.01)),
                token=token,
                text=reads,
                caption=captions.get(now, text.wait),
                heard=pieces.piece(captions[now]) if now in captions else "",
                action=motion(now) if acts else None,
                spoken_upto=tracker.current.spoken if tracker.current else 0,
                spoken_text="",
                events=events,
                step_ms=float(rng.gamma(40, 0.6)) + (70.0 if now == 100 else 0.0),
            )
            wav.write(heard, said)
            record.add(heard, frame, tuple(tracker.replies), wait=text.wait, special="<cut>" if token == text.cut else "")
    return record, folder / "conversation.wav"


def plan(pieces: Tokenizer) -> tuple[dict[int, int], list[int]]:
    """The token of each frame that has one, and how many tokens of the current reply are audible in each."""
    long, short = replies(pieces)
    written = {reply.start + i: token for reply in (long, short) for i, token in enumerate(reply.tokens)}
    written[CUT_AT] = 1
    return written, [(short if t >= SHORT_AT else long).audible(t if t >= SHORT_AT else min(t, CUT_AT - 1)) for t in range(FRAMES)]


def replies(pieces: Tokenizer) -> tuple[Spoken, Spoken]:
    long, short = (pieces.encode(sentence) for sentence in SENTENCES)
    return Spoken(tokens=long, start=LONG_AT, end=CUT_AT), Spoken(tokens=short, start=SHORT_AT, end=FRAMES)


def tracks(pieces: Tokenizer) -> tuple[Sound, Sound]:
    """The user's and Ego's sound, [N] each."""
    room = np.random.default_rng(2).normal(0, 0.0008, FRAMES * FRAME_SAMPLES).astype(np.float32)
    user = room + syllables((QUESTION, BACKCHANNEL, INTERRUPTION), pitch_hz=118, seed=3)
    ego = syllables([reply.speech for reply in replies(pieces)], pitch_hz=205, seed=4)
    return user, ego


def syllables(turns: Iterable[tuple[float, float]], *, pitch_hz: float, seed: int) -> Sound:
    """Sound with the rhythm of speech within the turns, and silence between."""
    rng = np.random.default_rng(seed)
    times = np.arange(FRAMES * FRAME_SAMPLES) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * k * pitch_hz * times + k) / k for k in range(1, 9))
    loudness = np.zeros_like(times)
    for start_s, end_s in turns:
        at_s = start_s
        while at_s < end_s:
            length_s = min(rng.uniform(0.11, 0.26), end_s - at_s)
            part = slice(seconds_to_samples(at_s), seconds_to_samples(at_s + length_s))
            shape = np.sin(np.linspace(0, np.pi, part.stop - part.start)) ** 0.6
            loudness[part] = rng.uniform(0.05, 0.22) * np.maximum(shape, 0.12)
            at_s += length_s
    return (buzz * loudness).astype(np.float32)


def codes(rng: np.random.Generator, sounds: bool) -> NDArray[np.int64]:
    """[K] codes of a frame: always the same in silence."""
    return rng.integers(0, 512, 8) if sounds else np.array([17, 300, 5, 120, 8, 60, 0, 230])


def motion(frame: int) -> NDArray[np.int64]:
    """[D] action bins: at rest, then a reach and a grasp during the second reply."""
    reach = np.clip((frame - SHORT_AT) / 26, 0, 1)
    reach = reach * reach * (3 - 2 * reach)
    bins = np.array([128 + 80 * reach, 128 - 60 * reach * (2 - reach), 128 + 30 * np.sin(3 * reach), 255 if frame > SHORT_AT + 28 else 0])
    return bins.astype(np.int64)


def picture(path: Path) -> Path:
    """A table with a cup, a ball and a bowl."""
    image = Image.new("RGB", (240, 180), "#DAD3C8")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 110, 240, 180), fill="#9C7A55")
    draw.rectangle((40, 70, 80, 125), fill="#C0392B")
    draw.ellipse((105, 85, 155, 135), fill="#2E6DB4")
    draw.pieslice((170, 65, 230, 135), 0, 180, fill="#3C9D5B")
    image.save(path)
    return path
