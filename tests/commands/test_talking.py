"""talk, transcribe, speak, demo and info, as a user calls them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose
from PIL import Image

import roboego
from roboego.cli import COMMANDS, main
from roboego.errors import InputError
from roboego.perception.picture import open_picture
from roboego.runtime.engine import Engine
from roboego.sound.reading import SoundReader
from saved import save, voice, write
from tests.commands.conftest import Shell
from tiny import LIVELY, obedient_loaded, seeing_loaded

FILES = {"conversation.wav", "transcript.json", "timeline.png"}


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"),
    [(8_000, 1, "PCM_16"), (44_100, 2, "PCM_24"), (24_000, 1, "PCM_U8"), (192_000, 8, "FLOAT")],
)
def test_talk_takes_any_sound_and_writes_sound_transcript_and_picture(
    tmp_path: Path, model: Path, shell: Shell, rate: int, channels: int, subtype: str
) -> None:
    pcm = np.stack([voice(1.0, rate)] * channels, 1)
    done = shell("talk", write(tmp_path / "in.wav", pcm, rate, subtype), "--model", model, "--out", tmp_path / "out", "--tail-s", 0.5)
    assert done.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    told = json.loads((tmp_path / "out" / "transcript.json").read_text())
    sound, kept_rate = soundfile.read(tmp_path / "out" / "conversation.wav")
    # Ego's sound of step t is heard in frame t + 1, so there is one frame more than steps.
    assert (kept_rate, sound.shape) == (24_000, ((told["frames"] + 1) * 1_920, 2))
    assert np.abs(sound[:24_000, 0]).max() > 0.1
    assert told["source"]["sample_rate"] == rate
    assert len(told["step_ms"]) == told["frames"] == told["counters"]["steps"]
    assert all(0 <= token["frame"] < told["frames"] for token in told["tokens"])
    with Image.open(tmp_path / "out" / "timeline.png") as picture:
        assert picture.width > 1_000


def test_talk_with_a_model_that_says_nothing(tmp_path: Path, shell: Shell) -> None:
    quiet = save(obedient_loaded(), tmp_path / "quiet")
    done = shell("talk", write(tmp_path / "in.wav", voice(0.5)), "--model", quiet, "--out", tmp_path / "out", "--tail-s", 0.2)
    assert done.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert (done.told["user_turns"], done.told["replies"]) == (1, [])


def test_talk_tells_what_ego_may_call(tmp_path: Path, shell: Shell) -> None:
    quiet, sound = save(obedient_loaded(window=400), tmp_path / "quiet"), write(tmp_path / "in.wav", voice(4.0))
    assert shell("talk", sound, "--model", quiet, "--out", tmp_path / "out", "--functions", "time", "--prompt", "be brief.").code == 0
    read = json.loads((tmp_path / "out" / "transcript.json").read_text())["read"]
    assert "".join(token["text"] for token in read) == "<duplex> be brief. you can call time. the local time."
    assert [token["frame"] for token in read] == list(range(len(read)))
    deaf = save(obedient_loaded(reads=False), tmp_path / "deaf")
    done = shell("talk", sound, "--model", deaf, "--out", tmp_path / "none", "--functions", "time", "timer")
    assert (done.code, "cannot call functions" in done.err) == (2, True)


def test_talk_refuses_a_picture_that_the_model_cannot_see(tmp_path: Path, model: Path, shell: Shell) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "look.png")
    sound = write(tmp_path / "in.wav", voice(0.3))
    done = shell("talk", sound, "--model", model, "--out", tmp_path / "out", "--look", tmp_path / "look.png")
    assert done.code == 2
    assert "does not see" in done.err
    done = shell("talk", sound, "--model", model, "--out", tmp_path / "out", "--look", tmp_path / "no.png")
    assert done.code == 2
    assert not (tmp_path / "out").exists()


def test_talk_refuses_a_sight_that_the_model_does_not_have(tmp_path: Path, model: Path, shell: Shell) -> None:
    sound = write(tmp_path / "in.wav", voice(0.3))
    done = shell("talk", sound, "--model", model, "--out", tmp_path / "out", "--sight", "auto")
    assert (done.code, "takes no pictures into its context" in done.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_talk_sees_its_picture_from_the_first_frame_on(tmp_path: Path, shell: Shell) -> None:
    seeing = save(replace(seeing_loaded(), sampling=LIVELY), tmp_path / "seeing")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / "look.png")
    sound = write(tmp_path / "in.wav", voice(0.8))

    def ego(name: str, *options: object) -> np.ndarray:
        out = tmp_path / name
        done = shell("talk", sound, "--model", seeing, "--out", out, "--seed", 3, "--tail-s", 0, *options)
        assert done.code == 0
        looks = json.loads((out / "transcript.json").read_text())["looks"]
        assert looks == ([{"frame": 0, "path": str(tmp_path / "look.png")}] if options else [])
        return soundfile.read(out / "conversation.wav", dtype="float32")[0][1_920:, 1]

    loaded = roboego.load(seeing)
    sampling = replace(loaded.sampling, seed=3)
    with Engine(loaded, see_in_background=False) as engine, engine.open(sampling=sampling) as session, SoundReader(sound) as frames:
        looks = [open_picture(tmp_path / "look.png"), *[None] * 20]
        expected = np.concatenate([session.step(frame, look=look).speech for frame, look in zip(frames, looks, strict=False)])
    seen = ego("seen", "--look", tmp_path / "look.png")
    assert_allclose(seen, expected, atol=1e-4)
    assert np.abs(ego("blind")[: len(seen)] - seen).max() > 1e-3


def test_talk_refuses_pictures_that_cannot_be_encoded(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    seeing = save(seeing_loaded(), tmp_path / "seeing")
    Image.new("RGB", (8, 8)).save(tmp_path / "look.png")

    def fails(*given: object) -> None:
        raise InputError("the picture is damaged; save it again")

    monkeypatch.setattr("roboego.perception.latest.to_pixels", fails)
    sound = write(tmp_path / "in.wav", voice(0.3))
    done = shell("talk", sound, "--model", seeing, "--out", tmp_path / "out", "--look", tmp_path / "look.png")
    assert (done.code, "save it again" in done.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_transcribe_prints_the_text_alone(tmp_path: Path, model: Path, shell: Shell) -> None:
    done = shell("transcribe", write(tmp_path / "in.wav", voice(1.5)), "--model", model)
    assert done.code == 0
    assert done.out.strip() == done.told["text"] != ""
    assert done.out.count("\n") == 1
    assert done.err == ""
    assert [token["time_s"] for token in done.told["tokens"]] == sorted(token["time_s"] for token in done.told["tokens"])


def test_speak_writes_sound(tmp_path: Path, model: Path, shell: Shell) -> None:
    done = shell("speak", "Put the red cup on the table!", "--model", model, "--out", tmp_path / "out.wav", "--seed", 3)
    assert done.code == 0
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.channels) == (24_000, 1)
    assert info.duration == pytest.approx(done.told["duration_s"])
    assert done.told["text"] == "put the red cup on the table."
    assert shell("speak", "  ", "--model", model, "--out", tmp_path / "b.wav").code == 2


def test_demo_plays_the_recordings_of_a_folder(tmp_path: Path, model: Path, shell: Shell) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("1", "2"):
        write(tmp_path / "clips" / f"{name}.wav", voice(0.5))
    done = shell("demo", "--model", model, "--out", tmp_path / "out", "--recordings", tmp_path / "clips")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    for folder in (tmp_path / "empty", tmp_path / "none"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        assert shell("demo", "--model", model, "--out", tmp_path / "out", "--recordings", folder).code == 2


def test_demo_comes_in_while_ego_speaks(tmp_path: Path, model: Path, shell: Shell) -> None:
    """The tiny model always speaks: without its name's plus the second recording would wait until Ego's patience ends."""
    (tmp_path / "clips").mkdir()
    write(tmp_path / "clips" / "1.wav", voice(0.5))
    write(tmp_path / "clips" / "2+1.5.wav", voice(0.5))
    done = shell("demo", "--model", model, "--out", tmp_path / "out", "--recordings", tmp_path / "clips")
    assert done.code == 0
    told = json.loads((tmp_path / "out" / "transcript.json").read_text())
    users = [turn for turn in told["turns"] if turn["who"] == "user"]
    assert len(users) == 2
    assert 1.5 < users[1]["start_s"] < 4
    (tmp_path / "clips" / "1.wav").unlink()
    refused = shell("demo", "--model", model, "--out", tmp_path / "out", "--recordings", tmp_path / "clips")
    assert refused.code == 2
    assert "2+1.5.wav" in refused.err


def test_demo_shows_a_picture_when_the_recording_of_its_name_begins(tmp_path: Path, model: Path, shell: Shell) -> None:
    seeing, clips = save(replace(seeing_loaded(), sampling=LIVELY), tmp_path / "seeing"), tmp_path / "clips"
    clips.mkdir()
    for name in ("1", "2+1.5"):
        write(clips / f"{name}.wav", voice(0.5))
    Image.new("RGB", (30, 20), "red").save(clips / "2+1.5.png")

    def looks(of: Path) -> list[dict[str, object]]:
        done = shell("demo", "--model", of, "--out", tmp_path / "out", "--recordings", clips)
        assert (done.code, "is shown none of the pictures: 1" in done.out) == (0, of == model)
        told = json.loads((tmp_path / "out" / "transcript.json").read_text())
        assert sum(turn["who"] == "user" for turn in told["turns"]) == 2
        return told["looks"]

    [look] = looks(seeing)
    assert look["path"] == str(clips / "2+1.5.png")
    assert look["frame"] > 18
    assert looks(model) == []
    (clips / "1.jpg").write_bytes(b"no picture")
    assert shell("demo", "--model", seeing, "--out", tmp_path / "none", "--recordings", clips).code == 2


def test_info_tells_what_a_model_is(model: Path, shell: Shell) -> None:
    done = shell("info", model)
    assert done.code == 0
    assert "words heard wrongly" in done.out
    assert done.told["parameters"]["in all"] > 0


SUBCOMMAND = {"data": ("import-recordings",)}
"""Of commands that have several, one."""


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, *SUBCOMMAND.get(command, ()), "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert f"roboego {command}" in text
    assert "--json" in text


def test_overview_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("roboego ")
    with pytest.raises(SystemExit) as stopped:
        main(["sing"])
    assert stopped.value.code == 2
