"""roboego sim: a request at the simulated table, by the expert and by a model."""

import json
from pathlib import Path

import av
import pytest
import soundfile
from PIL import Image

from roboego.commands.staged import acting
from roboego.evaluation.table import episode
from saved import save
from tests.commands.conftest import Shell
from tests.evaluation.table.tables import acting_loaded

FILES = {"video.mp4", "timeline.png", "conversation.wav", "events.jsonl"}
COMMON = ("--voice", "espeak-en-us", "--every", 30, "--seed", 1)


def test_the_expert_moves_and_the_model_lends_its_voice(tmp_path: Path, model: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "TAIL_FRAMES", 5)  # random weights find no end
    out = tmp_path / "out"
    done = shell("sim", "point at the red cube", "--policy", "expert", "--model", model, "--out", out, *COMMON)
    assert done.code == 0
    assert {path.name for path in out.iterdir()} == FILES
    assert (done.told["done"], done.told["task"]["verb"]) == (True, "point")
    assert "cube" in done.told["replies"][0]
    assert f"done {done.told['done_s']:.1f} s after the request" in done.out
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "begins"
    assert {"user speaks", "ego writes", "arm moves", "arm rests", "task is done", "ends"} <= set(names)
    assert [event["time_s"] for event in events] == sorted(event["time_s"] for event in events)
    assert "is shown a picture" not in names
    assert (events[0]["policy"], events[0]["seed"]) == ("expert", 1)
    sound, rate = soundfile.read(out / "conversation.wav")
    with av.open(out / "video.mp4") as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video.streams.video[0])]
        assert {stream.type for stream in video.streams} == {"video", "audio"}
        assert float(video.duration or 0) / av.time_base == pytest.approx(len(sound) / rate, abs=2.5)
    assert pictures[0].shape == (464, 480, 3)
    assert pictures[0][:360].std() > 20
    with Image.open(out / "timeline.png") as picture:
        assert picture.width > 1_000


def test_a_model_that_sees_and_acts_is_shown_the_table(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "TAIL_FRAMES", 0)
    monkeypatch.setattr(episode, "LONGEST_FRAMES", 5)
    actor = save(acting_loaded(), tmp_path / "actor")
    done = shell("sim", "pick up the ball", "--model", actor, "--out", tmp_path / "out", *COMMON)
    assert done.code == 0
    assert done.told["done"] is False
    assert "not done" in done.out
    names = [json.loads(line)["event"] for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    assert names.count("is shown a picture") >= 4


@pytest.mark.parametrize(
    ("request_", "options", "word"),
    [
        ("pick up the ball", (), "does not act"),
        ("sing a song", ("--policy", "expert"), "ask for something like"),
        ("wave", ("--policy", "expert", "--voice", "bogus"), "the voices are"),
        ("wave", ("--policy", "expert", "--every", 0), "--every"),
    ],
)
def test_what_cannot_be_done_is_told(
    tmp_path: Path, model: Path, shell: Shell, request_: str, options: tuple[object, ...], word: str
) -> None:
    done = shell("sim", request_, "--model", model, "--out", tmp_path / "out", *options)
    assert done.code == 2
    assert word in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
