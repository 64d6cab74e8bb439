"""Full-Duplex-Bench v1 (arXiv 2503.04721) from a local folder: what comes back when its recordings are played to a model.

Ego takes over if what it says lasts a second or has more than three words; less is a backchannel. Latency runs from the end that the
set names to the first word, and is never below zero. Words and their times are Whisper-tiny's here, CrisperWhisper's or Parakeet's in the
paper; how well an answer fits an interruption, which the paper asks a large language model, is not rated.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from roboego.data.importing.aligner import Aligner
from roboego.data.importing.recordings import read_mono
from roboego.data.voices.base import Sound, TimedWord
from roboego.errors import InputError
from roboego.evaluation.partners import Partner
from roboego.evaluation.talk import Talked, converse, rate, times
from roboego.metrics.turns import Segment, voiced_segments
from roboego.timebase import FRAME_SAMPLES, samples_to_frames, samples_to_seconds, seconds_to_samples

Task = Literal["pause", "turn", "backchannel", "interruption"]
FOLDERS: dict[str, tuple[Task, str]] = {
    "candor_pause_handling": ("pause", ""),
    "synthetic_pause_handling": ("pause", ""),
    "candor_turn_taking": ("turn", "turn_taking.json"),
    "icc_backchannel": ("backchannel", ""),
    "synthetic_user_interruption": ("interruption", "interrupt.json"),
}
"""The set's folders, what each asks, and the file of each recording that tells when the user ends."""
TURN_S, TURN_WORDS = 1.0, 3
"""As long as this, or with more words than this, speech is a turn."""

Hear = Callable[[Sound], Sequence[TimedWord]]
"""Words of a sound [N] and their times."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Item:
    """A recording of a user. end: sample at which the user ends; None where that is not asked for."""

    folder: str
    task: Task
    path: Path
    end: int | None

    def sound(self) -> Sound:
        """[N] at 24 kHz. Raises an InputError if it cannot be read."""
        return read_mono(self.path)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What Ego did: whether it took over, how long after the user's end, and its backchannels in so many seconds."""

    item: Item
    took_over: bool
    latency_s: float | None
    backchannels: int
    duration_s: float


@dataclass
class Played:
    """A user that is a recording [N]: it says what it says, whatever Ego does."""

    sound: Sound
    clock: int = 0

    @property
    def done(self) -> bool:
        return self.clock >= len(self.sound)

    def speak(self) -> Sound:
        piece = self.sound[self.clock : self.clock + FRAME_SAMPLES]
        self.clock += FRAME_SAMPLES
        return np.pad(piece, (0, FRAME_SAMPLES - len(piece)))

    def hear(self, speech: Sound) -> None: ...


def items(folder: Path) -> list[Item]:
    """The recordings of the set's folders that are there.

    Raises:
        InputError: none is, or one of their files is missing or damaged.
    """
    found = [item for name in FOLDERS if (folder / name).is_dir() for item in _items(folder / name)]
    if not found:
        raise InputError(f"{folder} has none of the folders {', '.join(FOLDERS)}; unpack Full-Duplex-Bench v1 there")
    return found


def _items(folder: Path) -> Iterator[Item]:
    task, annotation = FOLDERS[folder.name]
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        path = place / "input.wav"
        if not path.is_file():
            raise InputError(f"{place} has no input.wav; unpack Full-Duplex-Bench again")
        yield Item(folder=folder.name, task=task, path=path, end=_end(place / annotation, task) if annotation else None)


def _end(path: Path, task: Task) -> int:
    """Where the user ends, by the annotation `[{"timestamp": [start, end], ...}]`: a turn's is where the other's begins."""
    try:
        stamps = json.loads(path.read_text(encoding="utf-8"))[0]["timestamp"]
        return seconds_to_samples(float(stamps[0 if task == "turn" else 1]))
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InputError(f'{path} does not tell when the user ends as [{{"timestamp": [start, end]}}]: {error}') from error


def play(
    partner: Partner, plan: Sequence[Item], hear: Hear, *, progress: Progress = lambda done, total: None
) -> list[tuple[Outcome, Talked]]:
    """Plays recordings to a partner, as many at once as it takes."""
    found = []
    for first in range(0, len(plan), partner.slots):
        group = plan[first : first + partner.slots]
        users = [Played(item.sound()) for item in group]
        longest = max(len(user.sound) for user in users)
        found += [
            (outcome(item, talked.ego, hear), talked)
            for item, talked in zip(group, converse(partner, users, longest=samples_to_frames(longest)), strict=True)
        ]
        progress(min(first + partner.slots, len(plan)), len(plan))
    return found


def outcome(item: Item, ego: Sound, hear: Hear) -> Outcome:
    """Judges what Ego said [N] on the recording's clock; of an interruption what it said after it."""
    since = item.end if item.task == "interruption" and item.end is not None else 0
    voiced = [s for s in voiced_segments(ego) if s.end > since]
    said = [w for w in hear(ego) if w.start >= since] if voiced else []
    utterances = [_words_of(segment, said) for segment in voiced] if item.task == "backchannel" else [said]
    took_over = any(_is_turn(words) for words in utterances)
    return Outcome(
        item=item,
        took_over=took_over,
        latency_s=max(0.0, samples_to_seconds(said[0].start - item.end)) if took_over and item.end is not None else None,
        backchannels=sum(bool(words) and not _is_turn(words) for words in utterances),
        duration_s=samples_to_seconds(len(ego)),
    )


def _words_of(segment: Segment, said: Sequence[TimedWord]) -> list[TimedWord]:
    return [w for w in said if segment.start <= (w.start + w.end) // 2 < segment.end]


def _is_turn(said: Sequence[TimedWord]) -> bool:
    return bool(said) and (len(said) > TURN_WORDS or samples_to_seconds(said[-1].end - said[0].start) >= TURN_S)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """By the set's folders: how often Ego took over (which it should after turns and interruptions, and nowhere else), and how soon."""
    told: dict[str, Any] = {}
    for folder, (task, annotation) in FOLDERS.items():
        found = [o for o in outcomes if o.item.folder == folder]
        if not found:
            continue
        told[folder] = {"took_over": rate([o.took_over for o in found])}
        if annotation:
            latencies = [o.latency_s for o in found if o.latency_s is not None]
            told[folder]["latency_s"] = times(latencies)
            told[folder]["mean_latency_s"] = float(np.mean(latencies)) if latencies else None
        if task == "backchannel":
            told[folder]["backchannels_a_second"] = sum(o.backchannels for o in found) / sum(o.duration_s for o in found)
    return told


def measure(partner: Partner, folder: Path, count: int) -> list[tuple[Outcome, Talked]]:
    """Plays at most `count` recordings of each of the set's folders, spread over it. Raises as `items`."""
    found, plan = items(folder), list[Item]()
    for name in FOLDERS:
        group = [item for item in found if item.folder == name]
        plan += [group[i] for i in np.linspace(0, len(group) - 1, min(count, len(group))).astype(int)]
    return play(partner, plan, Aligner().hear)
