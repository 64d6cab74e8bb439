"""The page's connection, in a real browser: what is sent again, what is noticed and what is told when a network or a server fails."""

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.serve.app import PAGE, make_app
from roboego.serve.live import Live, LiveEngine, Pace
from roboego.serve.live_messages import do
from roboego.serve.live_socket import SOUND
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE
from tests.serve.conftest import serving
from tests.serve.test_page import CHROMIUM, PATIENCE_MS
from tests.tiny import tiny_loaded

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: make test installs Debian's where it may")
BLOCKS = 400
"""Sound of more than the 30 s for which a server waits."""
HELLO: dict[str, Any] = {
    "type": "hello", "model": "script", "frame_ms": FRAME_MS, "frame_samples": FRAME_SAMPLES, "sample_rate": SAMPLE_RATE, "reads": True,
    "sees": False, "captions": False, "acts": 0, "slots": 1, "recorded": False,
    "settings": ["prompt", "speech_temperature"], "resume": "key", "samples": 0,
}  # fmt: skip
FRAME: dict[str, Any] = {
    "type": "frame", "index": 0, "text": "", "heard": "", "spoken": 0, "action": None, "events": [], "step_ms": 1.0, "waiting": 0,
    "times": [1.0, 2.0],
}  # fmt: skip


@dataclass(eq=False)
class Visit:
    """One connection of a page's to a server that says what a test wants.

    Attributes:
        early: messages that came before it was greeted.
        messages: those that came after, but for pings, which are answered.
        pong_s: how long the answer takes.
    """

    socket: WebSocket
    early: list[Any] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    greeted: bool = False
    pong_s: float = 0.0

    async def greet(self, **changes: Any) -> None:
        await self.socket.send_json(HELLO | changes)
        self.greeted = True

    async def frame(self, index: int, **changes: Any) -> None:
        """A silent frame; `changes` is what it holds beside that."""
        await self.socket.send_json(FRAME | {"index": index} | changes)
        await self.socket.send_bytes(bytes(2 * FRAME_SAMPLES))

    async def frames_until(self, index: int, done: Callable[[], bool]) -> int:
        """Silent frames from a number on, at their pace, until something has come. The number of the next one."""
        while not done():
            await self.frame(index)
            index += 1
            await asyncio.sleep(FRAME_MS / 1_000)
        return index

    async def hear(self) -> None:
        while (message := await self.socket.receive())["type"] != "websocket.disconnect":
            told = message.get("bytes") or json.loads(message["text"])
            if told == {"type": "ping"} and self.greeted:
                await self._pong()
            else:
                (self.messages if self.greeted else self.early).append(told)

    async def _pong(self) -> None:
        await asyncio.sleep(self.pong_s)
        with suppress(RuntimeError, WebSocketDisconnect):  # it has been closed meanwhile
            await self.socket.send_json({"type": "pong"})

    async def heard(self, count: int) -> None:
        """Waits for so many messages."""
        while len(self.messages) < count:
            await asyncio.sleep(0.01)

    @property
    def sounds(self) -> list[int]:
        """The first sample of each block."""
        return [int(np.frombuffer(m[1:], "<i2")[0]) for m in self.messages if isinstance(m, bytes) and m[0] == SOUND]

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [m for m in self.messages if isinstance(m, dict)]


Play: TypeAlias = Callable[[Visit], Awaitable[None]]


def scripted(*plays: Play) -> tuple[FastAPI, list[Visit]]:
    """The page, with a server that does one play after another, a connection each; and the connections that it had."""
    app, visits = FastAPI(), list[Visit]()

    @app.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        visits.append(Visit(socket))
        visit, play = visits[-1], plays[len(visits) - 1]
        playing = asyncio.ensure_future(play(visit))
        await visit.hear()
        playing.cancel()

    @app.get("/readyz")
    def readyz() -> dict[str, bool]:
        return {"ready": True}

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app, visits


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, in which somebody has to allow a microphone, and has one that beeps."""
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may hear, at no address yet."""
    context = browser.new_context(permissions=["microphone"])
    errors: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors


CONNECTED = """async (blocks) => {
    const { Connection } = await import("./connection.js");
    const connection = new Connection();
    let next = 0;
    const hear = () => connection.hear(new Int16Array(1920).fill(next++));
    connection.addEventListener("resuming", () => {
        connection.read("hello");
        connection.choose({ speech_temperature: 0.5, prompt: "Be brief!" });
        connection.choose({ speech_temperature: 0.25 });
        connection.cut();
    });
    connection.addEventListener("resumed", () => { window.resumed = true; });
    await connection.open();
    for (let i = 0; i < blocks; i += 1) hear();
    setInterval(hear, 80);
}"""


