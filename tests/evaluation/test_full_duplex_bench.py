"""Full-Duplex-Bench v1 from a folder: whose speech is a turn, and when it came."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roboego.data.voices.base import Sound, TimedWord
from roboego.errors import InputError
from roboego.evaluation.full_duplex_bench import Item, Played, items, outcome, summary
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE


def said(*words: tuple[float, float]) -> tuple[Sound, list[TimedWord]]:
    """Ego's sound of five seconds with a tone for each word, and the words."""
    ego = np.zeros(5 * SAMPLE_RATE, np.float32)
    times = [(int(a * SAMPLE_RATE), int(b * SAMPLE_RATE)) for a, b in words]
    for a, b in times:
        ego[a:b] = 0.3 * np.sin(np.arange(b - a) * 0.1)
    return ego, [TimedWord(text="word", start=a, end=b) for a, b in times]


def judged(task: str, end_s: float | None, *words: tuple[float, float]) -> tuple[bool, float | None, int]:
    ego, heard = said(*words)
    end = None if end_s is None else int(end_s * SAMPLE_RATE)
    item = Item(folder="x", task=task, path=Path("input.wav"), end=end)  # type: ignore[arg-type]
    found = outcome(item, ego, lambda pcm: heard)
    return found.took_over, found.latency_s, found.backchannels


def test_a_turn_lasts_a_second_or_has_more_than_three_words() -> None:
    assert judged("turn", 1.0) == (False, None, 0)
    assert judged("turn", 1.0, (1.5, 1.8)) == (False, None, 1)
    took, latency, _ = judged("turn", 1.0, (1.5, 2.6))
    assert took
    assert latency == pytest.approx(0.5)
    assert judged("turn", 1.0, *[(1.5 + 0.2 * i, 1.6 + 0.2 * i) for i in range(4)])[0]
    assert judged("turn", 1.0, (0.5, 2.6))[1] == 0.0  # before the user had ended


def test_only_what_follows_an_interruption_counts() -> None:
    assert not judged("interruption", 3.0, (0.5, 2.0))[0]
    took, latency, _ = judged("interruption", 3.0, (0.5, 2.0), (3.25, 4.5))
    assert took
    assert latency == pytest.approx(0.25)


def test_backchannels_are_short_and_stand_alone() -> None:
    assert judged("backchannel", None, (0.5, 0.8), (2.0, 2.3), (4.0, 4.4)) == (False, None, 3)
    assert judged("backchannel", None, (0.5, 0.8), (2.0, 3.5))[0]


def test_a_recording_says_what_it_says() -> None:
    user = Played(np.ones(2 * FRAME_SAMPLES + 5, np.float32))
    heard = []
    while not user.done:
        heard.append(user.speak())
        user.hear(np.zeros(FRAME_SAMPLES, np.float32))
    assert [len(h) for h in heard] == [FRAME_SAMPLES] * 3
    assert np.concatenate(heard).sum() == 2 * FRAME_SAMPLES + 5


def make_set(folder: Path, annotations: Sequence[tuple[str, str, object]]) -> Path:
    """Recordings of a second of silence, with annotations by folder and file name."""
    for name, file, told in annotations:
        place = folder / name / "1"
        place.mkdir(parents=True)
        soundfile.write(place / "input.wav", np.zeros(16_000), 16_000)
        if file:
            (place / file).write_text(json.dumps(told))
    return folder


def test_the_set_is_read_as_it_is_unpacked(tmp_path: Path) -> None:
    turn, stop = [{"timestamp": [0.25, 0.75]}], [{"timestamp": [0.25, 0.75], "context": "a", "interrupt": "b"}]
    place = make_set(
        tmp_path,
        [
            ("candor_turn_taking", "turn_taking.json", turn),
            ("synthetic_user_interruption", "interrupt.json", stop),
            ("candor_pause_handling", "pause.json", turn),
            ("icc_backchannel", "", None),
        ],
    )
    found = {item.folder: item for item in items(place)}
    assert {name: item.task for name, item in found.items()} == {
        "candor_turn_taking": "turn",
        "synthetic_user_interruption": "interruption",
        "candor_pause_handling": "pause",
        "icc_backchannel": "backchannel",
    }
    assert found["candor_turn_taking"].end == SAMPLE_RATE // 4
    assert found["synthetic_user_interruption"].end == 3 * SAMPLE_RATE // 4
    assert found["candor_pause_handling"].end is None
    assert len(found["icc_backchannel"].sound()) == 13 * FRAME_SAMPLES  # whole frames
    told = summary([outcome(item, *said()[:1], lambda pcm: []) for item in found.values()])
    assert told["candor_turn_taking"]["took_over"]["rate"] == 0
    assert told["candor_turn_taking"]["mean_latency_s"] is None
    assert told["icc_backchannel"]["backchannels_a_second"] == 0
    assert "latency_s" not in told["candor_pause_handling"]


@pytest.mark.parametrize("damage", ["nothing", "no sound", "no annotation", "other annotation"])
def test_what_is_missing_is_named(tmp_path: Path, damage: str) -> None:
    place = make_set(tmp_path, [("candor_turn_taking", "turn_taking.json", [{"timestamp": [0.25, 0.75]}])])
    one = place / "candor_turn_taking" / "1"
    wanted = {"nothing": "icc_backchannel", "no sound": "input.wav"}.get(damage, "turn_taking.json")
    if damage == "nothing":
        place = tmp_path / "nowhere"
    elif damage == "no sound":
        (one / "input.wav").unlink()
    elif damage == "no annotation":
        (one / "turn_taking.json").unlink()
    else:
        (one / "turn_taking.json").write_text('{"start": 1}')
    with pytest.raises(InputError, match=wanted):
        items(place)
