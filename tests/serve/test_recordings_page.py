"""Recorded conversations in a real browser: found in the list, played, deleted."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

import roboego
from roboego.data.recorded import PICTURES
from roboego.runtime.engine import Engine
from roboego.runtime.frame import StepIn
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.recording import Recorder
from tests.serve.conftest import broken_off, serving
from tests.serve.test_page import CHROMIUM, PATIENCE_MS
from tests.serve.test_recording import HEADING, VOICE, frame
from tests.tiny import tiny_loaded

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
    # Of a model that neither sees nor acts.
    expect(page.locator("#lanes")).to_have_attribute("data-lanes", "listen heard text speak events")
    expect(page.locator("#done")).to_be_hidden()
    expect(page.locator("#sight")).to_be_hidden()
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


FRAMES = 625
"""Fifty seconds; the lanes show fourteen."""
SEEN = {25: "red", 75: "fuchsia", 125: "lime", 500: "blue"}
"""The pictures of a conversation, by the frames with which they came; the second is lost later."""
DONE = {100: [0, 3, 7], 101: [7, 7, 7]}
"""Its actions, by their frames."""
LOOK, ACT, FIRST_DIMENSION = (0.29, 0.43), (0.74, 0.88), (0.745, 0.76)
"""Where these lanes lie, and the upper half of what is done in the first dimension: parts of the height."""
COLUMNS = """([wanted, from, to]) => {
    const canvas = document.getElementById("lanes");
    const paint = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    paint.fillStyle = wanted.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(wanted).trim() : wanted;
    paint.fillRect(0, 0, 1, 1);
    const colour = paint.getImageData(0, 0, 1, 1).data;
    const top = Math.round(from * canvas.height);
    const { data, width } = canvas.getContext("2d").getImageData(0, top, canvas.width, Math.round(to * canvas.height) - top);
    const columns = new Set();
    for (let at = 0; at < data.length; at += 4) {
        if ([0, 1, 2, 3].every((i) => Math.abs(data[at + i] - colour[i]) < 12)) columns.add((at / 4) % width);
    }
    return [...columns].sort((a, b) => a - b);
}"""
"""The columns in which a colour is to be found, between two heights of the lanes."""


@pytest.fixture(scope="module")
def seeing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server that has recorded a conversation in which Ego saw and acted, and has lost a picture of it."""
    recorder = Recorder(tmp_path_factory.mktemp("recordings"))
    recording = recorder.begin(HEADING)
    for i in range(FRAMES):
        action = np.array(DONE[i]) if i in DONE else None
        picture = Image.new("RGB", (64, 48), SEEN[i]) if i in SEEN else None
        recording.put(StepIn(listen=VOICE, look=picture), replace(frame(i), action=action))
    recording.end()
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=1), recorder=recorder), tokens=(TOKEN,))) as where:
        while not (entry := recorder.index.get(recording.entry.id)) or entry.status == "open":
            time.sleep(0.05)
        recorder.path(entry.id, f"{PICTURES}/00000075.jpg").unlink()
        yield where


def column(page: Page, frame: int, first: int = 0) -> float:
    """Where a frame is drawn, if the lanes begin with number `first`."""
    width: int = page.evaluate("() => document.getElementById('lanes').clientWidth")
    return 56 + (frame - first) * (width - 56) / 175


def columns(page: Page, colour: str, part: tuple[float, float]) -> list[int]:
    """Those that have a colour, once there are some."""
    page.wait_for_function(f"(given) => ({COLUMNS})(given).length", arg=[colour, *part], timeout=PATIENCE_MS)
    found: list[int] = page.evaluate(COLUMNS, [colour, *part])
    return found


def go_to(page: Page, seconds: float) -> None:
    page.evaluate("(seconds) => { document.getElementById('sound').currentTime = seconds; }", seconds)


def test_what_was_seen_and_done_has_lanes(browser: Browser, seeing_server: str) -> None:
    page = opened(browser, errors := [])
    fetched: list[str] = []
    page.on("request", lambda request: fetched.extend(re.findall(r"pictures/0*(\d+)", request.url)))
    page.goto(f"http://{seeing_server}/recordings.html?token={TOKEN}")
    page.locator("#recordings button").click()
    page.wait_for_function("() => document.body.dataset.opened", timeout=PATIENCE_MS)
    expect(page.locator("#lanes")).to_have_attribute("data-lanes", "listen heard look text speak act events")

    # A picture stands where it came; one that cannot be had leaves its mark; what is out of sight is not asked for.
    assert columns(page, "red", LOOK)[0] == pytest.approx(column(page, 25), abs=3)
    assert columns(page, "lime", LOOK)[0] == pytest.approx(column(page, 125), abs=3)
    assert min(abs(x - column(page, 75)) for x in columns(page, "--user", LOOK)) < 2
    assert sorted(fetched, key=int) == ["25", "75", "125"]
    # Two steps did something: a bar of each dimension is as tall as its number is high.
    done = columns(page, "--ego", ACT)
    assert column(page, 100) - 1 <= done[0] <= done[-1] <= column(page, 102)
    assert columns(page, "--ego", FIRST_DIMENSION)[0] == pytest.approx(column(page, 101), abs=2)

    for seconds, action in ((8.02, "action 0, 3, 7"), (8.1, "action 7, 7, 7"), (9.0, "no action")):
        go_to(page, seconds)
        expect(page.locator("#done")).to_have_text(action)
    expect(page.locator("#shown")).to_have_text("shown at 0:06")
    go_to(page, 41.0)
    assert columns(page, "blue", LOOK)[0] == pytest.approx(column(page, 500, first=407), abs=3)
    page.locator("#lanes").click(position={"x": column(page, 500, first=407) + 2, "y": 120})
    expect(page.locator("#shown")).to_have_text("shown at 0:40")
    assert page.evaluate("() => document.getElementById('sound').currentTime") == pytest.approx(40.0, abs=0.1)
    expect(page.get_by_alt_text("what Ego was shown")).to_have_attribute("src", re.compile(r"/pictures/00000500\.jpg\?token="))
    assert [error for error in errors if "404" not in error] == []


def test_a_phone_shows_what_was_seen_and_done(browser: Browser, seeing_server: str) -> None:
    page = opened(browser, errors := [])
    page.set_viewport_size({"width": 320, "height": 568})
    page.goto(f"http://{seeing_server}/recordings.html?token={TOKEN}")
    page.locator("#recordings button").click()
    page.wait_for_function("() => document.body.dataset.opened", timeout=PATIENCE_MS)
    go_to(page, 2.5)
    columns(page, "red", LOOK)
    expect(page.locator("#shown")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    assert not errors


def test_who_has_no_token_and_what_records_nothing_is_told(browser: Browser, recording_server: str, server: str) -> None:
    page = opened(browser, [])
    page.goto(f"http://{recording_server}/recordings.html")
    expect(page.get_by_role("status")).to_contain_text("?token=TOKEN")
    page.goto(f"http://{server}/recordings.html")
    expect(page.get_by_role("status")).to_contain_text("roboego serve --record FOLDER")
