"""Conversations on disk, written as they happen: sound of both sides, and everything that was written, heard and done, on one time axis.

A conversation is a folder: `sound.opus` (Ogg), stereo, the user left and Ego right, and `events.jsonl`, a line for every frame in which
something happened, the first of them saying what model it is. Beside the folders lies `index.sqlite`. Disks are slow at times, so a
thread of its own writes. A process that is killed loses less than a second, and leaves files that can be read up to there.
"""
# N samples

import json
import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import soundfile

from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.runtime.frame import SILENCE, Frame
from roboego.sound.ogg import write_pages_often
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE, frames_to_seconds

SOUND, EVENTS, INDEX = "sound.opus", "events.jsonl", "index.sqlite"
DAY_S = 86_400
_TABLE = """
create table if not exists sessions (
    id text primary key, model text not null, started real not null, frames integer not null, status text not null
) strict
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A conversation in the index.

    Attributes:
        started: when, in seconds since 1970.
        frames: how long it is so far, in frames of 80 ms.
        status: "open", "closed", "recovered" (its process was killed), or "broken: ..." with the reason for which it ends early.
    """

    id: str
    model: str
    started: float
    frames: int
    status: str

    @property
    def seconds(self) -> float:
        return frames_to_seconds(self.frames)


class Index:
    """The table of all conversations. Each call has a connection of its own, so any thread may ask."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / INDEX
        with self._connected() as database:
            database.execute("pragma journal_mode=wal")
            database.execute(_TABLE)

    def put(self, entry: Entry) -> None:
        """Adds a conversation, or says how it has gone on."""
        with self._connected() as database:
            database.execute("insert or replace into sessions values (:id, :model, :started, :frames, :status)", asdict(entry))

    def all(self) -> list[Entry]:
        """The newest first."""
        with self._connected() as database:
            rows = database.execute("select id, model, started, frames, status from sessions order by started desc").fetchall()
        return [Entry(id=i, model=m, started=at, frames=n, status=s) for i, m, at, n, s in rows]

    def get(self, name: str) -> Entry | None:
        return next((entry for entry in self.all() if entry.id == name), None)

    def remove(self, name: str) -> None:
        with self._connected() as database:
            database.execute("delete from sessions where id = ?", (name,))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.path, timeout=10)
        try:
            with database:
                yield database
        finally:
            database.close()


@dataclass
class Recording:
    """A conversation that is being recorded; the engine's thread puts frames in."""

    writer: "Recorder"
    entry: Entry
    ego: Sound = field(default_factory=lambda: SILENCE)

    def put(self, heard: Any, frame: Frame) -> None:
        """A step: the sound given to it (None: silence), and what came of it."""
        user = np.zeros(FRAME_SAMPLES, np.float32)
        if heard is not None:
            pcm = np.asarray(heard, np.float32)
            user[: len(pcm)] = pcm
        # What a step says is played while the next frame is captured.
        both, self.ego = np.stack([user, self.ego], 1), frame.speech
        self.writer.work.put((self, both, _line(frame)))

    def end(self) -> None:
        """No more will come."""
        self.writer.work.put((self, None, None))


