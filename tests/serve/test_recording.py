"""Recordings: both sides on one axis, what was said beside it, and nothing lost when a process is killed."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from websockets.asyncio.client import connect

from roboego.data.recorded import EVENTS, PICTURES, SOUND, Heading, read_recorded
from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, ReplyStarted, StepIn
from roboego.serve.app import make_app, recorded
from roboego.serve.live import LiveEngine
from roboego.serve.recording import Entry, Recorder
from roboego.serve.telemetry import metrics
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE
from tests.serve.conftest import serving
from tests.tiny import seeing_loaded, tiny_loaded

HEADING = Heading(model="tiny", started=time.time(), silence=(0, 0, 0))
VOICE = (0.25 * np.sin(np.arange(FRAME_SAMPLES) / 20)).astype(np.float32)


def frame(index: int, *, text: str = "") -> Frame:
    events = (ReplyStarted(reply=0),) if text else ()
    return Frame(
        index=index, speech=0.5 * VOICE, codes=np.zeros(3, np.int64), token=5 if text else 0, text=text, caption=0, heard="", action=None,
        spoken_upto=index, spoken_text="", events=events,
    )  # fmt: skip


def raising(error: Exception) -> Callable[..., Any]:
    """A function that fails whatever it is given."""

    def fail(*given: Any, **named: Any) -> Any:
        raise error

    return fail


def a_recording(folder: Path, frames: int = 5) -> tuple[Recorder, Entry]:
    recorder = Recorder(folder)
    recording = recorder.begin(HEADING)
    for i in range(frames):
        recording.put(StepIn(listen=VOICE if i else VOICE[:100]), frame(i, text=" hi" if i == 2 else ""))
    recording.end()
    recorder.stop()
    (entry,) = recorder.index.all()
    return recorder, entry


def test_both_sides_lie_on_one_axis(tmp_path: Path) -> None:
    recorder, entry = a_recording(tmp_path)
    assert (entry.model, entry.frames, entry.status) == ("tiny", 5, "closed")
    pcm, rate = soundfile.read(recorder.path(entry.id, SOUND))
    assert (rate, pcm.shape) == (SAMPLE_RATE, (5 * FRAME_SAMPLES, 2))
    loud = np.sqrt((pcm.reshape(5, FRAME_SAMPLES, 2) ** 2).mean(1))
    # Opus is not exact. Of the user's first frame most is silent; what a step says is heard a frame later.
    assert (loud[:, 0] > 0.05).tolist() == [False, True, True, True, True]
    assert (loud[:, 1] > 0.02).tolist() == [False, True, True, True, True]
    first, *lines, last = [json.loads(line) for line in recorder.path(entry.id, EVENTS).read_text().splitlines()]
    assert (first["type"], first["model"]) == ("heading", "tiny")
    started = {"type": "reply_started", "reply": 0}
    # The second step has nothing to tell but that the third token can be heard, the first not even that.
    assert lines[0] == {"type": "frame", "frame": 1, "spoken": 1}
    assert lines[1] == {"type": "frame", "frame": 2, "spoken": 2, "token": 5, "text": " hi", "events": [started]}
    assert [line["frame"] for line in lines] == [1, 2, 3, 4]
    assert last == {"type": "end", "frames": 5, "status": "closed"}


KILLED = """
import sys, time
from pathlib import Path
from tests.serve.test_recording import HEADING, VOICE, frame
from roboego.runtime.frame import StepIn
from roboego.serve.recording import Recorder
recording = Recorder(Path(sys.argv[1])).begin(HEADING)
for i in range(100):
    recording.put(StepIn(listen=VOICE), frame(i, text=" hi" if i % 10 == 0 else ""))
while recording.writer.work.qsize():
    time.sleep(0.01)
