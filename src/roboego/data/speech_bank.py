"""A speech bank: sentences spoken by one voice, in shards of raw samples beside their texts, words and phones.

A shard is `NAME-00012.pcm` (int16 mono 24 kHz, sentences one after another) and `NAME-00012.jsonl` (one sentence a line). A shard is made
in one go from its own seed and renamed into place, so an interrupted command goes on where it stopped and gives the same bank.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboego.data.voices import open_voice
from roboego.data.voices.base import Spoken, TimedPhone, TimedWord, Voice
from roboego.errors import InputError
from roboego.sound.files import appearing

SENTENCES_PER_SHARD = 100
SAMPLE_BYTES = 2
FIELDS = {"text", "voice", "samples", "words", "phones"}
"""What is known of each sentence."""

TextSource = Callable[[np.random.Generator], str]


@dataclass(frozen=True, kw_only=True)
class BankJob:
    """One shard to make: which voice says which kind of text, from which seed."""

    folder: Path
    name: str
    voice: str
    source: TextSource
    shard: int
    sentences: int = SENTENCES_PER_SHARD
    seed: int = 0

    @property
    def stem(self) -> Path:
        return self.folder / f"{self.name}-{self.shard:05d}"

    @property
    def out(self) -> Path:
        """The file that is written last."""
        return self.stem.with_suffix(".jsonl")


class SpeechBank:
    """Reads the shards of a folder. Samples are memory-mapped.

    Args:
        folder: where the shards lie.
        names: which banks of the folder to open (all by default).
    Raises:
        InputError: the folder holds no shard of these names, or one is damaged.
    """

    def __init__(self, folder: Path, names: tuple[str, ...] | None = None) -> None:
        self._entries: list[tuple[Path, int, int, dict[str, Any]]] = []
        self._maps: dict[Path, NDArray[np.int16]] = {}
        for index in sorted(folder.glob("*.jsonl")):
            if names is not None and index.stem.rsplit("-", 1)[0] not in names:
                continue
            offset = 0
            for entry in _read_index(index):
                self._entries.append((index.with_suffix(".pcm"), offset, entry["samples"], entry))
                offset += entry["samples"]
        if not self._entries:
            raise InputError(f"no speech in {folder} for {names or 'any bank'}; make it with: roboego synth speech")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def samples(self) -> int:
        """Samples of all sentences together."""
        return sum(n for _, _, n, _ in self._entries)

    def text(self, i: int) -> str:
        return str(self._entries[i][3]["text"])

    def length(self, i: int) -> int:
        """Samples of sentence `i`."""
        return self._entries[i][2]

    def pcm16(self, i: int) -> NDArray[np.int16]:
        path, offset, samples, _ = self._entries[i]
        if path not in self._maps:
            self._maps[path] = np.memmap(path, np.int16, "r")
        return self._maps[path][offset : offset + samples]

    def __getitem__(self, i: int) -> Spoken:
        entry = self._entries[i][3]
        return Spoken(
            text=entry["text"],
            voice=entry["voice"],
            pcm=self.pcm16(i).astype(np.float32) / np.float32(32768),
            words=tuple(TimedWord(text=t, start=a, end=b) for t, a, b in entry["words"]),
            phones=tuple(TimedPhone(symbol=s, start=a, end=b) for s, a, b in entry["phones"]),
        )

    def __iter__(self) -> Iterator[Spoken]:
        return (self[i] for i in range(len(self)))


def _read_index(index: Path) -> list[dict[str, Any]]:
    """What a shard's .jsonl says of its sentences, if the .pcm beside it has their samples.

    Raises:
        InputError: one of the two is damaged.
    """
    pcm = index.with_suffix(".pcm")
    again = f"delete {index}, and roboego {'eval' if '-test-' in index.name else 'synth speech'} makes both files again"
    try:
        entries = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
        if not all(isinstance(entry, dict) and entry.keys() >= FIELDS for entry in entries):
            raise ValueError(f"a sentence without {', '.join(sorted(FIELDS))}")
        samples = sum(int(entry["samples"]) for entry in entries)
    except (ValueError, TypeError) as error:
        raise InputError(f"{index} is damaged ({error}); {again}") from error
    found = pcm.stat().st_size / SAMPLE_BYTES if pcm.exists() else 0
    if found != samples:
        raise InputError(f"{pcm} is damaged: {found:g} samples, where {index.name} has {samples}; {again}")
    return entries


def make_shard(job: BankJob, voice: Voice | None = None) -> Path:
    """Speaks one shard, unless it is there already.

    Raises:
        InputError: it cannot be written, for instance because the disk is full, or the voice is not to be had.
    """
    if job.out.exists():
        return job.out
    voice = voice or _voice(job.voice)
    rng = np.random.default_rng([job.seed, job.shard])
    said: list[Spoken] = []
    while len(said) < job.sentences:
        spoken = voice.say(job.source(rng), rng)
        if np.abs(spoken.pcm).max(initial=0.0) > 0.0:
            said.append(spoken)
    return write_shard(job.stem, said)


def write_shard(stem: Path, said: Sequence[Spoken]) -> Path:
    """Writes the two files of a shard, samples first; sentences louder than full scale are made softer. Returns the .jsonl.

    Raises:
        InputError: they cannot be written, for instance because the disk is full.
    """
    parts: list[NDArray[np.int16]] = []
    lines: list[str] = []
    for spoken in said:
        peak = max(float(np.abs(spoken.pcm).max(initial=0.0)), 0.98)
        parts.append(np.round(spoken.pcm * (0.98 / peak * 32767)).astype(np.int16))
        entry = {
            "text": spoken.text,
            "voice": spoken.voice,
            "samples": len(spoken.pcm),
            "words": [(w.text, w.start, w.end) for w in spoken.words],
            "phones": [(p.symbol, p.start, p.end) for p in spoken.phones],
        }
        lines.append(json.dumps(entry, ensure_ascii=False))
    stem.parent.mkdir(parents=True, exist_ok=True)
    for suffix, data in ((".pcm", np.concatenate(parts).tobytes()), (".jsonl", "\n".join(lines).encode())):
        path = stem.with_suffix(suffix)
        try:
            with appearing(path) as temporary:
                temporary.write_bytes(data)
        except OSError as error:
            raise InputError(f"cannot write {path} ({error.strerror}): free some space or choose another folder") from error
    return stem.with_suffix(".jsonl")


_opened: dict[str, Voice] = {}


def _voice(name: str) -> Voice:
    if name not in _opened:
        _opened[name] = open_voice(name)
    return _opened[name]
