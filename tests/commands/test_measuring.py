"""bench, eval, train --dry-run and synth, as small as they go."""

import sys
from pathlib import Path

import pytest
import soundfile

from roboego.errors import InputError
from roboego.training.allocator import SETTINGS
from saved import save, voice
from tests.commands.conftest import Shell
from tiny import feeling_loaded, glancing_loaded


def test_bench_gives_times_floor_and_curve(shell: Shell) -> None:
    done = shell("bench", "step", "--slots", 1, 2, "--frames", 3, "--old", 1_600, "--threads", 1)
    assert done.code == 0
    assert {"slots", "step", "codec", "total", "floor_ms", "ratio"} <= done.told.keys()
    assert done.told["step"] == done.told["curve"][0]["step"]
    assert [row["slots"] for row in done.told["curve"]] == [1, 2]
    for row in done.told["curve"]:
        assert all(row[part]["p50_ms"] <= row[part]["p99_ms"] for part in ("step", "codec", "total"))
        assert row["ratio"] == pytest.approx(row["step"]["p50_ms"] / row["floor_ms"], rel=0.01)
    assert done.told["ages"]["ratio"] > 0
    young, old = (done.told["ages"][age]["frame"] for age in ("young", "old"))
    assert 1_500 < young < 1_600 < old
    assert f"frame {old} takes" in done.out
    assert done.out.rstrip().endswith(f"what frame {young} takes")
    assert "grown_mib" in done.told["ages"]


def test_bench_switches_streams_on_one_by_one(shell: Shell) -> None:
    done = shell("bench", "streams", "--slots", 1, "--frames", 5, "--threads", 1)
    assert done.code == 0
    names = [row["added"] for row in done.told["streams"]]
    assert names == ["listen, text, speak", "which words are audible", "captions of what is heard", "look", "act"]
    assert all(0 < row["step"]["p50_ms"] <= row["step"]["p99_ms"] for row in done.told["streams"])
    whole = shell("bench", "streams", "--recipe", "nano-whole", "--slots", 1, "--frames", 5, "--threads", 1)
    assert [row["added"] for row in whole.told["streams"]] == [*names[:-1], "glance", "senses", "act"]


def test_bench_measures_a_session_with_all_that_a_model_has(tmp_path: Path, model: Path, shell: Shell) -> None:
    done = shell("bench", "session", "--model", model, "--frames", 4, "--threads", 1)
    assert done.code == 0
    assert 0 < done.told["step"]["p50_ms"] <= done.told["step"]["p99_ms"]
    assert not done.told["pictures"]
    looked = shell("bench", "session", "--model", save(glancing_loaded(), tmp_path / "glancing"), "--frames", 4, "--threads", 1)
    assert (looked.code, looked.told["pictures"], looked.told["senses"]) == (0, True, [])
    felt = shell("bench", "session", "--model", save(feeling_loaded(), tmp_path / "feeling"), "--frames", 4, "--threads", 1)
    assert (felt.code, felt.told["pictures"], felt.told["senses"]) == (0, False, ["touch", "points"])


def test_bench_measures_the_codec_and_opening(model: Path, shell: Shell) -> None:
    done = shell("bench", "codec", "--threads", 1)
    assert done.code == 0
    assert done.told["both_x"] < done.told["encode_x"]
    assert done.told["delay_ms"] <= 40
    done = shell("bench", "load", "--model", model, "--dtype", "bfloat16", "--threads", 1)
    assert done.code == 0
    assert done.told["median_s"] > 0
    assert (done.told["machine"]["dtype"], done.told["machine"]["threads"]) == ("bfloat16", 1)
    missing = shell("bench", "load", "--model", model / "nowhere")
    assert missing.code == 2
    assert "nowhere" in missing.err


def test_eval_measures_what_is_heard_and_how_a_talk_goes(tmp_path: Path, model: Path, shell: Shell) -> None:
    common = ("--count", 1, "--sentences", 1, "--voices", "heart", "--folder", tmp_path / "runs")
    done = shell("eval", model, "--suite", "asr", *common)
    assert done.code == 0
    low, high = done.told["asr"]["voices"]["heart"]["interval"]
    assert low <= done.told["asr"]["voices"]["heart"]["wer"] <= high
    assert done.told["asr"]["others"] == done.told["asr"]["voices"]["heart"]
    assert "training" not in done.told["asr"]
    done = shell("eval", model, "--suite", "talk", *common)
    assert done.code == 0
    assert done.told["talk"]["silences_kept"]["of"] == 1
    done = shell("eval", model, "--suite", "organization", "--scenes", 1, *common)
    assert done.code == 0
    assert done.told["organization"]["reply"]["words"] > 0
    assert done.told["organization"]["questions"] >= 1


def test_eval_measures_times_and_words(tmp_path: Path, model: Path, shell: Shell) -> None:
    common = ("--count", 1, "--scenes", 1, "--sentences", 1, "--voices", "heart", "--folder", tmp_path / "runs")
    done = shell("eval", model, "--suite", "latency", *common)
    assert done.code == 0
    assert set(done.told["latency"]) == {"1_sessions", "semi_duplex"}
    assert done.told["latency"]["1_sessions"]["step_ms"]["p50"] > 0
    done = shell("eval", model, "--suite", "sync", *common)
    assert done.code == 0
    assert {"words"} <= set(done.told["sync"])


