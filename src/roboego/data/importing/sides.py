"""Two-sided recordings, the user left and Ego right: the sound of each, and its words with their times."""
# N samples

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from roboego.data.exercises import EGO_GAIN
from roboego.data.importing.aligner import Aligner, laid_along, shared_out
from roboego.data.importing.sentences import PEAK, at_peak
from roboego.data.voices.base import Sound, TimedWord
from roboego.errors import InputError
from roboego.streams.alphabet import normalize, words
from roboego.timebase import SAMPLE_RATE, seconds_to_samples

LEAD_S, TAIL_S = 0.4, 1.0
"""Silence that is put before and after a recording: Ego's text begins before its speech, and the user's last words are written later."""
SHORT_S = 1.5
"""An entry of a transcript that lasts no longer ("mm-hmm") tells well enough when its words are said, even if they are not heard."""
SILENT_SHARE = 0.03
"""An entry's sound below it, as a share of its side's largest sample (-30 dB), is silence."""
BROKEN_OFF = ("...", "…", "-", "–", "—")
"""How transcripts write that a sentence is not finished."""


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A recording.

    Attributes:
        user, ego: the sound [N] of each at 24 kHz.
        user_words, ego_words: the words of each, in the order of time.
        left_out: entries of the transcript that could not be used, each with the reason.
    """

    user: Sound
    ego: Sound
    user_words: tuple[TimedWord, ...]
    ego_words: tuple[TimedWord, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of a transcript: what one side ("user" or "ego") says from when to when, in seconds of the file."""

    speaker: str
    start_s: float
    end_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} of {self.speaker} at {self.start_s:.1f} s"


def read_sides(path: Path, aligner: Aligner) -> Sides:
    """A stereo file with silence around it, its words from a transcript beside it, or else as the aligner hears them.

    The transcript, a .json of the same name, is a list of `{"speaker": "user" | "ego", "start_s": ..., "end_s": ..., "text": ...}`.

    Raises:
        InputError: the file is not stereo, cannot be read, or its transcript is not of that form.
    """
    user, ego = _channels(path)
    transcript = path.with_suffix(".json")
    if not transcript.is_file():
        return Sides(user=user, ego=ego, user_words=tuple(aligner.hear(user)), ego_words=tuple(aligner.hear(ego)))
    told: dict[str, list[TimedWord]] = {"user": [], "ego": []}
    left_out: list[str] = []
    for entry in _entries(transcript):
        try:
            told[entry.speaker] += _said(entry, user if entry.speaker == "user" else ego, aligner)
        except InputError as error:
            left_out.append(f"{entry}: {error}")
    return Sides(user=user, ego=ego, user_words=_in_order(told["user"]), ego_words=_in_order(told["ego"]), left_out=tuple(left_out))


def _channels(path: Path) -> tuple[Sound, Sound]:
    try:
        pcm_NC, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); convert it to wav or flac") from error
    if pcm_NC.shape[1] != 2:
        raise InputError(f"{path} has {pcm_NC.shape[1]} channels; a dialogue has the user on the left and Ego on the right")
    if not np.isfinite(pcm_NC).all():
        raise InputError(f"{path} has samples that are NaN or infinite; export it again")
    both: Sound = soxr.resample(pcm_NC, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else pcm_NC
    both = np.pad(both, ((seconds_to_samples(LEAD_S), seconds_to_samples(TAIL_S)), (0, 0)))
    return np.ascontiguousarray(both[:, 0]), at_peak(both[:, 1], EGO_GAIN * PEAK)


def _entries(transcript: Path) -> list[Entry]:
    """The lines of a transcript.

    Raises:
        InputError: it is not of the form that `read_sides` tells.
    """
    shape = '[{"speaker": "user" or "ego", "start_s": ..., "end_s": ..., "text": ...}, ...]'
    try:
        entries = [_entry(told) for told in json.loads(transcript.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{transcript} is no transcript ({error}); it must be {shape}") from error
    if not all(e.speaker in ("user", "ego") and math.isfinite(e.start_s) and math.isfinite(e.end_s) for e in entries):
        raise InputError(f"{transcript} has an entry with another speaker, or a time that is no number; it must be {shape}")
    return entries


def _entry(told: dict[str, Any]) -> Entry:
    return Entry(speaker=told["speaker"], start_s=float(told["start_s"]), end_s=float(told["end_s"]), text=str(told["text"] or ""))


def _said(entry: Entry, pcm: Sound, aligner: Aligner) -> list[TimedWord]:
    """Words of an entry, where they are heard in its side's sound `pcm` [N].

    Raises:
        InputError: it cannot be used.
    """
    text = normalize(entry.text)
    if not words(text):
        raise InputError("it has no words")
    if not 0 <= entry.start_s < entry.end_s:
        raise InputError("it ends before it starts")
    start, end = (min(seconds_to_samples(s + LEAD_S), len(pcm)) for s in (entry.start_s, entry.end_s))
    stretch = pcm[start:end]
    if np.abs(stretch).max(initial=0.0) <= SILENT_SHARE * np.abs(pcm).max():
        raise InputError("nothing is heard there")
    said = [replace(w, start=w.start + start, end=w.end + start) for w in _timed(text, stretch, aligner)]
    if entry.text.rstrip().endswith(BROKEN_OFF):
        said[-1] = replace(said[-1], text=said[-1].text.rstrip(".,"))
    return said


def _timed(text: str, pcm: Sound, aligner: Aligner) -> tuple[TimedWord, ...]:
    """Words of a text in its own sound [N]: as they are heard, or where that is short, estimated.

    Raises:
        InputError: too little of the text is heard in a long sound.
    """
    try:
        return laid_along(text, aligner.hear(pcm), len(pcm))
    except InputError:
        if len(pcm) > seconds_to_samples(SHORT_S):
            raise
        return shared_out(text, len(pcm))


def _in_order(said: Sequence[TimedWord]) -> tuple[TimedWord, ...]:
    return tuple(sorted(said, key=lambda w: w.start))
