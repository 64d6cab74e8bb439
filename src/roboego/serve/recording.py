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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from roboego.data.recorded import Heading, Line, frames_of
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.runtime.frame import SILENCE, Frame, StepIn
from roboego.serve.logs import LOGGER
from roboego.serve.recording_files import Files, Step
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds

INDEX = "index.sqlite"
DAY_S = 86_400
EXPIRY_S = 600.0
"""From one look for conversations that have been kept for long enough to the next."""
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
    """A conversation that is being recorded; the engine's thread puts frames in.

    Attributes:
        tell: called in the recorder's thread with what the client should know of the recording; it must return at once.
        files: those that are written; None before the first and after the last.
    """

    writer: "Recorder"
    entry: Entry
    heading: Heading
    tell: Callable[[str], None]
    files: Files | None = None
    ego: Sound = field(default_factory=lambda: SILENCE)

    def put(self, given: StepIn, frame: Frame) -> None:
        """A step: what was given to it, its sound (None: silence), picture and readings, and what came of it."""
        user = np.zeros(FRAME_SAMPLES, np.float32)
        if given.listen is not None:
            pcm = np.asarray(given.listen, np.float32)
            user[: len(pcm)] = pcm
        # What a step says is played while the next frame is captured.
        both, self.ego = np.stack([user, self.ego], 1), frame.speech
        # A picture that comes encoded already cannot be looked at.
        picture = None if isinstance(given.look, torch.Tensor) else given.look
        self.writer.work.put((self, Step(sound=both, line=Line.of(frame, self.heading, sense=given.sense), picture=picture)))

    def end(self) -> None:
        """No more will come."""
        self.writer.work.put((self, "end"))


class Recorder:
    """Records conversations into a folder, in a thread. Whatever goes wrong there is logged, counted, and told to the client that it
    concerns; other recordings go on.

    Attributes:
        failures: recordings that ended early, pictures that were not kept, and expired conversations that could not be deleted.

    Args:
        folder: made if need be.
        keep_days: after which conversations are deleted, at the start and every ten minutes; None keeps them.
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
        self.failures = 0
        self._going: dict[str, Recording] = {}
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def begin(self, heading: Heading, tell: Callable[[str], None] = lambda trouble: None) -> Recording:
        """A new conversation.

        Args:
            tell: as of `Recording`.
        """
        entry = Entry(id=uuid4().hex, model=heading.model, started=heading.started, frames=0, status="open")
        recording = Recording(self, entry, heading, tell)
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
            InputError: there is none of this name, it still goes on, or its files cannot be deleted: then it stays in the index.
        """
        entry = self.index.get(name)
        if entry is None or entry.status == "open":
            raise InputError(f"no conversation {name!r} to delete" if entry is None else "a conversation that goes on cannot be deleted")
        folder = self.folder / name
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise InputError(f"cannot delete {folder}: {error.strerror or error}; see whose it is, and try again") from error
        self.index.remove(name)

    def expire(self) -> None:
        """Deletes what has been kept for long enough. What cannot be deleted is logged, counted, and tried again the next time."""
        if self.keep_days is None:
            return
        for entry in self.index.all():
            if entry.status != "open" and entry.started < time.time() - self.keep_days * DAY_S:
                try:
                    self.delete(entry.id)
                except (InputError, sqlite3.Error) as error:
                    self._count("an expired conversation could not be deleted", entry.id, error)

    def recover(self) -> None:
        """Enters what there is of conversations whose process was killed."""
        for entry in self.index.all():
            if entry.status == "open":
                frames = frames_of(self.folder / entry.id)
                self.index.put(replace(entry, frames=frames, status="recovered"))

    # -- the thread --------------------------------------------------------------------------

    def _write(self) -> None:
        for recording, what in self._waiting():
            try:
                self._one(recording, what)
            except Exception as error:  # such as a full disk: it ends this recording, and nothing else
                self._count("a recording ended early", recording.entry.id, error)
                self._close(recording, f"broken: {error}")
                self._tell(recording, f"the conversation is not recorded any further: {error}")
        for recording in list(self._going.values()):
            self._close(recording, "closed")

    def _waiting(self) -> Iterator[tuple[Recording, Step | str]]:
        """What is to be written, as it comes, up to the end. Meanwhile old conversations are deleted."""
        expiry_s = time.monotonic()
        while True:
            if time.monotonic() >= expiry_s:
                self._expire()
                expiry_s = time.monotonic() + EXPIRY_S
            try:
                item = self.work.get(timeout=max(0.0, expiry_s - time.monotonic()))
            except queue.Empty:
                continue
            if item is None:
                return
            yield item

    def _expire(self) -> None:
        try:
            self.expire()
        except Exception as error:  # recordings go on
            self._count("old conversations could not be looked for", "", error)

    def _one(self, recording: Recording, what: Step | str) -> None:
        if what == "begin":
            self._open(recording)
        elif what == "end":
            self._close(recording, "closed")
        elif isinstance(what, Step) and recording.files is not None:
            recording.files.write(what)

    def _open(self, recording: Recording) -> None:
        folder = self.folder / recording.entry.id
        folder.mkdir()
        self._going[recording.entry.id] = recording
        self.index.put(recording.entry)
        recording.files = Files(folder, recording.heading, partial(self._not_kept, recording))

    def _close(self, recording: Recording, status: str) -> None:
        """Closes a recording's files, if it has not ended before."""
        if self._going.pop(recording.entry.id, None) is None:
            return
        files, recording.files = recording.files, None
        frames = 0 if files is None else files.frames
        try:
            if files is not None:
                files.close(status)
            self.index.put(replace(recording.entry, frames=frames, status=status))
        except Exception as error:  # the next start enters it as recovered
            self._count("a recording could not be closed", recording.entry.id, error)

    def _not_kept(self, recording: Recording, error: Exception) -> None:
        """A picture is missing from a recording, which goes on."""
        self._count("a picture was not recorded", recording.entry.id, error)
        self._tell(recording, f"a picture was not recorded: {error}")

    def _count(self, event: str, name: str, error: Exception) -> None:
        self.failures += 1
        LOGGER.error(event, extra={"recording": name}, exc_info=error)

    def _tell(self, recording: Recording, trouble: str) -> None:
        try:
            recording.tell(trouble)
        except Exception:
            LOGGER.exception("a client could not be told of its recording", extra={"recording": recording.entry.id})
