"""Where recordings and their texts lie: wav beside text, or LibriSpeech's folders."""
# N samples

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.sound.reading import SoundReader

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A sound file and what is said in it."""

    path: Path
    text: str


def wav_and_text(folder: Path) -> Iterator[Recording]:
    """Sound files with a .txt of the same name beside each, in all subfolders; or, as of LJSpeech, a metadata.csv of `name|text` lines.

    Raises:
        InputError: there is none, or a text is missing.
    """
    table = folder / "metadata.csv"
    if table.is_file():
        yield from _listed(table)
        return
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no sound files ({', '.join(SUFFIXES)}); name the folder of your recordings")
    for path in paths:
        text = path.with_suffix(".txt")
        if not text.is_file():
            raise InputError(f"{path} has no {text.name} beside it that says what is spoken; write one, or move the recording away")
        yield Recording(path=path, text=text.read_text(encoding="utf-8").strip())


def _listed(table: Path) -> Iterator[Recording]:
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = line.split("|")
        if not rest:
            raise InputError(f"{table}, line {number}: no '|' between name and text")
        found = [p for base in (table.parent / name, table.parent / "wavs" / name) for p in _as_sound(base) if p.is_file()]
        if not found:
            raise InputError(f"{table}, line {number}: no sound file {name} beside it or in wavs/")
        yield Recording(path=found[0], text=rest[-1].strip())


def _as_sound(base: Path) -> list[Path]:
    return [base] if base.suffix.lower() in SUFFIXES else [base.with_name(base.name + suffix) for suffix in SUFFIXES]


def librispeech(folder: Path) -> Iterator[Recording]:
    """`SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt` with a line `ID TEXT` for each `ID.flac` beside it, in all subfolders.

    Raises:
        InputError: there is none, or a sound file is missing.
    """
    tables = sorted(folder.rglob("*.trans.txt"))
    if not tables:
        raise InputError(f"{folder} holds no *.trans.txt; name a folder of LibriSpeech, such as dev-clean")
    for table in tables:
        for line in table.read_text(encoding="utf-8").splitlines():
            name, _, text = line.strip().partition(" ")
            path = table.parent / f"{name}.flac"
            if name and not path.is_file():
                raise InputError(f"{table} names {path.name}, which is not beside it; unpack the archive again")
            if text:
                yield Recording(path=path, text=text)


def read_mono(path: Path) -> Sound:
    """A whole sound file as [N] at 24 kHz. Raises as `SoundReader`."""
    with SoundReader(path) as reader:
        return np.concatenate(list(reader))
