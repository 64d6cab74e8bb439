"""Conversations on disk, written as they happen: sound of both sides, and everything that was written, heard and done, on one time axis.

A conversation is a folder in the form of `roboego.data.recorded`. Beside the folders lies `index.sqlite`. Disks are slow at times, so a
thread of its own writes. A process that is killed loses less than a second, and leaves files that can be read up to there.
"""
# N samples

import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from roboego.data.recorded import Heading, Line, frames_of
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.runtime.frame import SILENCE, Frame, Look
from roboego.serve.recording_files import Files, Step
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds

INDEX = "index.sqlite"
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
    heading: Heading
    ego: Sound = field(default_factory=lambda: SILENCE)

    def put(self, heard: Any, frame: Frame, look: Look | None = None) -> None:
        """A step: the sound given to it (None: silence), what came of it, and the picture that came with it."""
        user = np.zeros(FRAME_SAMPLES, np.float32)
        if heard is not None:
            pcm = np.asarray(heard, np.float32)
            user[: len(pcm)] = pcm
        # What a step says is played while the next frame is captured.
        both, self.ego = np.stack([user, self.ego], 1), frame.speech
        # A picture that comes encoded already cannot be looked at.
        picture = None if look is None or isinstance(look, torch.Tensor) else look
        self.writer.work.put((self, Step(sound=both, line=Line.of(frame, self.heading), picture=picture)))

    def end(self) -> None:
        """No more will come."""
        self.writer.work.put((self, "end"))


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
        self._files: dict[str, Files] = {}
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def begin(self, heading: Heading) -> Recording:
        """A new conversation."""
        entry = Entry(id=uuid4().hex, model=heading.model, started=heading.started, frames=0, status="open")
        recording = Recording(self, entry, heading)
        self.work.put((recording, "begin"))
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
                frames = frames_of(self.folder / entry.id)
                self.index.put(replace(entry, frames=frames, status="recovered"))

    # -- the thread --------------------------------------------------------------------------

    def _write(self) -> None:
        while (item := self.work.get()) is not None:
            recording, what = item
            try:
                self._one(recording, what)
            except (OSError, RuntimeError, sqlite3.Error) as error:  # a full disk ends the recording, and nothing else
                self._close(recording.entry, f"broken: {error}")
        for name in list(self._files):
            entry = self.index.get(name)
            if entry is not None:
                self._close(entry, "closed")

    def _one(self, recording: Recording, what: Step | str) -> None:
        entry = recording.entry
        if what == "begin":
            self._open(recording)
        elif what == "end":
            self._close(entry, "closed")
        elif isinstance(what, Step) and entry.id in self._files:
            self._files[entry.id].write(what)

    def _open(self, recording: Recording) -> None:
        self.expire()
        entry = recording.entry
        folder = self.folder / entry.id
        folder.mkdir()
        self.index.put(entry)
        self._files[entry.id] = Files(folder, recording.heading)

    def _close(self, entry: Entry, status: str) -> None:
        files = self._files.pop(entry.id, None)
        if files is None:
            return
        files.close(status)
        with suppress(sqlite3.Error):
            self.index.put(replace(entry, frames=files.frames, status=status))
