"""roboego ask: a picture and a question."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from saved import save
from tests.commands.conftest import Shell
from tiny import LIVELY, seeing_loaded


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / "table.png")
    return tmp_path / "table.png"


@pytest.fixture
def seeing(tmp_path: Path) -> Path:
    return save(replace(seeing_loaded(), sampling=LIVELY), tmp_path / "seeing")


@pytest.mark.parametrize("spoken", [False, True])
def test_an_answer_in_words_and_in_sound(tmp_path: Path, picture: Path, seeing: Path, shell: Shell, spoken: bool) -> None:
    options = ("--spoken", "--voice", "espeak-en-us") if spoken else ()
    common = ("ask", picture, "What is on the table?", "--model", seeing, "--seed", 2, "--longest-s", 1.0, *options)
    done = shell(*common, "--out", tmp_path / "answer.wav")
    assert done.code == 0
    assert done.told["question"] == "what is on the table?"
    assert done.told["answer"]
    assert done.told["answer"] in done.out
    pcm, rate = soundfile.read(tmp_path / "answer.wav")
    assert (pcm.ndim, rate) == (1, 24_000)
    assert shell(*common).told["answer"] == done.told["answer"]


def test_another_picture_is_answered_otherwise(tmp_path: Path, picture: Path, seeing: Path, shell: Shell) -> None:
    Image.new("RGB", (8, 8), "white").save(tmp_path / "white.png")
    common = ("what is on the table?", "--model", seeing, "--seed", 2, "--longest-s", 2.0)
    assert shell("ask", picture, *common).told["answer"] != shell("ask", tmp_path / "white.png", *common).told["answer"]


def test_what_cannot_be_used_is_told(tmp_path: Path, picture: Path, model: Path, seeing: Path, shell: Shell) -> None:
    for argv, word in (
        ((picture, "what is this?", "--model", model), "does not see"),
        ((tmp_path / "no.png", "what is this?", "--model", seeing), "does not exist"),
        ((picture, "???", "--model", seeing), "no words"),
        ((picture, "what is this?", "--model", seeing, "--spoken", "--voice", "bogus"), "the voices are"),
        ((picture, "what is this?", "--model", seeing, "--wait-s", -1), "--wait-s"),
    ):
        done = shell("ask", *argv)
        assert done.code == 2, argv
        assert word in done.err
        assert done.err.count("\n") == 1
