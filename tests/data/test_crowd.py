"""Babble: whose sentences it is mixed from."""

from pathlib import Path

import numpy as np

from roboego.data.acoustics.condition import Condition, apply, preset
from roboego.data.crowd import Crowd
from roboego.data.speech_bank import BankJob, make_shard


def source(rng: np.random.Generator) -> str:
    return "hello."


def bank(folder: Path, name: str) -> None:
    make_shard(BankJob(folder=folder, name=name, voice="heart", source=source, shard=0, sentences=2))


def drawn(crowd: Crowd, condition: Condition) -> list[int]:
    """How many sentences are heard, time after time."""
    rng = np.random.default_rng(0)
    return [len(crowd.babble(condition, rng)) for _ in range(40)]


def test_babble_is_made_of_training_sentences_or_has_no_words(tmp_path: Path) -> None:
    bank(tmp_path, "user-train-joe")
    counts = drawn(Crowd(tmp_path), preset("babble-10db"))
    assert 8 < counts.count(0) < 26
    assert {n for n in counts if n} <= set(range(3, 9))
    assert not any(drawn(Crowd(tmp_path), preset("street-10db")))


def test_held_out_sentences_and_folders_without_speech_give_none(tmp_path: Path) -> None:
    bank(tmp_path, "user-test-joe")
    for folder in (tmp_path, tmp_path / "none", None):
        assert not any(drawn(Crowd(folder), preset("babble-10db")))


def test_it_is_heard(tmp_path: Path) -> None:
    bank(tmp_path, "user-train-joe")
    crowd, condition, still = Crowd(tmp_path), preset("babble-10db"), np.zeros(48_000, np.float32)
    sentences = next(s for s in (crowd.babble(condition, np.random.default_rng(i)) for i in range(20)) if s)
    with_words, without = (apply(condition, still, np.random.default_rng(1), babble=b) for b in (sentences, ()))
    assert with_words.any()
    assert not np.allclose(with_words, without, atol=1e-3)