def test_eval_hears_recordings_of_a_local_folder(tmp_path: Path, model: Path, shell: Shell) -> None:
    place = tmp_path / "dev-clean" / "84" / "121"
    place.mkdir(parents=True)
    soundfile.write(place / "84-121-0000.flac", voice(1.0, 16_000), 16_000)
    (place / "84-121.trans.txt").write_text("84-121-0000 THE RED CUP\n")
    done = shell("eval", model, "--suite", "asr", "--recordings", tmp_path / "dev-clean")
    assert done.code == 0
    assert (done.told["asr"]["dev-clean"]["sentences"], done.told["asr"]["dev-clean"]["words"]) == (1, 3)
    turn = tmp_path / "bench" / "candor_turn_taking" / "7"
    turn.mkdir(parents=True)
    soundfile.write(turn / "input.wav", voice(1.0, 16_000), 16_000)
    (turn / "turn_taking.json").write_text('[{"timestamp": [0.5, 0.9]}]')
    done = shell("eval", model, "--suite", "full-duplex-bench", "--recordings", tmp_path / "bench", "--report", tmp_path / "report")
    assert done.code == 0
    assert done.told["full-duplex-bench"]["candor_turn_taking"]["took_over"]["of"] == 1
    assert len(list((tmp_path / "report").glob("*.flac"))) == 1
    for argv in (
        ("--suite", "full-duplex-bench"),
        ("--suite", "talk", "--recordings", tmp_path),
        ("--suite", "asr", "--recordings", model / "x"),
    ):
        refused = shell("eval", model, *argv)
        assert refused.code == 2
        assert "recordings" in refused.err


@pytest.mark.parametrize(
    ("model", "missing"),
    [("nano", {"cascade", "full-duplex-bench", "retention"}), ("ws://127.0.0.1:9/api/chat", {"asr", "sync", "full-duplex-bench"})],
)
def test_eval_all_needs_nothing_but_the_model(model: str, missing: set[str], shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepared(args: object, suites: tuple[str, ...], console: object) -> None:
        raise InputError(" ".join(suites))

    monkeypatch.setattr("roboego.commands.eval._prepared", prepared)
    suites = set(shell("eval", model, "--suite", "all").err.replace("roboego:", "").split())
    assert {"talk", "duplex"} <= suites
    assert not suites & missing


def test_eval_plays_scenes_and_writes_a_page(tmp_path: Path, model: Path, shell: Shell) -> None:
    page = tmp_path / "report"
    done = shell("eval", model, "--suite", "duplex", "--scenes", 1, "--voices", "heart", "--folder", tmp_path, "--report", page)
    assert done.code == 0
    assert {"turn", "pause", "barge_in", "stop", "backchannel", "aside", "echo"} < set(done.told["duplex"])
    told = (page / "index.html").read_text()
    assert "<h2>duplex</h2>" in told
    assert f"roboego eval {model} --suite duplex --scenes 1 --voices heart --folder {tmp_path}</code>" in told


def test_eval_tells_what_was_forgotten_sentence_by_sentence(tmp_path: Path, model: Path, shell: Shell) -> None:
    common = ("--suite", "retention", "--count", 1, "--sentences", 2, "--voices", "heart", "--conditions", "--folder", tmp_path / "runs")
    missing = shell("eval", model, *common)
    assert missing.code == 2
    assert "--before" in missing.err
    done = shell("eval", model, *common, "--before", model)
    assert done.code == 0
    told = done.told["retention"]
    for found in (told["asr"]["others"], told["voices"]["heart"], told["tts"]["model"]):
        assert found["before"] == found["after"]
        assert found["points"] == 0.0
        assert found["points_interval"] == [0.0, 0.0]
    assert "conditions" not in told


def test_eval_says_what_a_later_suite_lacks_before_the_first_one_runs(
    tmp_path: Path, model: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roboego.evaluation.talk.ask", lambda *_: pytest.fail("a suite has run"))
    monkeypatch.setitem(sys.modules, "faster_whisper", None)  # as if it were not installed
    done = shell("eval", model, "--suite", "all", "--count", 1, "--sentences", 1, "--voices", "heart", "--folder", tmp_path / "runs")
    assert done.code == 2
    assert "pip install 'roboego[eval]'" in done.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("what", ["codec", "post"])
def test_a_dry_run_estimates_and_leaves_nothing(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)  # otherwise training starts this process again with them
    done = shell("train", what, "--dry-run", "--folder", tmp_path / "runs")
    assert done.code == 0
    assert done.told["parameters"] > 1e6
    assert not (tmp_path / "runs").exists()


def test_synth_makes_what_is_missing_and_keeps_what_is_there(tmp_path: Path, shell: Shell) -> None:
    arguments = ("synth", "speech", "--scale", 0.001, "--only", "ego-validation", "--workers", 1, "--folder", tmp_path / "runs")
    assert shell(*arguments).code == 0
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "speech").iterdir()}
    assert made
    assert shell(*arguments).code == 0
    assert made == {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "speech").iterdir()}