def test_nothing_is_sent_before_the_greeting_and_then_all_of_it_in_order(page: Page) -> None:
    async def lost(visit: Visit) -> None:
        await visit.greet()
        await visit.heard(BLOCKS)
        await visit.socket.close(1011)

    async def resumed(visit: Visit) -> None:
        await asyncio.sleep(0.5)
        await visit.greet(samples=FRAME_SAMPLES)  # of all sound, the first block had arrived
        await visit.heard(BLOCKS + 10)

    app, visits = scripted(lost, resumed)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.evaluate(CONNECTED, BLOCKS)
        page.wait_for_function("() => window.resumed", timeout=PATIENCE_MS)
        page.wait_for_timeout(500)
        page.goto("about:blank")
    assert not visits[1].early
    assert visits[1].sounds == list(range(1, 1 + len(visits[1].sounds)))
    assert len(visits[1].sounds) >= BLOCKS
    assert visits[1].asked == [
        {"type": "read", "text": "hello"}, {"type": "settings", "speech_temperature": 0.25, "prompt": "Be brief!"}, {"type": "cut"},
    ]  # fmt: skip


def test_a_connection_that_falls_silent_is_noticed_and_what_is_typed_meanwhile_is_read(page: Page) -> None:
    typed = threading.Event()

    async def silent(visit: Visit) -> None:
        await visit.greet()
        for index in range(3):
            await visit.frame(index)

    async def resumed(visit: Visit) -> None:
        await asyncio.to_thread(typed.wait)
        await visit.greet()
        await visit.frame(3)

    app, visits = scripted(silent, resumed, resumed, resumed)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_have_text("the connection was lost: resuming", timeout=PATIENCE_MS)
        page.get_by_label("Text for Ego to read").fill("are you there?")
        page.get_by_role("button", name="Send").click()
        typed.set()
        expect(page.get_by_role("status")).to_have_text("listening again", timeout=PATIENCE_MS)
        page.wait_for_function("() => document.body.dataset.frames === '4'", timeout=PATIENCE_MS)
        page.get_by_role("button", name="End", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("ended")
        page.goto("about:blank")
    assert visits[-1].asked == [{"type": "read", "text": "are you there?"}, {"type": "end"}]


def test_who_waits_in_the_queue_is_not_taken_for_lost(page: Page) -> None:
    async def queued(visit: Visit) -> None:
        await visit.socket.send_json({"type": "queue", "position": 1, "eta_s": None})
        await asyncio.sleep(5.0)
        await visit.greet()

    app, visits = scripted(queued)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_contain_text("you are number 1 in the queue", timeout=PATIENCE_MS)
        expect(page.get_by_role("status")).to_have_text("listening", timeout=PATIENCE_MS)
        page.goto("about:blank")
    assert len(visits) == 1


SOCKETS_ARE_KEPT = """() => {
    const Made = WebSocket;
    window.sockets = [];
    window.WebSocket = class extends Made { constructor(...named) { super(...named); window.sockets.push(this); } };
}"""
THE_FIRST_IS_DEAD = "() => Object.assign(window.sockets[0], { onmessage: null, send() {}, close() {} })"


def test_a_real_session_goes_on_after_a_silent_loss(page: Page) -> None:
    live = LiveEngine(Engine(tiny_loaded(), slots=1))
    with serving(make_app(live)) as where:
        page.goto(f"http://{where}/")
        page.evaluate(SOCKETS_ARE_KEPT)
        page.get_by_role("button", name="Talk").click()
        page.wait_for_function("() => document.body.dataset.frames > 3", timeout=PATIENCE_MS)
        page.evaluate(THE_FIRST_IS_DEAD)
        before = page.evaluate("() => Number(document.body.dataset.frames)")
        expect(page.get_by_role("status")).to_have_text("listening again", timeout=PATIENCE_MS)
        page.wait_for_function("(before) => document.body.dataset.frames > before + 20", arg=before, timeout=PATIENCE_MS)
        assert len(live.lives) == 1
        page.goto("about:blank")


def test_how_long_a_round_trip_takes_is_measured_again_and_again(page: Page) -> None:
    """A ping that nobody answers for a while is counted whole; what is known of a connection that was lost is told no more."""

    async def far(visit: Visit) -> None:
        visit.pong_s = 0.3
        await visit.greet()
        await visit.frames_until(0, lambda: visit.pong_s == 0.0)
        await visit.frames_until(100, lambda: visit.pong_s > 0.0)
        await visit.socket.close(1011)

    async def lost(visit: Visit) -> None:
        await visit.socket.close(1011)

    app, visits = scripted(far, *[lost] * 20)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.get_by_role("button", name="Talk").click()
        meter = page.locator("#roundtrip")
        expect(meter).to_have_text(re.compile(r"^([3-9]\d\d|\d{4,}) ms$"), timeout=PATIENCE_MS)
        visits[0].pong_s = 0.0
        expect(meter).to_have_text(re.compile(r"^(< 1|\d\d?|[12]\d\d) ms$"), timeout=PATIENCE_MS)
        visits[0].pong_s = 0.3
        expect(page.get_by_role("status")).to_contain_text("resuming", timeout=PATIENCE_MS)
        expect(meter).to_have_text("-")
        page.get_by_role("button", name="End", exact=True).click()
        page.goto("about:blank")


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_real_server_and_a_browser_tell_how_long_a_round_trip_takes(page: Page, transport: str) -> None:
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=1)))) as where:
        page.goto(f"http://{where}/?transport={transport}")
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#roundtrip")).to_have_text(re.compile(r"^(< 1|\d+) ms$"), timeout=PATIENCE_MS)
        expect(page.get_by_role("status")).to_have_text("listening")  # nothing was refused
        expect(page.get_by_role("region", name="Latency and time").get_by_role("term")).to_have_text(
            ["step", "response", "round trip", "played late by", "time"]
        )
        page.goto("about:blank")