print("written", flush=True)
time.sleep(60)
"""


def test_a_killed_process_loses_less_than_a_second_and_leaves_what_can_be_read(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (sound,) = tmp_path.glob(f"*/{SOUND}")
    assert len(soundfile.read(sound)[0]) > 100 * FRAME_SAMPLES - SAMPLE_RATE
    recorder = Recorder(tmp_path)
    (entry,) = recorder.index.all()
    assert entry.status == "recovered"
    assert entry.frames > 100 - 13
    assert len((sound.parent / EVENTS).read_text().splitlines()) >= 10
    recorder.stop()


def test_what_was_recorded_is_listed_played_and_deleted(tmp_path: Path) -> None:
    recorder, entry = a_recording(tmp_path)
    app = FastAPI()
    app.include_router(recorded(recorder))
    client = TestClient(app)
    (listed,) = client.get("/v1/sessions").json()
    assert listed["id"] == entry.id
    assert listed["seconds"] == pytest.approx(0.4)
    assert client.get(f"/v1/sessions/{entry.id}/sound").content.startswith(b"OggS")
    assert client.get(f"/v1/sessions/{entry.id}/events").text.startswith('{"type": "heading"')
    assert client.get(f"/v1/sessions/{entry.id}/sound", headers={"Range": "bytes=4-9"}).status_code == 206
    for path in ("nothing/sound", "..%2f..%2fetc/sound", f"{entry.id}/pictures/0.jpg", f"{entry.id}/pictures/..%2fevents.jsonl"):
        assert client.get(f"/v1/sessions/{path}").status_code == 404
    assert client.delete(f"/v1/sessions/{entry.id}").status_code == 200
    assert client.get("/v1/sessions").json() == []
    assert not (tmp_path / entry.id).exists()


def aged(recorder: Recorder, entry: Entry) -> None:
    """A conversation becomes two days old."""
    recorder.index.put(replace(entry, started=time.time() - 2 * 86_400))


def test_old_ones_go_at_the_start(tmp_path: Path) -> None:
    before, entry = a_recording(tmp_path)
    aged(before, entry)
    recorder = Recorder(tmp_path, keep_days=1)
    recorder.stop()
    assert recorder.index.all() == []
    assert not (tmp_path / entry.id).exists()


def test_old_ones_go_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.serve.recording.EXPIRY_S", 0.05)
    _, entry = a_recording(tmp_path)
    recorder = Recorder(tmp_path, keep_days=1)
    assert recorder.index.all() == [entry]
    aged(recorder, entry)
    while recorder.index.all():
        time.sleep(0.01)
    recorder.stop()
    assert not (tmp_path / entry.id).exists()


def test_what_cannot_be_deleted_stays_in_the_index_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, entry = a_recording(tmp_path)
    aged(before, entry)
    app = FastAPI()
    app.include_router(recorded(before))
    monkeypatch.setattr("shutil.rmtree", raising(PermissionError(13, "Permission denied")))
    answer = TestClient(app).delete(f"/v1/sessions/{entry.id}")
    assert (answer.status_code, before.index.get(entry.id) is None) == (409, False)
    assert "Permission denied" in answer.json()["detail"]
    # Nor does a failure of the recorder's own end its thread.
    recorder = Recorder(tmp_path, keep_days=1)
    recording = recorder.begin(HEADING)
    recording.put(StepIn(listen=VOICE), frame(0))
    recording.end()
    recorder.stop()
    assert recorder.failures == 1
    assert [(e.id == entry.id, e.frames) for e in recorder.index.all()] == [(False, 1), (True, 5)]


def test_a_disk_that_is_full_ends_the_recording_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    told: list[str] = []
    recording = recorder.begin(HEADING, told.append)
    recording.put(StepIn(), frame(0))
    while recorder.work.qsize():
        time.sleep(0.01)
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "write", raising(OSError("No space left on device")))
        recording.put(StepIn(), frame(1))
        recording.put(StepIn(), frame(2))
        recorder.stop()
    (entry,) = recorder.index.all()
    assert entry.status == "broken: No space left on device"
    assert told == ["the conversation is not recorded any further: No space left on device"]
    assert recorder.failures == 1
    with pytest.raises(InputError, match="cannot record into"):
        Recorder(tmp_path / entry.id / EVENTS / "below")


@pytest.mark.parametrize("fault", [OSError("No space left on device"), ValueError("unheard of")], ids=repr)
def test_files_that_cannot_be_made_leave_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    recorder = Recorder(tmp_path)
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("roboego.serve.recording.Files", raising(fault))
        broken = recorder.begin(HEADING, told.append)
        while not told:
            time.sleep(0.01)
    broken.put(StepIn(listen=VOICE), frame(0))
    broken.end()
    fine = recorder.begin(HEADING)
    fine.put(StepIn(listen=VOICE), frame(0))
    fine.end()
    recorder.stop()
    found = {entry.id: (entry.status, entry.frames) for entry in recorder.index.all()}
    assert found == {broken.entry.id: (f"broken: {fault}", 0), fine.entry.id: ("closed", 1)}


def test_a_picture_that_cannot_be_kept_is_told_and_the_recording_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    told: list[str] = []
    recording = recorder.begin(HEADING, told.append)
    monkeypatch.setattr(Image.Image, "save", raising(ValueError("unheard of")))
    recording.put(StepIn(listen=VOICE, look=Image.new("RGB", (8, 8), "red")), frame(0))
    recording.put(StepIn(listen=VOICE), frame(1))
    recording.end()
    recorder.stop()
    (entry,) = recorder.index.all()
    assert (entry.status, entry.frames) == ("closed", 2)
    assert told == ["a picture was not recorded: unheard of"]
    assert not list((tmp_path / entry.id / PICTURES).iterdir())


async def _noticed(where: str, path: str, engine: LiveEngine) -> str:
    """What a client is told of its recording, while its session goes on."""
    async with connect(f"ws://{where}{path}") as socket:
        await socket.recv()
        (live,) = engine.lives
        assert live.recording is not None
        live.recording.tell("the disk is full")
        message = await socket.recv()
        live.recording.tell("again")
        await socket.recv()
        return message if isinstance(message, str) else message.decode()


@pytest.mark.parametrize("path", ["/api/live", "/v1/realtime", "/api/chat"])
def test_clients_are_told_of_their_recordings(tmp_path: Path, path: str) -> None:
    engine = LiveEngine(Engine(tiny_loaded()), recorder=Recorder(tmp_path))
    with serving(make_app(engine)) as where:
        assert "the disk is full" in asyncio.run(_noticed(where, path, engine))
        assert b"roboego_recording_failures_total 0.0" in metrics(engine)[0]


def test_a_live_session_is_recorded_with_what_it_was_shown(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    engine = LiveEngine(Engine(seeing_loaded()), recorder=recorder)
    engine.start()
    count: list[int] = []
    live = engine.open(lambda result: count.append(1))
    live.see(Image.new("RGB", (8, 8), "blue"))
    live.see(Image.new("RGB", (8, 8), "red"))
    for _ in range(4):
        live.hear(VOICE)
    while len(count) < 4:
        time.sleep(0.01)
    engine.stop()
    (entry,) = recorder.index.all()
    assert entry.status == "closed"
    assert entry.frames >= 4
    told = read_recorded(tmp_path / entry.id)
    assert (told.heading.model, told.ended, told.until) == ("tiny", True, None)
    # The latest of the pictures alone.
    assert [line.frame for line in told.lines if line.picture] == [0]
    with Image.open(tmp_path / entry.id / told.lines[0].picture) as kept:
        assert kept.getpixel((4, 4))[0] > 200  # type: ignore[index]


def test_pictures_are_kept_beside_the_lines_that_name_them(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recording = recorder.begin(HEADING)
    recording.put(StepIn(listen=VOICE, look=Image.new("RGBA", (2000, 1000), "red")), frame(0))
    recording.put(StepIn(listen=VOICE, look=np.full((4, 4), np.nan)), frame(1))  # no picture: the session is told by an event
    recording.put(StepIn(listen=VOICE, look=torch.zeros(8)), frame(2))  # encoded already
    recording.end()
    recorder.stop()
    (entry,) = recorder.index.all()
    lines = [json.loads(line) for line in recorder.path(entry.id, EVENTS).read_text().splitlines()[1:-1]]
    assert [(line["frame"], line["picture"]) for line in lines if "picture" in line] == [(0, "pictures/00000000.jpg")]
    with Image.open(recorder.path(entry.id, PICTURES) / "00000000.jpg") as kept:
        assert (kept.format, kept.size) == ("JPEG", (1024, 512))
    app = FastAPI()
    app.include_router(recorded(recorder))
    assert TestClient(app).get(f"/v1/sessions/{entry.id}/pictures/00000000.jpg").headers["content-type"] == "image/jpeg"
