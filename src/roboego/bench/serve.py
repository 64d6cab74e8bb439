"""A server under load: real clients on loopback talk to it in real time, each asking aloud and listening to the answers."""
# F frames

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from websockets.asyncio.client import connect

import roboego
from roboego.errors import RoboEgoError
from roboego.metrics.turns import voiced_segments
from roboego.serve.live_socket import SOUND
from roboego.sound.pcm import from_pcm16, to_pcm16
from roboego.timebase import FRAME_MS, FRAME_S, FRAME_SAMPLES, SAMPLE_RATE

STARTS_S = 60.0
"""How long a server may take to be ready."""
TURN_S = 5.0
"""From one question to the next: time for an answer."""
SPREAD_S = 1.7
"""By how much later each client begins than the one before it, so that they do not ask in chorus."""
Sound = NDArray[np.float32]


@dataclass
class Talked:
    """One client's session.

    Attributes:
        sent: when each frame was sent; came: when each frame of the server's came, by its number. Both in seconds of the monotonic clock.
        times: what the server says of each frame: when its sound had come, when its step was done.
        sound: what Ego said.
    """

    sent: list[float] = field(default_factory=list)
    came: dict[int, float] = field(default_factory=dict)
    times: dict[int, tuple[float, float]] = field(default_factory=dict)
    sound: list[Sound] = field(default_factory=list)


def questions(seconds: float) -> Sound:
    """The demo's user, a turn every five seconds, over and over: [F, 1920]."""
    clips = sorted((Path(roboego.__file__).parent / "weights" / "demo").glob("*.flac"))
    turns = []
    for path in clips:
        pcm, _ = soundfile.read(path, dtype="float32")
        turns.append(np.pad(pcm, (0, max(0, int(TURN_S * SAMPLE_RATE) - len(pcm)))))
    count = int(seconds / FRAME_S)
    return np.resize(np.concatenate(turns), count * FRAME_SAMPLES).reshape(count, FRAME_SAMPLES)


def measure(model: str, *, sessions: int, seconds: float, threads: int | None) -> dict[str, Any]:
    """Starts a server as a process of its own, and talks to it.

    Returns:
        Steps and late ones as the server counts them; what the server adds beside the model's step, from a client's sending a frame to its
        getting the answer to it (`overhead_ms`); how unevenly frames come (`jitter_ms`); responses from the user's last voiced sample to
        Ego's first, as the client gets it.
    Raises:
        RoboEgoError: the server does not come up, or a session fails.
    """
    with _server(model, sessions, threads) as where:
        before = _counts(where)
        talked = asyncio.run(_all(where, sessions, seconds))
        after = _counts(where)
    steps, late = after["steps"] - before["steps"], after["late_steps"] - before["late_steps"]
    return {
        "sessions": sessions,
        "seconds": seconds,
        "steps": steps,
        "late_steps": late,
        "late_share": late / max(steps, 1),
        "lost_frames": after["overrun_frames"] - before["overrun_frames"],
        "overhead_ms": _quantiles([o for t in talked for o in overheads_ms(t)]),
        "jitter_ms": _quantiles([j for t in talked for j in jitters_ms(t)]),
        "response_s": _quantiles([r for t in talked for r in responses_s(t, questions(seconds))]),
    }


def overheads_ms(talked: Talked) -> list[float]:
    """Of each frame: from its being sent to its having come in, and from its step's end to the answer's having come."""
    found = []
    for index, (came, done) in talked.times.items():
        if index < len(talked.sent):
            found.append(1e3 * (max(came - talked.sent[index], 0.0) + talked.came[index] - done))
    return found


def jitters_ms(talked: Talked) -> list[float]:
    """By how much more or less than 80 ms lie between two frames that come."""
    came = [talked.came[index] for index in sorted(talked.came)]
    return [abs(1e3 * float(gap) - FRAME_MS) for gap in np.diff(came)]


def responses_s(talked: Talked, user: Sound) -> list[float]:
    """From the end of each of the user's turns to Ego's next beginning, in samples as they are sent and come."""
    asked = [s.end for s in voiced_segments(user[: len(talked.sent)].reshape(-1))]
    said = [s.start for s in voiced_segments(np.concatenate(talked.sound))] if talked.sound else []
    found = []
    for end, following in zip(asked, [*asked[1:], np.inf], strict=True):
        answer = next((s for s in said if s > end - SAMPLE_RATE // 2 and s < following), None)
        if answer is not None:
            sent = talked.sent[min(end // FRAME_SAMPLES, len(talked.sent) - 1)] + end % FRAME_SAMPLES / SAMPLE_RATE - FRAME_S
            found.append(talked.came[answer // FRAME_SAMPLES] + answer % FRAME_SAMPLES / SAMPLE_RATE - sent)
    return found


async def _all(where: str, sessions: int, seconds: float) -> list[Talked]:
    user = questions(seconds)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_client(where, user, i * SPREAD_S)) for i in range(sessions)]
    return [task.result() for task in tasks]


async def _client(where: str, user: Sound, begins_s: float) -> Talked:
    """A session as long as the user's sound."""
    await asyncio.sleep(begins_s)
    talked = Talked()
    async with connect(f"ws://{where}/api/live", max_size=None) as line:
        listener = asyncio.create_task(_listen(line, talked, len(user)))
        began = time.monotonic()
        for t, frame in enumerate(user):
            await asyncio.sleep(max(0.0, began + t * FRAME_S - time.monotonic()))
            talked.sent.append(time.monotonic())
            await line.send(bytes([SOUND]) + to_pcm16(frame).tobytes())
        await listener
        await line.send(json.dumps({"type": "end"}))
    return talked


async def _listen(line: Any, talked: Talked, frames: int) -> None:
    """Takes in what comes, up to the answer to the last frame."""
    index = 0
    while index < frames - 1:
        message = await line.recv()
        if isinstance(message, bytes):
            talked.sound.append(from_pcm16(np.frombuffer(message, "<i2")))
            continue
        told = json.loads(message)
        if told["type"] == "frame":
            index = told["index"]
            talked.came[index] = time.monotonic()
            if told["times"]:
                talked.times[index] = tuple(told["times"])
        elif told["type"] == "error":
            raise RoboEgoError(f"the server says: {told['message']}")


@contextmanager
def _server(model: str, sessions: int, threads: int | None) -> Iterator[str]:
    """host:port of a server with so many slots."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "roboego.cli", "serve", "--model", model, "--slots", str(sessions), "--port", str(port)]
    command += [] if threads is None else ["--threads", str(threads)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + STARTS_S
        while not _ready(port):
            if server.poll() is not None or time.monotonic() > until:
                server.kill()
                raise RoboEgoError(f"the server did not come up: {server.communicate()[1].strip() or 'it takes too long'}")
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
            return True
    except (OSError, urllib.error.URLError):
        return False


def _counts(where: str) -> dict[str, int]:
    """The server's counters."""
    with urllib.request.urlopen(f"http://{where}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: int(float(values[f"roboego_{name}_total"])) for name in ("steps", "late_steps", "overrun_frames")}


def _quantiles(values: list[float]) -> dict[str, float | int | None]:
    if not values:
        return {"p50": None, "p99": None, "of": 0}
    p50, p99 = np.quantile(values, [0.5, 0.99])
    return {"p50": float(p50), "p99": float(p99), "of": len(values)}
