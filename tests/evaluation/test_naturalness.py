"""The predictor of opinions prefers speech to what is left of it."""

import numpy as np
import pytest

from roboego.data.voices import EGO, open_voice
from roboego.errors import InputError
from roboego.evaluation.naturalness import DnsMos, opinions


def test_speech_sounds_better_than_the_same_in_noise_or_cut_to_pieces() -> None:
    judge = DnsMos()
    rng = np.random.default_rng(0)
    speech = open_voice(EGO).say("please put the red cube next to the blue bowl.", rng).pcm
    noisy = (speech + 0.1 * rng.standard_normal(len(speech))).astype(np.float32)
    torn = speech * (np.arange(len(speech)) // 1_200 % 2)
    clean = judge(speech)
    assert 2.5 < clean < 5
    assert judge(noisy) < clean - 0.5
    assert judge(torn.astype(np.float32)) < clean - 0.3
    told = opinions(judge, [speech, speech])
    assert told["mos"] == pytest.approx(clean)
    assert told["of"] == 2
    assert 1 < judge(np.tile(speech, 5)) < 5  # longer than it hears at once


def test_there_must_be_something_to_hear() -> None:
    with pytest.raises(InputError, match="no sound"):
        DnsMos()(np.zeros(0, np.float32))
