"""Recordings of one's own: texts laid along what is heard, folders of several kinds, sentences."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from roboego.commands.data import kind_of
from roboego.data.importing.aligner import Aligner, laid_along, shared_out
from roboego.data.importing.recordings import librispeech, wav_and_text
from roboego.data.importing.sentences import grid_jobs, import_sentences
from roboego.data.speech_bank import SpeechBank
from roboego.data.voices.base import TimedWord
from roboego.errors import InputError
from tests.data.test_dialogue import layout, say


def heard(*words: tuple[str, int, int]) -> list[TimedWord]:
    return [TimedWord(text=w, start=a, end=b) for w, a, b in words]


def test_words_take_the_times_of_those_heard_alike_and_the_others_share_what_is_between() -> None:
    found = laid_along("put the red, big cube here.", heard(("put", 10, 20), ("a", 20, 25), ("red", 40, 60), ("cube", 80, 95)), 120)
    assert [w.text for w in found] == ["put", "the", "red,", "big", "cube", "here."]
    assert [(w.start, w.end) for w in found] == [(10, 20), (20, 40), (40, 60), (60, 80), (80, 95), (95, 120)]


def test_a_text_that_is_not_said_is_refused() -> None:
    with pytest.raises(InputError, match="only 1 of the 4 words"):
        laid_along("what is my name?", heard(("my", 0, 10), ("dog", 10, 20)), 20)


def test_what_is_heard_without_end_is_told_in_short() -> None:
    with pytest.raises(InputError, match="only 0 of the 4 words") as refused:
        laid_along("what is my name?", heard(*(("dog", i, i + 1) for i in range(400))), 400)
    assert len(str(refused.value)) < 300


def test_where_nothing_is_heard_words_share_the_sound_by_their_letters() -> None:
    assert shared_out("mm hmm, no.", 70) == (
        TimedWord(text="mm", start=0, end=20),
        TimedWord(text="hmm,", start=20, end=50),
        TimedWord(text="no.", start=50, end=70),
    )


class Knows:
    """Stands for the aligner: every text is said from the first sample to the last."""

    def align(self, pcm: np.ndarray, text: str) -> tuple[TimedWord, ...]:
        return laid_along(text, [TimedWord(text=w.strip(".,?"), start=i, end=i + 1) for i, w in enumerate(text.split())], len(pcm))


def folder_of(tmp_path: Path, texts: dict[str, str]) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, text in texts.items():
        soundfile.write(folder / f"{name}.wav", 0.1 * np.sin(np.arange(30_000) / 20), 16_000)
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_recordings_become_banks_and_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": "Hello there, 2 cubes!", "b": "你好", "c": "What is it?"})
    told = import_sentences(wav_and_text(folder), tmp_path / "speech", name="anna", side="user", aligner=Knows(), held_out=0.0)  # type: ignore[arg-type]
    assert told.banks == {"user-train-anna": 2}
    ((path, reason),) = told.skipped
    assert path.endswith("b.wav")
    assert "alphabet" in reason
    bank = SpeechBank(tmp_path / "speech", ("user-train-anna",))
    assert [bank.text(i) for i in range(2)] == ["hello there, two cubes.", "what is it?"]
    assert [w.text for w in bank[0].words] == ["hello", "there,", "two", "cubes."]
    assert abs(float(np.abs(bank[0].pcm).max()) - 0.33) < 0.01
    jobs = grid_jobs(told, speech=tmp_path, grids=tmp_path, tools=tmp_path, layout=layout(), side="user")
    assert [j.out.name for j in jobs] == ["asr-user-train-anna-00000-0.grids", "asr-user-train-anna-00000-1.grids"]


def test_what_is_held_out_depends_on_the_words_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": "one two three", "b": "four five", "c": "ONE, two... three!", "d": "six", "e": "seven"})
    told = import_sentences(wav_and_text(folder), tmp_path / "speech", name="x", side="ego", aligner=Knows(), held_out=0.5)  # type: ignore[arg-type]
    said = {bank: SpeechBank(tmp_path / "speech", (bank,)) for bank in told.banks}
    where = [bank for bank, entries in said.items() for i in range(len(entries)) if entries.text(i).startswith("one")]
    assert len(where) == 2
    assert len(set(where)) == 1


def test_shards_are_written_as_they_fill_and_appear_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.data.importing.sentences.SENTENCES_PER_SHARD", 2)
    folder = folder_of(tmp_path, {letter: f"this is {letter}" for letter in "abcde"})
    speech, unfinished = tmp_path / "speech", []

    def look(done: int) -> None:
        assert not list(speech.glob("*.jsonl"))
        unfinished.append(len(list(tmp_path.rglob("user-train-x-*.jsonl"))))

    how = {"name": "x", "side": "user", "aligner": Knows(), "held_out": 0.0}
    told = import_sentences(wav_and_text(folder), speech, progress=look, **how)  # type: ignore[arg-type]
    assert told.banks == {"user-train-x": 5}
    assert unfinished == [0, 1, 1, 2, 2]
    assert sorted(path.name for path in speech.glob("*.jsonl")) == [f"user-train-x-0000{i}.jsonl" for i in range(3)]
    bank = SpeechBank(speech, ("user-train-x",))
    assert [bank.text(i) for i in range(len(bank))] == [f"this is {letter}" for letter in "abcde"]

    def stops(done: int) -> None:
        raise KeyboardInterrupt

    before = {path: path.stat().st_mtime_ns for path in speech.iterdir()}
    with pytest.raises(KeyboardInterrupt):
        import_sentences(wav_and_text(folder), speech, progress=stops, **how)  # type: ignore[arg-type]
    assert {path: path.stat().st_mtime_ns for path in speech.iterdir()} == before


def test_folders_are_told_apart_and_faults_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": "hello"})
    assert kind_of(folder) == "wav-text"
    (folder / "a.txt").unlink()
    with pytest.raises(InputError, match=r"no a\.txt beside it"):
        list(wav_and_text(folder))
    soundfile.write(folder / "a.wav", np.zeros((100, 2)), 24_000)
    assert kind_of(folder) == "dialogues"
    chapter = tmp_path / "libri" / "84" / "121"
    chapter.mkdir(parents=True)
    soundfile.write(chapter / "84-121-0000.flac", np.zeros(100), 16_000)
    (chapter / "84-121.trans.txt").write_text("84-121-0000 GO ON\n")
    assert kind_of(tmp_path / "libri") == "librispeech"
    assert [(r.path.name, r.text) for r in librispeech(tmp_path / "libri")] == [("84-121-0000.flac", "GO ON")]
    (chapter / "84-121.trans.txt").write_text("84-121-0001 GO ON\n")
    with pytest.raises(InputError, match="not beside it"):
        list(librispeech(tmp_path / "libri"))
    table = tmp_path / "lj"
    table.mkdir()
    soundfile.write(table / "x.wav", np.zeros(100), 22_050)
    (table / "metadata.csv").write_text("x|Hello.\n")
    assert [(r.path.name, r.text) for r in wav_and_text(table)] == [("x.wav", "Hello.")]


@pytest.mark.slow
def test_whisper_finds_words_where_they_are() -> None:
    spoken = say("my name is anna, and the red cube is on the table.")
    found = Aligner().align(spoken.pcm, spoken.text)
    assert [w.text for w in found] == spoken.text.split()
    off = [abs(a.end - b.end) / 24_000 for a, b in zip(found, spoken.words, strict=True)]
    assert float(np.median(off)) < 0.15
