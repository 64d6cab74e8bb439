"""A real server on loopback, with nano in it."""

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import uvicorn
from fastapi import FastAPI

import roboego
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.realtime.client import parse
from roboego.serve.realtime.session import RealtimeSession
from roboego.sound.pcm import to_pcm16
from roboego.timebase import FRAME_S, FRAME_SAMPLES

SLOTS = 2
CLIPS = Path(roboego.__file__).parent / "weights" / "demo"


def question() -> np.ndarray:
    """Somebody asks whether Ego can hear, after 0.6 s of silence, and then says nothing for a while: frames [T, 1920]."""
    pcm, _ = soundfile.read(CLIPS / "01.flac", dtype="float32")
    silent = np.zeros(4 * 12 * FRAME_SAMPLES - len(pcm) % FRAME_SAMPLES, np.float32)
    return np.concatenate([pcm, silent]).reshape(-1, FRAME_SAMPLES)


def encoded(frame: np.ndarray) -> str:
    """A frame as the Realtime API carries it."""
    return base64.b64encode(to_pcm16(frame).tobytes()).decode()


def received(session: RealtimeSession, message: dict[str, Any] | str) -> list[dict[str, Any]]:
    """What a session of the Realtime API answers at once."""
    return asyncio.run(session.receive(parse(message if isinstance(message, str) else json.dumps(message))))


async def in_time(frames: np.ndarray) -> AsyncIterator[np.ndarray]:
    """Frames at the pace at which a microphone gives them."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for t, frame in enumerate(frames):
        await asyncio.sleep(max(0.0, began + t * FRAME_S - loop.time()))
        yield frame


def broken_off(engine: LiveEngine) -> list[Frame]:
    """Somebody asks a question, cuts the answer off after two tokens or more, types something, and leaves: the session's frames."""
    frames: list[Frame] = []
    live = engine.open(lambda result: frames.append(result) if isinstance(result, Frame) else None)
    cut = False
    for pcm in question():
        live.hear(pcm)
        while len(live.queue):  # on a busy machine its time goes slower, and nothing is lost
            time.sleep(FRAME_S / 8)
        if not cut and frames and frames[-1].spoken_upto >= 2:
            cut = True
            live.session.cut()
            live.read("my name is anna.")
    engine.close(live)
    assert cut
    return frames


@pytest.fixture(scope="session")
def live() -> LiveEngine:
    return LiveEngine(Engine(roboego.load("nano"), slots=SLOTS))


@pytest.fixture(scope="session")
def server(live: LiveEngine) -> Iterator[str]:
    """host:port of a running server."""
    with serving(make_app(live)) as where:
        yield where


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """host:port of an application on a real server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="websockets-sansio"))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        assert thread.is_alive()
        threading.Event().wait(0.05)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join()


def all_gone(live: LiveEngine) -> bool:
    """Whether all sessions end, soon: a server learns a moment later than its client that a connection is closed."""
    until = time.monotonic() + 10
    while live.lives and time.monotonic() < until:
        time.sleep(0.02)
    return not live.lives
