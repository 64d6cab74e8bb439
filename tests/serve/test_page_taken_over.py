"""Two pages and one session: the second takes it over, and the first says so and leaves it alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from tests.serve.conftest import serving
from tests.serve.test_page import CHROMIUM, PATIENCE_MS
from tests.serve.test_page_connection import browser
from tests.tiny import tiny_loaded

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: make test installs Debian's where it may")
TRANSPORTS = ("websocket", "webrtc")
WATCHED = """() => {
    const parsed = JSON.parse;
    JSON.parse = (...given) => {
        const told = parsed(...given);
        if (told?.type === "hello") window.hello = told;
        return told;
    };
    window.connections = 0;
    const [Socket, asked] = [WebSocket, fetch];
    window.WebSocket = class extends Socket { constructor(...named) { super(...named); window.connections += 1; } };
    window.fetch = (where, options) => { window.connections += options?.method === "POST"; return asked(where, options); };
}"""
"""Keeps the greeting of a page's session, and counts the connections that it makes."""
TAKES_OVER = """(resume) => {
    const [Socket, asked] = [WebSocket, fetch];
    window.WebSocket = class extends Socket {
        constructor(where) { super(`${where}?resume=${encodeURIComponent(resume)}&after=-1`); }
    };
    window.fetch = (where, options) => {
        if (options?.method !== "POST") return asked(where, options);
        return asked(where, { ...options, body: JSON.stringify({ ...JSON.parse(options.body), resume, after: -1 }) });
    };
}"""
"""Lets a page begin with the session of a key in place of a new one."""


@contextmanager
def opened(browser: Browser, address: str, script: str, argument: Any = None) -> Iterator[Page]:
    """The page in a browser of its own, with a script that has run in it; it may have no error to tell."""
    context = browser.new_context(permissions=["microphone"])
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.evaluate(script, argument)
    yield page
    context.close()
    assert not errors


def beyond(page: Page, frames: int) -> int:
    """Waits until so many more frames have come to a page; how many they are then."""
    before = page.evaluate("() => Number(document.body.dataset.frames ?? 0)")
    page.wait_for_function("(most) => Number(document.body.dataset.frames ?? 0) > most", arg=before + frames, timeout=PATIENCE_MS)
    return int(page.evaluate("() => Number(document.body.dataset.frames)"))


@pytest.mark.parametrize(("before", "after"), [TRANSPORTS, TRANSPORTS[::-1]])
def test_a_page_whose_session_is_taken_over_says_so_and_leaves_it_alone(browser: Browser, before: str, after: str) -> None:
    live = LiveEngine(Engine(tiny_loaded(), slots=1))
    with serving(make_app(live)) as where, opened(browser, f"http://{where}/?transport={before}", WATCHED) as first:
        first.get_by_role("button", name="Talk").click()
        beyond(first, 5)
        session = live.lives[0]
        with opened(browser, f"http://{where}/", TAKES_OVER, first.evaluate("() => window.hello.resume")) as second:
            second.locator("#transport").evaluate("(select, value) => { select.value = value; }", after)
            second.get_by_role("button", name="Talk").click()
            expect(first.get_by_role("status")).to_have_text(
                "this conversation goes on in another tab or on another device; Talk begins a new one here", timeout=PATIENCE_MS
            )
            expect(second.get_by_role("status")).to_have_text("listening", timeout=PATIENCE_MS)
            expect(first.get_by_role("button", name="End", exact=True)).to_be_disabled()
            expect(first.get_by_role("button", name="Talk")).to_be_enabled()
            beyond(second, 5)
            # Longer than a page waits before it takes a connection for lost and comes back.
            first.wait_for_timeout(6_000)
            stood = first.evaluate("() => document.body.dataset.frames")
            beyond(second, 5)
            assert first.evaluate("() => [window.connections, document.body.dataset.frames]") == [1, stood]
            expect(first.get_by_role("status")).to_contain_text("goes on in another tab")
            expect(second.get_by_role("status")).to_have_text("listening")
            assert live.lives == (session,)
            second.get_by_role("button", name="End", exact=True).click()
            expect(second.get_by_role("status")).to_have_text("ended")
