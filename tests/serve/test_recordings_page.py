"""Recorded conversations in a real browser: found in the list, played, deleted."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect, sync_playwright

import roboego
from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.recording import Recorder
from tests.serve.conftest import broken_off, serving
from tests.serve.test_page import CHROMIUM, PATIENCE_MS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: make test installs Debian's where it may")
TOKEN = "let me in"
INK = """() => {
  const canvas = document.getElementById("lanes");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0 ? 1 : 0), 0);
}"""
"""How many points of the lanes are drawn."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def recording_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server that has recorded a conversation, and lets in who knows the token."""
    engine = LiveEngine(Engine(roboego.load("nano")), recorder=Recorder(tmp_path_factory.mktemp("recordings")))
    with serving(make_app(engine, tokens=(TOKEN,))) as where:
        broken_off(engine)
        yield where


def opened(browser: Browser, errors: list[str]) -> Page:
    page = browser.new_context().new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return page


def test_a_conversation_is_found_played_and_deleted(browser: Browser, recording_server: str, tmp_path: Path) -> None:
    errors: list[str] = []
    page = opened(browser, errors)
    page.goto(f"http://{recording_server}/?token={TOKEN}")
    page.get_by_role("link", name="Recordings").click()

    expect(page.get_by_role("status")).to_have_text("1 conversation", timeout=PATIENCE_MS)
    page.locator("#recordings button").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.body.dataset.opened", timeout=PATIENCE_MS)
    transcript = page.locator("#transcript")
    expect(transcript.locator(".user").first).to_contain_text("hear me")
    expect(transcript).to_contain_text("my name is anna.")
    expect(transcript.locator("span.said")).to_have_count(0)
    drawn = page.evaluate(INK)
    page.evaluate("() => document.getElementById('sound').play()")
    expect(transcript.locator(".user span.said").nth(3)).to_be_attached(timeout=PATIENCE_MS)
    expect(transcript.locator(".ego span.said").nth(1)).to_be_attached(timeout=PATIENCE_MS)
    assert page.evaluate(INK) > 0.5 * drawn > 0
    # A turn's button plays from there: back at the start, nothing has been said.
    page.evaluate("() => document.getElementById('sound').pause()")
    page.get_by_role("button", name=re.compile("play from")).first.click()
    page.evaluate("() => document.getElementById('sound').pause()")
    page.evaluate("() => { document.getElementById('sound').currentTime = 0 }")
    expect(transcript.locator("span.said")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download sound").click()
    download.value.save_as(tmp_path / "sound.opus")
    assert soundfile.info(tmp_path / "sound.opus").channels == 2

    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#recordings li")).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text("nothing has been recorded yet")
    expect(page.locator("#player")).to_be_hidden()
    assert not errors


def test_who_has_no_token_and_what_records_nothing_is_told(browser: Browser, recording_server: str, server: str) -> None:
    page = opened(browser, [])
    page.goto(f"http://{recording_server}/recordings.html")
    expect(page.get_by_role("status")).to_contain_text("?token=TOKEN")
    page.goto(f"http://{server}/recordings.html")
    expect(page.get_by_role("status")).to_contain_text("roboego serve --record FOLDER")
