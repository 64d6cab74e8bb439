"""What the page shows, and how it is used: lanes, sound, buttons; in the dark, on a phone, by keyboard, and without a microphone."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.live_socket import PICTURE
from tests.serve.conftest import serving
from tests.serve.test_page import CHROMIUM, PATIENCE_MS
from tests.serve.test_page_connection import Visit, browser, page, scripted
from tests.tiny import tiny_config, tiny_loaded

__all__ = ["browser", "page"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: make test installs Debian's where it may")
READABLE = 4.5
"""Contrast that WCAG 2.1 asks of text (1.4.3)."""


async def greeting(visit: Visit) -> None:
    await visit.greet()


COLOURED = """(wanted) => {
    const canvas = document.getElementById("lanes");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const paint = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    paint.fillStyle = wanted.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(wanted).trim() : wanted;
    paint.fillRect(0, 0, 1, 1);
    const colour = paint.getImageData(0, 0, 1, 1).data;
    let count = 0;
    for (let at = 0; at < data.length; at += 4) count += [0, 1, 2, 3].every((i) => data[at + i] === colour[i]);
    return count;
}"""
"""How many points of the lanes have a colour."""


def test_what_is_seen_and_done_has_lanes(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), (0, 255, 0)).save(tmp_path / "green.png")

    async def acting(visit: Visit) -> None:
        await visit.greet(sees=True, acts=3, action_bins=8)
        await visit.heard(1)
        for index in range(10):
            await visit.frame(index, action=[0, 0, 0])
        index = await visit.frames_until(10, lambda: any(m[0] == PICTURE for m in visit.messages if isinstance(m, bytes)))
        for more in range(20):
            await visit.frame(index + more, action=[7, 7, 7], heard=" done" * (more == 19))
        await visit.frames_until(index + 20, lambda: False)

    app, _ = scripted(acting)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        expect(page.locator("#lanes")).to_have_attribute("data-lanes", "listen heard text speak events")
        page.get_by_role("button", name="Talk").click()
        page.wait_for_function("() => document.body.dataset.frames >= 10", timeout=PATIENCE_MS)
        expect(page.locator("#lanes")).to_have_attribute("data-lanes", "listen heard look text speak act events")
        seen, done = page.evaluate(COLOURED, "rgb(0, 255, 0)"), page.evaluate(COLOURED, "--ego")
        page.locator("#picture").set_input_files(tmp_path / "green.png")
        expect(page.locator("#transcript .user")).to_have_text("youdone", timeout=PATIENCE_MS)
        assert seen == 0
        assert page.evaluate(COLOURED, "rgb(0, 255, 0)") > 200
        assert page.evaluate(COLOURED, "--ego") > 2 * done > 0
        page.goto("about:blank")


def test_a_model_that_acts_says_so(page: Page) -> None:
    loaded = tiny_loaded(tiny_config(action_dims=3, action_bins=8))
    with serving(make_app(LiveEngine(Engine(loaded, slots=1)))) as where:
        page.goto(f"http://{where}/")
        page.get_by_role("button", name="Talk").click()
        page.wait_for_function("() => document.body.dataset.frames > 3", timeout=PATIENCE_MS)
        expect(page.locator("#lanes")).to_have_attribute("data-lanes", "listen heard text speak act events")
        page.goto("about:blank")


LEVELS = """async () => {
    const { Levels } = await import("./levels.js");
    const levels = new Levels();
    for (let level = 0; level < 8; level += 1) levels.add(level);
    const overrun = [{ type: "overrun", frames: 3 }];
    return [
        { events: [], times: [1, 2] }, { events: overrun, times: [1, 2] }, { events: [], times: [3, 3] }, { events: [], times: null },
    ].map((frame) => levels.take(frame));
}"""


def test_levels_stay_beside_the_steps_that_heard_them(page: Page) -> None:
    app, _ = scripted()
    with serving(app) as where:
        page.goto(f"http://{where}/")
        # The second has lost three frames, and to the third no sound had come.
        assert page.evaluate(LEVELS) == [0, 4, 0, 5]


PLAYED = """async ([frames, level]) => {
    const { Loudspeaker, openAudio, readyAudio } = await import("./sound.js");
    const context = openAudio(24000);
    await readyAudio(context);
    const loudspeaker = new Loudspeaker(context);
    let told = 0;
    const come = new Promise((resolve) => {
        loudspeaker.node.port.addEventListener("message", () => { told += 1; if (told === frames) resolve(); });
    });
    for (let i = 0; i < frames; i += 1) loudspeaker.play(new Int16Array(1920).fill(level));
    await come;
    const waiting = loudspeaker.waitingSeconds;
    await context.close();
    return waiting;
}"""


@pytest.mark.parametrize(("level", "least_s", "most_s"), [(0, 0.0, 0.3), (4_000, 2.0, 4.0)], ids=["a pause", "words"])
def test_a_pause_that_comes_too_early_becomes_shorter_and_words_do_not(page: Page, level: int, least_s: float, most_s: float) -> None:
    app, _ = scripted()
    with serving(app) as where:
        page.goto(f"http://{where}/")
        assert least_s <= page.evaluate(PLAYED, [50, level]) <= most_s


CLICKED = """() => {
    const Made = AudioContext;
    let made = 0;
    window.AudioContext = class extends Made { constructor(...options) { super(...options); made += 1; } };
    document.getElementById("talk").click();
    return made;
}"""


def test_sound_is_opened_while_the_click_is_handled(page: Page) -> None:
    app, _ = scripted(greeting)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        assert page.evaluate(CLICKED) == 1
        expect(page.get_by_role("status")).to_have_text("listening", timeout=PATIENCE_MS)
        page.goto("about:blank")


def test_that_a_conversation_is_recorded_is_told_as_long_as_it_is(page: Page) -> None:
    async def recording(visit: Visit) -> None:
        await visit.greet(recorded=True)
        await visit.heard(1)
        await visit.socket.send_json({"type": "error", "message": "something cannot be used"})

    app, _ = scripted(recording)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        badge = page.locator("#recorded")
        expect(badge).to_be_hidden()
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_have_text("something cannot be used", timeout=PATIENCE_MS)
        expect(badge).to_contain_text("recording")
        page.get_by_role("button", name="End", exact=True).click()
        expect(badge).to_have_text("this server records conversations")


def test_that_conversations_are_recorded_is_told_before_if_the_server_tells(page: Page) -> None:
    app, _ = scripted()
    page.route("**/readyz", lambda route: route.fulfill(json={"ready": True, "recorded": True}))
    with serving(app) as where:
        page.goto(f"http://{where}/")
        expect(page.locator("#recorded")).to_be_visible()


async def speaking(visit: Visit) -> None:
    """Ego says two of three words, and falls silent when it is told to; the user reads aloud what was typed."""
    await visit.greet()
    await visit.heard(1)
    await visit.frame(0, text="hello", events=[{"type": "reply_started", "reply": 0}])
    await visit.frame(1, text=" my", spoken=1)
    await visit.frame(2, text=" friend", spoken=2)
    index = await visit.frames_until(3, lambda: {"type": "cut"} in visit.asked)
    await visit.frame(index, spoken=2, events=[{"type": "cut", "reply": 0, "spoken": 2}])
    index = await visit.frames_until(index + 1, lambda: any(m["type"] == "read" for m in visit.asked))
    await visit.frame(index, heard=" read")
    await visit.frames_until(index + 1, lambda: False)


def test_cut_off_silences_ego(page: Page) -> None:
    app, _ = scripted(speaking)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        cut = page.get_by_role("button", name="Cut off")
        expect(cut).to_be_disabled()
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#transcript .ego")).to_contain_text("hello my friend", timeout=PATIENCE_MS)
        cut.click()
        expect(page.locator("#transcript .ego.cut span:not(.said)")).to_have_text(" friend", timeout=PATIENCE_MS)
        page.goto("about:blank")


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_microphone_that_is_not_allowed_is_told(browser: Browser, transport: str) -> None:
    live = LiveEngine(Engine(tiny_loaded(), slots=1))
    context = browser.new_context()
    page = context.new_page()
    with serving(make_app(live)) as where:
        page.goto(f"http://{where}/?transport={transport}")
        page.get_by_role("button", name="Talk").click()
        expect(page.get_by_role("status")).to_contain_text("the microphone is not allowed", timeout=PATIENCE_MS)
        for name in ("End", "Cut off"):
            expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Talk")).to_be_enabled()
        context.close()


CONTRASTS = """(selectors) => {
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        const { backgroundColor } = getComputedStyle(element);
        return backgroundColor === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : backgroundColor;
    };
    return Object.fromEntries(selectors.map((selector) => {
        const element = document.querySelector(selector);
        const [more, less] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
        return [selector, (more + 0.05) / (less + 0.05)];
    }));
}"""
TEXTS = ["h1", "#status", "#recorded", "#talk", "#save", "nav a", "summary", "dt", "#transcript .ego b", "#transcript span.said"]


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 23, 26)")])
def test_all_is_readable_in_the_light_and_in_the_dark(page: Page, scheme: Any, paper: str) -> None:
    page.emulate_media(color_scheme=scheme)
    app, _ = scripted(speaking)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#transcript .ego span.said")).to_have_count(2, timeout=PATIENCE_MS)
        expect(page.locator("body")).to_have_css("background-color", paper)
        assert {text: found for text, found in page.evaluate(CONTRASTS, TEXTS).items() if found < READABLE} == {}
        assert page.evaluate(COLOURED, "--ego") > 0
        page.goto("about:blank")


def test_a_phone_shows_all_of_it_without_scrolling_sideways(page: Page) -> None:
    async def all_of_it(visit: Visit) -> None:
        await visit.greet(sees=True, acts=2, recorded=True, model="a model with quite a long name")
        await visit.heard(1)
        await visit.frame(0, heard=" supercalifragilisticexpialidocious" * 3)
        await visit.frames_until(1, lambda: False)

    page.set_viewport_size({"width": 320, "height": 568})
    app, _ = scripted(all_of_it)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        page.get_by_role("button", name="Talk").click()
        expect(page.locator("#transcript .user")).to_be_attached(timeout=PATIENCE_MS)
        page.get_by_text("Settings").click()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
        for thing in page.locator("button, .button, select, #words, #prompt").all():
            thing.scroll_into_view_if_needed()
            box = thing.bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= box["x"] + box["width"] <= 320, thing
            assert 0 <= box["y"] <= box["y"] + box["height"] <= 568, thing
        page.goto("about:blank")


def test_a_keyboard_is_enough(page: Page) -> None:
    app, visits = scripted(speaking)
    with serving(app) as where:
        page.goto(f"http://{where}/")
        tab_to(page, "talk")
        page.keyboard.press("Enter")
        expect(page.locator("#transcript .ego")).to_contain_text("friend", timeout=PATIENCE_MS)
        tab_to(page, "file")  # which only its label shows
        assert page.evaluate("() => getComputedStyle(document.activeElement.parentElement).outlineStyle") == "solid"
        tab_to(page, "cut")
        page.keyboard.press("Space")
        expect(page.locator("#transcript .ego.cut")).to_be_attached(timeout=PATIENCE_MS)
        tab_to(page, "words")
        page.keyboard.type("hello")
        page.keyboard.press("Enter")
        expect(page.locator("#transcript .user").last).to_contain_text("read", timeout=PATIENCE_MS)
        tab_to(page, "stop")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("ended")
        tab_to(page, "save")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert re.fullmatch(r".*\.wav", download.value.suggested_filename)
    assert {"type": "read", "text": "hello"} in visits[0].asked


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until what is focused has an id, and shows that it is."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.id") == name:
            return
    pytest.fail(f"#{name} cannot be reached with Tab")
