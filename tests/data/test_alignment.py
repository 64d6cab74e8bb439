"""Forced alignment: the likeliest path, and words where their phones are heard."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from roboego.data.alignment.aligner import PhoneAligner, best_path
from roboego.data.alignment.phones import PHONES, phone_classes
from roboego.data.alignment.recognizer import HOP, PhoneRecognizer, load_recognizer, save_recognizer
from roboego.data.voices.base import Spoken
from roboego.data.word_times import with_word_times
from roboego.errors import CheckpointError
from tests.data.test_dialogue import say


class Knows(nn.Module):
    """Stands for a trained recognizer: it names the phone that is really heard."""

    def __init__(self, spoken: Spoken) -> None:
        super().__init__()
        self.spoken = spoken

    def forward(self, pcm_BN: torch.Tensor) -> torch.Tensor:
        hops = pcm_BN.shape[1] // HOP + 1
        classes = phone_classes(self.spoken.phones, np.arange(hops) * HOP)
        logits = np.zeros((1, len(PHONES) + 1, hops), np.float32)
        logits[0, np.maximum(classes, 0), np.arange(hops)] = 8.0
        return torch.from_numpy(logits)


def test_words_are_found_where_their_phones_are_heard() -> None:
    spoken = say("my name is anna, and the red cube is on the table.")
    found = PhoneAligner(Knows(spoken)).timed(replace(spoken, words=()))  # type: ignore[arg-type]
    assert found is not None
    assert [w.text for w in found.words] == [w.text for w in spoken.words]
    off = [abs(a.end - b.end) / 24_000 for a, b in zip(found.words, spoken.words, strict=True)]
    assert max(off) < 0.06
    assert with_word_times(replace(spoken, words=()), PhoneAligner(Knows(spoken))) == found  # type: ignore[arg-type]


def test_another_text_is_not_found_and_times_are_estimated() -> None:
    spoken, other = say("my name is anna."), say("what is two plus two?")
    aligner = PhoneAligner(Knows(spoken))  # type: ignore[arg-type]
    wrong = replace(spoken, text=other.text, words=())
    assert aligner.timed(wrong) is None
    assert [w.text for w in with_word_times(wrong, aligner).words] == other.text.split()


def test_the_likeliest_path_may_skip_silences_alone() -> None:
    # States: silence, a phone, silence, a phone, silence; the second silence is never heard.
    heard = np.log(np.full((6, 5), 0.01, np.float32))
    for j, state in enumerate((0, 1, 1, 3, 3, 4)):
        heard[j, state] = np.log(0.9)
    path, score = best_path(heard, np.array([True, False, True, False, True]))
    assert path.tolist() == [0, 1, 1, 3, 3, 4]
    assert score == pytest.approx(np.log(0.9), abs=1e-5)
    no_skips, worse = best_path(heard, np.zeros(5, bool))
    assert no_skips.tolist().count(2) == 1
    assert worse < score


def test_a_recognizer_is_kept_in_a_file(tmp_path: Path) -> None:
    made = PhoneRecognizer()
    save_recognizer(made, tmp_path / "recognizer.safetensors")
    again = load_recognizer(tmp_path / "recognizer.safetensors")
    pcm = torch.randn(1, 2_400)
    assert torch.equal(made.eval()(pcm), again(pcm))
    with pytest.raises(CheckpointError, match="roboego train codec"):
        load_recognizer(tmp_path / "none.safetensors")
