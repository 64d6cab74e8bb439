"""Speech banks on a disk that is full, and after it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from roboego.data.speech_bank import BankJob, SpeechBank, make_shard
from roboego.data.voices.base import Spoken, TimedPhone, TimedWord
from roboego.errors import InputError
from tests.sound.test_writing import files_of_at_most


class Hum:
    """A voice that hums a tenth of a second."""

    name = "hum"

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        words, phones = (TimedWord(text=text, start=0, end=2_400),), (TimedPhone(symbol="m", start=0, end=2_400),)
        return Spoken(text=text, voice=self.name, pcm=np.full(2_400, 0.1, np.float32), words=words, phones=phones)


def job(folder: Path, name: str = "user-train-hum") -> BankJob:
    return BankJob(folder=folder, name=name, voice="hum", source=lambda rng: "mm.", shard=0, sentences=3)


def test_a_full_disk_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    with files_of_at_most(1_000), pytest.raises(InputError, match=r"user-train-hum-00000\.pcm .*free some space"):
        make_shard(job(tmp_path), Hum())
    assert not list(tmp_path.iterdir())
    make_shard(job(tmp_path), Hum())
    assert len(SpeechBank(tmp_path)) == 3


def cut(suffix: str, size: int) -> Callable[[Path], object]:
    def change(stem: Path) -> None:
        path = stem.with_suffix(suffix)
        path.write_bytes(path.read_bytes()[:size])

    return change


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "texts cut short": (cut(".jsonl", 150), ".jsonl is damaged"),
    "no texts": (cut(".jsonl", 0), ".pcm is damaged: 7200 samples, where user-train-hum-00000.jsonl has 0"),
    "texts of something else": (lambda stem: stem.with_suffix(".jsonl").write_text('{"samples": 7200}'), ".jsonl is damaged"),
    "texts that are none": (lambda stem: stem.with_suffix(".jsonl").write_bytes(b"\xff\xfe"), ".jsonl is damaged"),
    "samples cut short": (cut(".pcm", 9_001), ".pcm is damaged: 4500.5 samples"),
    "no samples": (lambda stem: stem.with_suffix(".pcm").unlink(), ".pcm is damaged: 0 samples"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_shard_names_the_command_that_makes_it_again(tmp_path: Path, what: str) -> None:
    damage, message = DAMAGES[what]
    index = make_shard(job(tmp_path), Hum())
    sentence = SpeechBank(tmp_path)[2]
    damage(index.with_suffix(""))
    with pytest.raises(InputError) as caught:
        SpeechBank(tmp_path)
    assert message in str(caught.value)
    assert f"delete {index}, and roboego synth speech makes" in str(caught.value)
    index.unlink()
    make_shard(job(tmp_path), Hum())
    assert np.array_equal(SpeechBank(tmp_path)[2].pcm, sentence.pcm)


def test_sentences_of_tests_are_made_again_by_eval(tmp_path: Path) -> None:
    make_shard(job(tmp_path, "user-test-hum"), Hum()).write_text("{")
    with pytest.raises(InputError, match="roboego eval makes"):
        SpeechBank(tmp_path, ("user-test-hum",))
