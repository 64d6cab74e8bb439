"""Servers as models under test: simulated users talk to them in real time, over the protocols that they speak."""
# N samples

import base64
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import sphn
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from roboego.data.voices.base import Sound
from roboego.errors import InputError, RoboEgoError
from roboego.runtime.frame import Cut, Event, Frame, ReplyStarted
from roboego.sound.pcm import from_pcm16, to_pcm16
from roboego.timebase import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE

HANDSHAKE_S = 30.0
"""How long a server may take to greet; some load a model first."""
AHEAD_FRAMES = 12
"""A server that is further ahead of what has been played sends replies as fast as it can make them."""
QUIET_FRAMES = 15
"""After so long without text, the next piece begins a reply, of a server that does not tell."""
KEY = "OPENAI_API_KEY"
"""The environment variable with the key that servers are given, if it is set."""


class ServerFailed(RoboEgoError):
    """A server broke a conversation off."""


class Line(Protocol):
    """One connection, in the words of a protocol."""

    def say(self, frame: Sound) -> None:
        """Sends a frame of the user's sound."""

    def receive(self) -> None:
        """Takes one message in."""


class Heard:
    """What has come from a server and not been played yet. Filled by one thread, taken by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sound: deque[Sound] = deque()
        self._count = 0
        self._text, self._caption = "", ""
        self._frame, self._written = 0, -QUIET_FRAMES
        self._events: list[Event] = []
        self.failure = ""

    def sound(self, pcm_N: Sound) -> None:
        with self._lock:
            self._sound.append(pcm_N)
            self._count += len(pcm_N)

    def text(self, piece: str, *, tells: bool = True) -> None:
        """What Ego writes; of a server that does not tell when a reply begins, silence does."""
        with self._lock:
            if not tells and self._frame - self._written >= QUIET_FRAMES:
                self._events.append(ReplyStarted(reply=0))
            self._text += piece
            self._written = self._frame

    def caption(self, piece: str) -> None:
        with self._lock:
            self._caption += piece

    def cut(self) -> None:
        """A reply was broken off: what of it has not been played never will be."""
        with self._lock:
            self._sound.clear()
            self._count = 0
            self._events.append(Cut(reply=0, spoken=0))

    def cut_ahead(self) -> None:
        """The user speaks: of a server that sent its reply faster than it is played, what waits is thrown away, as its clients are to."""
        if self._count > AHEAD_FRAMES * FRAME_SAMPLES:
            self.cut()

    def began(self) -> None:
        """A reply begins."""
        with self._lock:
            self._events.append(ReplyStarted(reply=0))

    def frame(self, index: int) -> Frame:
        """The next 80 ms: silence where nothing has come."""
        with self._lock:
            self._frame = index
            pcm = np.zeros(FRAME_SAMPLES, np.float32)
            at = 0
            while self._sound and at < FRAME_SAMPLES:
                block = self._sound.popleft()
                part = block[: FRAME_SAMPLES - at]
                pcm[at : at + len(part)] = part
                at += len(part)
                if len(part) < len(block):
                    self._sound.appendleft(block[len(part) :])
            self._count -= at
            text, self._text = self._text, ""
            caption, self._caption = self._caption, ""
            events, self._events = tuple(self._events), []
        return Frame(
            index=index,
            speech=pcm,
            codes=np.zeros(0, np.int64),
            token=0,
            text=text,
            caption=0,
            heard=caption,
            action=None,
            spoken_upto=0,
            spoken_text="",
            events=events,
        )


class RealtimeLine:
    """OpenAI's Realtime API. Text and captions are its transcripts."""

    def __init__(self, socket: ClientConnection, heard: Heard) -> None:
        self.socket, self.heard = socket, heard
        self._send({
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
        })  # fmt: skip

    def say(self, frame: Sound) -> None:
        self._send({"type": "input_audio_buffer.append", "audio": base64.b64encode(to_pcm16(frame).tobytes()).decode()})

    def receive(self) -> None:
        event = json.loads(self.socket.recv())
        match event.get("type"):
            case "response.output_audio.delta":
                self.heard.sound(from_pcm16(np.frombuffer(base64.b64decode(event["delta"]), "<i2")))
            case "response.output_audio_transcript.delta":
                self.heard.text(event["delta"])
            case "response.output_audio_transcript.done":
                self.heard.text(" ")
            case "conversation.item.input_audio_transcription.delta":
                self.heard.caption(event["delta"])
            case "conversation.item.input_audio_transcription.completed":
                self.heard.caption(" ")
            case "response.created":
                self.heard.began()
            case "input_audio_buffer.speech_started":
                self.heard.cut_ahead()
            case "response.done" if event["response"].get("status") == "cancelled":
                self.heard.cut()
            case "error":
                self.heard.failure = str(event["error"].get("message"))

    def _send(self, event: dict[str, Any]) -> None:
        self.socket.send(json.dumps(event))


