"""The picture of a conversation: all of its streams, readable, whatever happens in it."""

from itertools import combinations
from pathlib import Path

import matplotlib.text
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from roboego.commands.exchange.record import Record, StereoWriter
from roboego.commands.exchange.timeline import DPI, WIDTH_IN, compose, draw_timeline
from roboego.timebase import FRAME_SAMPLES
from tests.commands.scene import FRAMES, make_scene

ALWAYS = {"listen\nthe user", "text", "speak\nEgo", "codes", "step\nof 80 ms"}


def texts(figure: Figure) -> dict[str, list[Bbox]]:
    """All that is written in a picture, with the places in pixels."""
    found: dict[str, list[Bbox]] = {}
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip():
            found.setdefault(text.get_text(), []).append(text.get_window_extent(renderer))
    return found


def assert_readable(figure: Figure) -> None:
    """All text lies in the picture, and no two texts touch."""
    figure.canvas.draw()
    places = [(text, place) for text, found in texts(figure).items() for place in found]
    for text, place in places:
        assert min(place.x0, place.y0) >= 0, text
        assert place.x1 <= figure.bbox.x1, text
        assert place.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in combinations(places, 2):
        assert not a.overlaps(b), (one, other)


def test_a_conversation_with_all_streams(tmp_path: Path) -> None:
    figure = compose(*make_scene(tmp_path))
    assert_readable(figure)
    found = texts(figure)
    assert set(found) >= ALWAYS | {"look", "read", "spoken_upto", "act"}
    assert set(found) >= {"<duplex> you see a table.", "cut", "24 of 29", "10 of 10", "0.59 s", "0.66 s"}
    # The long reply's words share bars, the short one's do not.
    assert set(found) >= {"the red", "shelf,", "and a", "yellow box.", "sure,", "bowl."}
    assert set(found) >= {"cut off, never heard", "a step that took over 80 ms"}


def test_a_longer_one_goes_on_line_by_line_and_leaves_out_what_there_is_not(tmp_path: Path) -> None:
    figure = compose(*make_scene(tmp_path, acts=False, looks=False, again=2))
    assert_readable(figure)
    found = texts(figure)
    assert not {"look", "act"} & set(found)
    assert {name: len(found[name]) for name in ALWAYS} == dict.fromkeys(ALWAYS, 3)
    assert len(found["read"]) == 1
    # An arrow that goes over the end of a line has its figure once.
    assert len(found["0.66 s"]) == len(found["0.59 s"]) == 2


def test_of_one_that_is_too_long_the_beginning_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.commands.exchange.record.DRAWN_FRAMES", 120)
    monkeypatch.setattr("roboego.commands.exchange.timeline.MOST_STRIPS", 1)
    record, wav = make_scene(tmp_path, again=2)
    figure = compose(record, wav)
    assert_readable(figure)
    found = texts(figure)
    assert {name: len(found[name]) for name in ALWAYS} == dict.fromkeys(ALWAYS, 1)
    assert any("the first 10 s of 23 s" in text for text in found)


def test_a_silent_one(tmp_path: Path) -> None:
    record, quiet = Record(model="nano"), np.zeros(FRAME_SAMPLES, np.float32)
    with StereoWriter(tmp_path / "conversation.wav") as wav:
        wav.write(quiet, quiet)
    record.spoken.append(0)
    record.step_ms.append(1.0)
    record.codes.append(np.zeros(8, np.int16))
    record.user_rms.extend([0.0] * 8)
    record.ego_rms.extend([0.0] * 8)
    figure = compose(record, tmp_path / "conversation.wav")
    assert_readable(figure)
    assert "spoken_upto" not in texts(figure)


@pytest.mark.parametrize("name", ["cost $5, a_b^{c and $6" + "x" * 300, "模型"])
def test_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    record, wav = make_scene(tmp_path, acts=False, looks=False)
    record.model = name
    if name.isascii():
        assert_readable(compose(record, wav))
    draw_timeline(record, wav, tmp_path / "timeline.png")
    with Image.open(tmp_path / "timeline.png") as picture:
        assert picture.width == WIDTH_IN * DPI
        assert picture.height > picture.width / 4
    assert record.frames == FRAMES