class Recorder:
    """Records conversations into a folder, in a thread.

    Args:
        folder: made if need be.
        keep_days: after which conversations are deleted, when the next one begins; None keeps them.
    Raises:
        InputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, keep_days: float | None = None) -> None:
        self.folder, self.keep_days = folder, keep_days
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.index = Index(folder)
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"cannot record into {folder}: {error}; choose another folder") from error
        self.recover()
        self.work: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._files: dict[str, tuple[soundfile.SoundFile, Any, int]] = {}
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def begin(self, model: str) -> Recording:
        """A new conversation."""
        entry = Entry(id=uuid4().hex, model=model, started=time.time(), frames=0, status="open")
        recording = Recording(self, entry)
        self.work.put((recording, "begin", None))
        return recording

    def stop(self) -> None:
        """Writes what waits, and closes all files."""
        self.work.put(None)
        self._thread.join()

    # -- what is there -----------------------------------------------------------------------

    def path(self, name: str, file: str) -> Path:
        """A file of a conversation.

        Raises:
            InputError: there is no such conversation.
        """
        if self.index.get(name) is None:
            raise InputError(f"no conversation {name!r} has been recorded")
        return self.folder / name / file

    def delete(self, name: str) -> None:
        """Removes a conversation for good.

        Raises:
            InputError: there is none of this name, or it still goes on.
        """
        entry = self.index.get(name)
        if entry is None or entry.status == "open":
            raise InputError(f"no conversation {name!r} to delete" if entry is None else "a conversation that goes on cannot be deleted")
        shutil.rmtree(self.folder / name, ignore_errors=True)
        self.index.remove(name)

    def expire(self) -> None:
        """Deletes what has been kept for long enough."""
        if self.keep_days is None:
            return
        for entry in self.index.all():
            if entry.status != "open" and entry.started < time.time() - self.keep_days * DAY_S:
                self.delete(entry.id)

    def recover(self) -> None:
        """Enters what there is of conversations whose process was killed."""
        for entry in self.index.all():
            if entry.status == "open":
                frames = frames_of(self.folder / entry.id / SOUND)
                self.index.put(Entry(**{**asdict(entry), "frames": frames, "status": "recovered"}))

    # -- the thread --------------------------------------------------------------------------

    def _write(self) -> None:
        while (item := self.work.get()) is not None:
            recording, sound, line = item
            try:
                self._one(recording.entry, sound, line)
            except (OSError, RuntimeError, sqlite3.Error) as error:  # a full disk ends the recording, and nothing else
                self._close(recording.entry, f"broken: {error}")
        for name in list(self._files):
            entry = self.index.get(name)
            if entry is not None:
                self._close(entry, "closed")

    def _one(self, entry: Entry, sound: Any, line: Mapping[str, Any] | None) -> None:
        if isinstance(sound, str):
            self._open(entry)
        elif entry.id not in self._files:
            return
        elif sound is None:
            self._close(entry, "closed")
        else:
            file, events, frames = self._files[entry.id]
            file.write(sound)
            file.flush()
            if line is not None:
                events.write(json.dumps(line, ensure_ascii=False) + "\n")
                events.flush()
            self._files[entry.id] = file, events, frames + 1

    def _open(self, entry: Entry) -> None:
        self.expire()
        folder = self.folder / entry.id
        folder.mkdir()
        self.index.put(entry)
        sound = soundfile.SoundFile(folder / SOUND, "w", SAMPLE_RATE, 2, format="OGG", subtype="OPUS")
        write_pages_often(sound)
        events = (folder / EVENTS).open("w", encoding="utf-8")
        events.write(json.dumps({"model": entry.model, "started": entry.started}) + "\n")
        events.flush()
        self._files[entry.id] = sound, events, 0

    def _close(self, entry: Entry, status: str) -> None:
        opened = self._files.pop(entry.id, None)
        if opened is None:
            return
        sound, events, frames = opened
        for file in (sound, events):
            with suppress(OSError, RuntimeError):
                file.close()
        with suppress(sqlite3.Error):
            self.index.put(Entry(**{**asdict(entry), "frames": frames, "status": status}))


def _line(frame: Frame) -> dict[str, Any] | None:
    """What a frame holds beside its sound; None if nothing."""
    events = [{"type": type(event).__name__, **asdict(event)} for event in frame.events]
    told = {"text": frame.text, "heard": frame.heard, "events": events}
    kept = {name: value for name, value in told.items() if value}
    if frame.action is not None:
        kept["action"] = frame.action.tolist()
    return {"frame": frame.index, "spoken": frame.spoken_upto, **kept} if kept else None


def frames_of(path: Path) -> int:
    """How many frames of 80 ms a sound file holds; 0 if it cannot be read."""
    try:
        with soundfile.SoundFile(path) as file:
            return int(file.frames) // FRAME_SAMPLES
    except soundfile.LibsndfileError:
        return 0