class MoshiLine:
    """Moshi's protocol; it has no captions and says nothing of replies begun and broken off."""

    def __init__(self, socket: ClientConnection, heard: Heard) -> None:
        self.socket, self.heard = socket, heard
        self.reader, self.writer = sphn.OpusStreamReader(SAMPLE_RATE), sphn.OpusStreamWriter(SAMPLE_RATE)
        greeting = self.socket.recv(HANDSHAKE_S)
        if greeting[:1] != b"\x00":
            raise InputError(f"this is no greeting of a Moshi server's: {greeting[1:101]!r}")

    def say(self, frame: Sound) -> None:
        if sound := self.writer.append_pcm(frame):
            self.socket.send(b"\x01" + sound)

    def receive(self) -> None:
        message = self.socket.recv()
        if not isinstance(message, bytes) or not message:
            return
        if message[0] == 1:
            self.heard.sound(np.asarray(self.reader.append_bytes(message[1:]), np.float32))
        elif message[0] == 2:
            self.heard.text(message[1:].decode(errors="replace"), tells=False)
        elif message[0] == 5:
            self.heard.failure = message[1:].decode(errors="replace")


def _entered(stack: ExitStack, url: str) -> ClientConnection:
    """A connection, closed with the stack."""
    key = os.environ.get(KEY)
    headers = {"Authorization": f"Bearer {key}"} if key else None
    try:
        return stack.enter_context(connect(url, open_timeout=HANDSHAKE_S, max_size=None, additional_headers=headers))
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise InputError(f"cannot connect to {url}: {error}; is the server running there?") from error


def is_server(model: str) -> bool:
    """Whether a model's name is a server's address."""
    return model.startswith(("ws://", "wss://"))


class ServerPartner:
    """A server, whose address says what it speaks: one that ends in /api/chat is Moshi's, all others OpenAI's.

    Conversations go on in real time: a step takes 80 ms.

    Args:
        slots: conversations at once, each a connection of its own.
    """

    def __init__(self, url: str, *, slots: int = 1) -> None:
        self.url, self.slots = url, slots
        self.line: Callable[[ClientConnection, Heard], Line] = (
            MoshiLine if url.split("?")[0].rstrip("/").endswith("/api/chat") else RealtimeLine
        )

    def open(self, count: int) -> "ServerTalks":
        return ServerTalks(self.url, self.line, count)


class ServerTalks:
    """Conversations over lines of their own."""

    def __init__(self, url: str, line: Callable[[ClientConnection, Heard], Line], count: int) -> None:
        self.heard = [Heard() for _ in range(count)]
        with ExitStack() as stack:
            self.lines = [line(_entered(stack, url), heard) for heard in self.heard]
            self._stack = stack.pop_all()
        self.threads = [threading.Thread(target=_receive, args=(*pair,), daemon=True) for pair in zip(self.lines, self.heard, strict=True)]
        for thread in self.threads:
            thread.start()
        self.index, self._began = 0, time.monotonic()

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        if self.index == 0:
            self._began = time.monotonic()
        for i, sound in heard.items():
            self._check(i)
            try:
                self.lines[i].say(sound)
            except ConnectionClosed as error:
                raise ServerFailed(f"the server closed a conversation: {self.heard[i].failure or error}") from error
        self.index += 1
        time.sleep(max(0.0, self._began + self.index * FRAME_S - time.monotonic()))
        return {i: self.heard[i].frame(self.index - 1) for i in heard}

    def _check(self, i: int) -> None:
        if self.heard[i].failure:
            raise ServerFailed(f"the server says: {self.heard[i].failure}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()
        for thread in self.threads:
            thread.join()


def _receive(line: Line, heard: Heard) -> None:
    """Takes messages in until the line is closed."""
    try:
        while True:
            line.receive()
    except ConnectionClosed:
        return
    except Exception as error:
        heard.failure = f"what it sent could not be understood: {type(error).__name__}: {error}"
