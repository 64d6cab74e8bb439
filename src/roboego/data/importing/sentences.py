"""Recorded sentences become banks, and banks grids, under names that the recipes' pools take up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np

from roboego.data.build import GridJob
from roboego.data.importing.aligner import Aligner
from roboego.data.importing.recordings import Recording, read_mono
from roboego.data.speech_bank import SENTENCES_PER_SHARD, write_shard
from roboego.data.voices.base import Sound, Spoken, trim
from roboego.errors import InputError
from roboego.sound.files import appearing_in
from roboego.streams.alphabet import normalize, words
from roboego.streams.layout import StreamLayout

Side = Literal["user", "ego"]
PEAK = 0.33
"""Of every imported sentence: that of Ego's engine, whose gain `roboego.data.exercises` then raises to one half."""
CONDITIONS, VARIANTS = 0.4, 2
"""Severity of the conditions under which a user's sentence is heard, and under how many."""


@dataclass
class Imported:
    """What came of an import.

    Attributes:
        banks: names of the banks, with how many sentences each has.
        skipped: file and reason of what could not be used.
    """

    banks: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    skipped: list[tuple[str, str]] = field(default_factory=list)


class _Banks:
    """Banks that grow in a folder. A shard is written as soon as it is full: of each bank no more than one is held in memory.

    Attributes:
        counts: names of the banks, with how many sentences each has so far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: dict[str, int] = {}
        self._waiting: dict[str, list[Spoken]] = {}

    def add(self, bank: str, spoken: Spoken) -> None:
        self.counts[bank] = self.counts.get(bank, 0) + 1
        self._waiting.setdefault(bank, []).append(spoken)
        if len(self._waiting[bank]) == SENTENCES_PER_SHARD:
            self._write(bank)

    def close(self) -> None:
        """Writes what is left, in shards that are not full."""
        for bank in list(self._waiting):
            self._write(bank)

    def _write(self, bank: str) -> None:
        shard = (self.counts[bank] - 1) // SENTENCES_PER_SHARD
        write_shard(self.folder / f"{bank}-{shard:05d}", self._waiting.pop(bank))


def import_sentences(
    recordings: Iterable[Recording],
    folder: Path,
    *,
    name: str,
    side: Side,
    aligner: Aligner,
    held_out: float,
    progress: Callable[[int], None] = lambda done: None,
) -> Imported:
    """Aligns recordings with their texts and writes banks `SIDE-train-NAME` and `SIDE-validation-NAME`.

    The files appear when the last recording is done, and not at all if something stops it.

    Args:
        folder: where banks lie. held_out: share of the sentences, by a hash of their words, that no training hears.
    Raises:
        InputError: no recording can be used, or a file cannot be written.
    """
    told = Imported()
    with appearing_in(folder) as unfinished:
        banks = _Banks(unfinished)
        for done, recording in enumerate(recordings, start=1):
            try:
                spoken = _spoken(recording, name, aligner)
            except InputError as error:
                told.skipped.append((str(recording.path), str(error)))
            else:
                split = "validation" if _share(spoken.text) < held_out else "train"
                banks.add(f"{side}-{split}-{name}", spoken)
                told.seconds += spoken.duration_s
            progress(done)
        if not banks.counts:
            raise InputError(f"no recording could be used; the first: {told.skipped[0] if told.skipped else 'there is none'}")
        banks.close()
    told.banks = banks.counts
    return told


def _spoken(recording: Recording, name: str, aligner: Aligner) -> Spoken:
    """One recording with the times of its words."""
    text = normalize(recording.text)
    if not words(text):
        raise InputError("its text has no words")
    pcm = at_peak(read_mono(recording.path))
    return trim(Spoken(text=text, voice=name, pcm=pcm, words=aligner.align(pcm, text)))


def at_peak(pcm: Sound, peak: float = PEAK) -> Sound:
    """Sound scaled to a peak.

    Raises:
        InputError: it is silent.
    """
    loudest = float(np.abs(pcm).max(initial=0.0))
    if loudest < 1e-4:
        raise InputError("it is silent")
    scaled: Sound = (pcm * (peak / loudest)).astype(np.float32)
    return scaled


def _share(text: str) -> float:
    """A number in [0, 1) that depends on the words alone."""
    digest = blake2b(" ".join(words(text)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def grid_jobs(told: Imported, *, speech: Path, grids: Path, tools: Path, layout: StreamLayout, side: Side) -> list[GridJob]:
    """The shards to make of imported banks: to be transcribed, and of Ego's sentences to be said.

    A pool of a recipe takes all shards whose names begin with its prefix, such as `tts-ego-train`: these are among them.
    """
    jobs = []
    for bank, count in told.banks.items():
        clean = "-validation-" in bank
        for kind in ("tts",) if side == "ego" else ("asr",):
            for variant in range(1 if clean or kind == "tts" else VARIANTS):
                for first in range(0, count, SENTENCES_PER_SHARD):
                    jobs.append(
                        GridJob(
                            out=grids / f"{kind}-{bank}-{first // SENTENCES_PER_SHARD:05d}-{variant}.grids",
                            kind=kind,
                            tools=tools,
                            bank=speech,
                            name=bank,
                            first=first,
                            count=SENTENCES_PER_SHARD,
                            layout=layout,
                            severity=0.0 if clean else CONDITIONS,
                            seed=variant,
                        )
                    )
    return jobs
