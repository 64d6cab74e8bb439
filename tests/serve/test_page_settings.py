"""The settings of the page: those that a server leaves to its clients can be chosen, and the others are told to be fixed."""

import time

import pytest
from playwright.sync_api import Page, expect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.settings import ALL
from tests.serve.conftest import serving
from tests.serve.test_page import CHROMIUM, PATIENCE_MS
from tests.serve.test_page_connection import Visit, browser, page, scripted
from tests.tiny import tiny_config, tiny_loaded

__all__ = ["browser", "page"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: make test installs Debian's where it may")
LIVELINESS, PROMPT = "Liveliness of the voice", "Prompt, read when a session begins"
SHOWN: list[tuple[frozenset[str], tuple[str, ...], str]] = [
    (ALL, (LIVELINESS, PROMPT), ""),
    (frozenset({"speech_temperature"}), (LIVELINESS,), "Fixed by this server: the prompt"),
    (frozenset({"prompt", "text_temperature"}), (PROMPT,), "Fixed by this server: the liveliness of the voice"),
    (frozenset(), (), "Fixed by this server: the liveliness of the voice, the prompt"),
]


def check_shown(page: Page, shown: tuple[str, ...], fixed: str) -> None:
    for label in (LIVELINESS, PROMPT):
        expect(page.get_by_label(label)).to_be_visible(visible=label in shown)
    if fixed:
        expect(page.locator("#fixed")).to_have_text(fixed)
    else:
        expect(page.locator("#fixed")).to_be_hidden()
    expect(page.get_by_label("Transport")).to_be_visible()  # the page's own are no matter of the server's


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
@pytest.mark.parametrize(("allowed", "shown", "fixed"), SHOWN)
def test_a_server_shows_what_it_allows(page: Page, transport: str, allowed: frozenset[str], shown: tuple[str, ...], fixed: str) -> None:
    live = LiveEngine(Engine(tiny_loaded(), slots=1), allowed=allowed)
    with serving(make_app(live)) as where:
        page.goto(f"http://{where}/?transport={transport}")
        page.get_by_text("Settings").click()
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_have_text("listening", timeout=PATIENCE_MS)
        check_shown(page, shown, fixed)
        page.goto("about:blank")


def test_what_is_fixed_is_foretold_and_what_was_chosen_in_vain_is_told(page: Page) -> None:
    live = LiveEngine(Engine(tiny_loaded(tiny_config(reads=True)), slots=1), allowed=frozenset({"speech_temperature"}))
    with serving(make_app(live)) as where:
        page.route("**/readyz", lambda route: route.fulfill(json={"ready": True, "settings": ["prompt"]}))  # which is true no longer
        page.goto(f"http://{where}/")
        page.get_by_text("Settings").click()
        check_shown(page, (PROMPT,), "Fixed by this server: the liveliness of the voice")
        page.get_by_label(PROMPT).fill("put the blue ball into the bowl")
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_have_text("listening; the prompt is fixed by this server", timeout=PATIENCE_MS)
        check_shown(page, (LIVELINESS,), "Fixed by this server: the prompt")
        # What is allowed is asked for as ever, and nothing with it that would be refused.
        page.get_by_label(LIVELINESS).fill("0.25")
        until = time.monotonic() + PATIENCE_MS / 1_000
        while live.lives[0].session.sampling.speak.temperature != 0.25:
            assert time.monotonic() < until
            time.sleep(0.1)
        expect(page.get_by_role("status")).to_contain_text("listening")
        page.goto("about:blank")


def test_a_server_that_allows_more_shows_more(page: Page) -> None:
    async def strict(visit: Visit) -> None:
        await visit.greet(settings=[])
        await visit.heard(1)

    async def generous(visit: Visit) -> None:
        await visit.greet(settings=sorted(ALL))
        await visit.heard(1)

    app, _ = scripted(strict, generous)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.get_by_text("Settings").click()
        for shown, fixed in ((), SHOWN[-1][2]), ((LIVELINESS, PROMPT), ""):
            page.get_by_role("button", name="Talk").click()
            expect(page.get_by_role("status")).to_have_text("listening", timeout=PATIENCE_MS)
            check_shown(page, shown, fixed)
            page.get_by_role("button", name="End", exact=True).click()
        page.goto("about:blank")
