"""`roboego data import`, one kind of recordings after another, and what learns from them: train own, export own."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import roboego
from roboego.codecs.base import Codec
from roboego.data.shards import ShardReader
from roboego.data.speech_bank import SpeechBank
from roboego.data.voices.base import Spoken
from roboego.data.voices.neural import HibariVoice
from roboego.data.written import WrittenExchanges
from roboego.recipes import nano
from roboego.streams.organizers.base import pieces
from roboego.streams.tokenizer import Tokenizer
from roboego.timebase import SAMPLE_RATE
from roboego.training.allocator import SETTINGS
from roboego.training.written_answers import WrittenAnswers
from tests.commands.conftest import Shell

QUESTION, ANSWER = "what is my name?", "your name is anna."


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise training starts this process again with them."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def said() -> dict[str, Spoken]:
    voice = HibariVoice()
    return {text: voice.say(text, np.random.default_rng(0)) for text in (QUESTION, ANSWER)}


def written(shard: Path) -> list[str]:
    """What Ego writes in each grid."""
    reader, text = ShardReader([shard]), nano.text_layout()
    tokenizer = Tokenizer.load(shard.parent.parent / "tools" / "tokenizer.json")
    return [tokenizer.decode(grid.text[pieces(grid.text, text)].tolist()) for grid in (reader[i] for i in range(len(reader)))]


def test_sentences_of_which_one_is_not_what_its_text_says(tmp_path: Path, shell: Shell, said: dict[str, Spoken]) -> None:
    folder, runs = tmp_path / "anna", tmp_path / "runs"
    folder.mkdir()
    for name, text in (("right", QUESTION), ("wrong", "the red cube is on the table")):
        soundfile.write(folder / f"{name}.wav", said[QUESTION].pcm, SAMPLE_RATE)
        (folder / f"{name}.txt").write_text(text)
    done = shell("data", "import", folder, "--name", "anna", "--folder", runs, "--held-out", 0, "--workers", 1)
    assert done.code == 0
    assert done.told["kind"] == "wav-text"
    assert done.told["banks"] == {"user-train-anna": 1}
    ((path, reason),) = done.told["skipped"]
    assert path.endswith("wrong.wav")
    assert "check that text and sound belong together" in reason
    assert "left out" in done.err
    assert [Path(shard).name for shard in done.told["shards"]] == [f"asr-user-train-anna-00000-{i}.grids" for i in range(2)]
    assert written(Path(done.told["shards"][0])) == ["what is my name"]


def test_librispeech(tmp_path: Path, shell: Shell, said: dict[str, Spoken]) -> None:
    chapter, runs = tmp_path / "dev-clean" / "84" / "121", tmp_path / "runs"
    chapter.mkdir(parents=True)
    soundfile.write(chapter / "84-121-0000.flac", said[ANSWER].pcm, SAMPLE_RATE)
    (chapter / "84-121.trans.txt").write_text("84-121-0000 YOUR NAME IS ANNA\n")
    done = shell("data", "import", chapter.parent.parent, "--name", "libri", "--folder", runs, "--held-out", 0.999999, "--workers", 1)
    assert done.code == 0
    assert done.told["kind"] == "librispeech"
    assert done.told["banks"] == {"user-validation-libri": 1}
    assert SpeechBank(runs / "speech", ("user-validation-libri",)).text(0) == "your name is anna"
    assert [written(Path(shard)) for shard in done.told["shards"]] == [["your name is anna"]]


def dialogue(path: Path, said: dict[str, Spoken]) -> tuple[float, float]:
    """Writes a question, and its answer a second later; returns when they begin, in seconds."""
    question, answer = (said[text].pcm for text in (QUESTION, ANSWER))
    starts = SAMPLE_RATE // 2, SAMPLE_RATE // 2 + len(question) + SAMPLE_RATE
    pcm_NC = np.zeros((starts[1] + len(answer), 2), np.float32)
    for side, (start, pcm) in enumerate(zip(starts, (question, answer), strict=True)):
        pcm_NC[start : start + len(pcm), side] = pcm
    soundfile.write(path, pcm_NC, SAMPLE_RATE)
    return starts[0] / SAMPLE_RATE, starts[1] / SAMPLE_RATE


@pytest.mark.slow
def test_dialogues_with_and_without_a_transcript_become_data_that_a_model_learns_from(
    tmp_path: Path, shell: Shell, said: dict[str, Spoken], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, runs = tmp_path / "calls", tmp_path / "runs"
    folder.mkdir()
    asked, answered = dialogue(folder / "told.wav", said)
    told = [
        {"speaker": "user", "start_s": asked, "end_s": answered - 1.0, "text": "What is my name?"},
        {"speaker": "user", "start_s": 0.0, "end_s": 0.2, "text": "Mm-hmm"},
        {"speaker": "ego", "start_s": answered, "end_s": answered + 1.5, "text": "Your name is Anna!"},
    ]
    (folder / "told.json").write_text(json.dumps(told))
    dialogue(folder / "untold.wav", said)
    done = shell("data", "import", folder, "--name", "calls", "--folder", runs)
    assert done.code == 0
    assert done.told["kind"] == "dialogues"
    assert done.told["conversations"] == 2
    assert done.told["skipped"] == done.told["lost"] == []
    ((path, reason),) = done.told["entries"]
    assert path.endswith("told.wav")
    assert reason == "'Mm-hmm' of user at 0.0 s: nothing is heard there"
    assert "conversations 0, entries of transcripts 1" in " ".join(done.err.split())
    talks, transcripts = (written(runs / "grids" / f"{kind}dialogue-train-calls-00000.grids") for kind in ("", "asr-"))
    assert talks[0] == "your name is anna."
    assert len(talks[1].split()) >= 3
    assert transcripts[0] == "what is my name"

    monkeypatch.setattr("roboego.recipes.perform.WrittenAnswers", _few)
    done = shell("train", "own", "--name", "calls", "--folder", runs, "--steps", 1, "--rows", 1, "--frames", 48)
    assert done.code == 0
    assert done.told == {"run": "nano-own-calls", "steps": 1, "of": 1}
    done = shell("export", "own", "--name", "calls", "--folder", runs, "--out", tmp_path / "mine")
    assert done.code == 0
    assert done.told["run"] == "nano-own-calls"
    assert isinstance(roboego.load(tmp_path / "mine").codec, Codec)


def _few(exchanges: WrittenExchanges, count: int) -> WrittenAnswers:
    return WrittenAnswers(exchanges, min(count, 2))


@pytest.mark.parametrize("command", ["train own", "export own --out mine"])
def test_nothing_is_learned_from_recordings_that_nobody_imported(tmp_path: Path, shell: Shell, command: str) -> None:
    done = shell(*command.split(), "--name", "nobody", "--folder", tmp_path / "runs")
    assert done.code == 2
    assert "roboego data import FOLDER --name nobody" in done.err
    assert not (tmp_path / "runs").exists()