def test_a_ping_is_answered_where_it_can_be_and_lets_no_time_pass() -> None:
    live, answers = Live(Engine(tiny_loaded()).open(), lambda result: None, Pace()), list[dict[str, Any]]()
    assert not do('{"type": "ping"}', live, answers.append)
    assert answers == [{"type": "pong"}]
    assert live.take(late=False) is None
    with pytest.raises(InputError, match="on WebSockets alone"):
        do('{"type": "ping"}', live)


class Between:
    """What stands before a server: a proxy that gives it another name, or none of its WebSockets; or its own limit of connections."""

    def __init__(self, app: ASGIApp, *, host: str = "", status: int = 0, all_of_it: bool = True) -> None:
        self.app, self.host, self.status, self.all_of_it = app, host, status, all_of_it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.host and "headers" in scope:
            scope["headers"] = [(n, self.host.encode() if n == b"host" else v) for n, v in scope["headers"]]
        wire = "websocket." if scope["type"] == "websocket" else ""
        if self.status and (wire or (self.all_of_it and scope.get("path", "").startswith("/api/"))):
            await receive()
            await send({"type": f"{wire}http.response.start", "status": self.status, "headers": []})
            await send({"type": f"{wire}http.response.body", "body": b"no"})
        else:
            await self.app(scope, receive, send)


REFUSALS: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "token": (("let me in",), {}, "open this page with ?token=TOKEN"),
    "origin": ((), {"host": "inside:80"}, "allow it with --origins"),
    "too many": ((), {"status": 503}, "too many are connected"),
    "no WebSockets": ((), {"status": 502, "all_of_it": False}, "its WebSockets do not come through"),
}


@pytest.mark.parametrize(
    ("transport", "refusal"),
    [*(("websocket", refusal) for refusal in REFUSALS), *(("webrtc", refusal) for refusal in REFUSALS if refusal != "no WebSockets")],
)
def test_why_nobody_is_let_in_is_told(page: Page, transport: str, refusal: str) -> None:
    tokens, between, reason = REFUSALS[refusal]
    app = make_app(LiveEngine(Engine(tiny_loaded(), slots=1)), tokens=tokens)
    app.add_middleware(Between, **between)
    with serving(app) as where:
        page.goto(f"http://{where}/?transport={transport}")
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_contain_text(reason, timeout=PATIENCE_MS)
        expect(page.get_by_role("button", name="End", exact=True)).to_be_disabled()
        page.goto("about:blank")


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_server_that_is_gone_is_told(page: Page, transport: str) -> None:
    app, _ = scripted()
    with serving(app) as where:
        page.goto(f"http://{where}/?transport={transport}")
    page.get_by_role("button", name="Talk").click()
    expect(page.get_by_role("status")).to_have_text("the server cannot be reached", timeout=PATIENCE_MS)
