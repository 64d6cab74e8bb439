"""The page in a real browser: somebody asks aloud, and the spoken answer is there to read."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.timebase import SAMPLE_RATE
from tests.serve.conftest import question, serving
from tests.serve.wire import wired
from tests.tiny import seeing_loaded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: make test installs Debian's where it may")
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, with a question as its microphone; it is asked once more after a while, as what is said while a connection is lost may be
    lost with it."""
    wav = tmp_path_factory.mktemp("microphone") / "question.wav"
    asked, silence = question().reshape(-1), np.zeros(SAMPLE_RATE, np.float32)
    soundfile.write(wav, np.concatenate([silence, asked, *[silence] * 6, asked]), SAMPLE_RATE)
    switches = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", f"use-file-for-fake-audio-capture={wav}%noloop")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *(f"--{switch}" for switch in switches)]
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    with opened_page(browser, f"http://{server}/") as page:
        yield page


@contextmanager
def opened_page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, which may have no error to tell."""
    context = browser.new_context(permissions=["microphone", "camera"])
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.goto(address)
    yield opened
    context.close()
    assert not errors


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_question_asked_aloud_is_answered(browser: Browser, server: str, transport: str, tmp_path: Path) -> None:
    with opened_page(browser, f"http://{server}/?transport={transport}") as page:
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#transcript .user")).to_contain_text("hear me", timeout=PATIENCE_MS)
        said = page.locator("#transcript .ego").first.locator("span.said")
        expect(said.nth(2)).to_be_attached(timeout=PATIENCE_MS)
        # What WebRTC plays is measured where it comes out of the track.
        expect(page.locator("#response")).to_have_text(re.compile(r"\d+ ms"), timeout=PATIENCE_MS)
        page.get_by_role("button", name="End", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("ended")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save recording").click()
        download.value.save_as(tmp_path / "conversation.wav")
    pcm, rate = soundfile.read(tmp_path / "conversation.wav")
    assert rate == SAMPLE_RATE
    assert pcm.shape[1] == 2
    assert np.abs(pcm).max(0).min() > 0.05


def test_a_question_goes_on_when_the_connection_is_lost(browser: Browser, server: str) -> None:
    with wired(server) as wire, opened_page(browser, f"http://{wire.where}/") as page:
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#transcript .user")).to_be_attached(timeout=PATIENCE_MS)
        assert wire.cut()
        expect(page.get_by_role("status")).to_contain_text("resuming", timeout=PATIENCE_MS)
        expect(page.get_by_role("status")).to_contain_text("listening again", timeout=PATIENCE_MS)
        expect(page.locator("#transcript .user")).to_contain_text("can you hear me", timeout=PATIENCE_MS)
        expect(page.locator("#transcript .ego")).to_contain_text(re.compile(r"\w+ \w+ \w+"), timeout=PATIENCE_MS)
        assert wire.cut()
        expect(page.get_by_role("status")).to_contain_text("listening again", timeout=PATIENCE_MS)


PEERS_ARE_KEPT = """() => {
    const made = RTCPeerConnection.prototype.createDataChannel;
    window.peers = [];
    RTCPeerConnection.prototype.createDataChannel = function (...named) { window.peers.push(this); return made.apply(this, named); };
}"""
THE_FIRST_FAILS = """() => {
    Object.defineProperty(window.peers[0], "connectionState", { get: () => "failed" });
    window.peers[0].dispatchEvent(new Event("connectionstatechange"));
}"""


def test_a_peer_whose_connection_is_lost_comes_back(browser: Browser, server: str) -> None:
    with opened_page(browser, f"http://{server}/?transport=webrtc") as page:
        page.evaluate(PEERS_ARE_KEPT)
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#transcript .user")).to_be_attached(timeout=PATIENCE_MS)
        page.evaluate(THE_FIRST_FAILS)
        expect(page.get_by_role("status")).to_contain_text("listening again", timeout=PATIENCE_MS)
        assert page.evaluate("() => window.peers.length") == 2
        expect(page.locator("#transcript .ego")).to_contain_text(re.compile(r"\w+ \w+ \w+"), timeout=PATIENCE_MS)
        expect(page.locator("#response")).to_have_text(re.compile(r"\d+ ms"), timeout=PATIENCE_MS)


def test_a_sound_file_takes_the_place_of_a_microphone(page: Page, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "question.wav", question()[:40].reshape(-1), SAMPLE_RATE)
    page.locator("#file").set_input_files(tmp_path / "question.wav")
    expect(page.locator("#transcript .ego")).to_contain_text(re.compile(r"\w+ \w+"), timeout=PATIENCE_MS)
    page.get_by_label("Text for Ego to read").fill("привет")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_class("bad")


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_camera_and_pictures_are_seen(browser: Browser, transport: str, tmp_path: Path) -> None:
    live = LiveEngine(Engine(seeing_loaded(), slots=1))
    Image.new("RGB", (900, 300), "red").save(tmp_path / "red.png")
    with serving(make_app(live)) as where, opened_page(browser, f"http://{where}/?transport={transport}") as page:
        page.get_by_role("button", name="Talk").click()
        page.get_by_role("button", name="Camera").click(timeout=PATIENCE_MS)
        seen_by(live, 3)
        page.locator("#picture").set_input_files(tmp_path / "red.png")
        expect(page.locator("#seen")).to_have_attribute("width", "448")
        seen_by(live, 1)
        page.get_by_role("button", name="Show nothing").click()
        expect(page.locator("#seen")).to_be_hidden()


def seen_by(live: LiveEngine, pictures: int) -> None:
    """Waits until the session has been shown so many more pictures, none of which was broken."""
    eye = live.lives[0].session.sight._eye
    assert eye is not None
    first, until = eye.counts.offered, time.monotonic() + PATIENCE_MS / 1_000
    while eye.counts.offered < first + pictures:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert not eye.counts.broken


def test_settings_are_asked_for(page: Page, live: LiveEngine) -> None:
    page.get_by_text("Settings").click()
    page.get_by_label("Liveliness of the voice").fill("0.25")
    page.get_by_label("Prompt, read when a session begins").fill("Be brief!")
    page.get_by_role("button", name="Talk").click()
    expect(page.get_by_role("status")).to_contain_text("listening", timeout=PATIENCE_MS)
    session = live.lives[-1].session
    until = time.monotonic() + PATIENCE_MS / 1_000
    while session.sampling.speak.temperature != 0.25:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_file_that_is_no_sound_is_told(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    page.locator("#file").set_input_files(tmp_path / "notes.txt")
    expect(page.get_by_role("status")).to_contain_text("no sound file", timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="End", exact=True)).to_be_disabled()
