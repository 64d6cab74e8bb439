"""From a decoder's folder to a model that hears and speaks, by the commands alone: data in its vocabulary, adapters, stages, export."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import roboego
from decoders import SENTENCES, qwen2
from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.files import rounded, save_codec
from roboego.data.assembled import AssembledExchanges
from roboego.data.shards import ShardReader
from roboego.data.speech_bank import BankJob, make_shard
from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.data.voices.base import Spoken, TimedWord
from roboego.model.foreign.decoder import load_decoder
from roboego.model.foreign.text import DecoderTokenizer
from roboego.recipes import foreign, nano
from roboego.recipes.runs import Run
from roboego.runtime.engine import Engine
from roboego.streams.alphabet import words
from roboego.streams.organizers.base import pieces
from roboego.training.allocator import SETTINGS
from saved import voice
from tests.commands.conftest import Shell
from tests.data.small import SMALL_CODEC
from tiny import LIVELY

WORD_SAMPLES = 7_680
SENTENCES_SPOKEN = 5


class Buzz:
    """Says each word as a third of a second of the same sound."""

    name = "buzz"

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        spelled = text.split()
        timed = tuple(TimedWord(text=word, start=i * WORD_SAMPLES, end=(i + 1) * WORD_SAMPLES - 480) for i, word in enumerate(spelled))
        return Spoken(text=text, voice=self.name, pcm=voice(len(spelled) * WORD_SAMPLES / 24_000), words=timed)


def sentence(rng: np.random.Generator) -> str:
    return SENTENCES[int(rng.integers(len(SENTENCES)))]


def exchange(pool: AssembledExchanges, rng: np.random.Generator) -> Exchange:
    """Somebody says the end of a sentence."""
    turn = Turn(intent="hear", user=" ".join(sentence(rng).split()[1:]), ego=SENTENCES[4], answer=Answer(all_of=()))
    return Exchange(intent=turn.intent, turns=(turn,))


def short(run: Run) -> Run:
    """A stage of three small steps on two pools, written and assembled exchanges, judged by what it would answer."""
    return replace(
        run,
        pools=(("asr-user-train", 0.5), ("tts-ego-train", 0.5)),
        written=0.5,
        assembled=0.5 if run.assembled else 0.0,
        transcripts=(),
        validation=None,
        sentences=1,
        stage=replace(run.stage, rows=2, frames=64, recalls=0.5),
        loop=replace(run.loop, steps=3, warmup=1, validate_every=3, checkpoint_every=2, log_every=1),
    )


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small codec and a little speech, for stages of a few steps."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)  # otherwise training starts this process again with them
    monkeypatch.setattr(nano, "codec", lambda: SMALL_CODEC)
    monkeypatch.setattr(AssembledExchanges, "drawn", exchange)
    first, second = short(nano.post_training()), short(nano.sft())
    monkeypatch.setattr(nano, "post_training", lambda: first)
    monkeypatch.setattr(nano, "sft", lambda: second)
    torch.manual_seed(0)
    save_codec(rounded(EmbeddedCodec(SMALL_CODEC)), tmp_path / "runs" / "tools" / "codec")
    for name in ("user-train-joe", "ego-train-heart"):
        job = BankJob(folder=tmp_path / "runs" / "speech", name=name, voice="buzz", source=sentence, shard=0, sentences=SENTENCES_SPOKEN)
        make_shard(job, Buzz())
    return tmp_path / "runs"


@pytest.mark.slow
def test_a_decoder_becomes_a_model_that_hears_and_speaks(tmp_path: Path, runs: Path, shell: Shell) -> None:
    folder, out = qwen2(tmp_path / "qwen"), tmp_path / "model"
    on = ("--backbone", folder, "--folder", runs)
    shards = ("asr-user-train-joe-00000-0", "tts-ego-train-heart-00000-0")
    for name in shards:
        assert shell("synth", "grids", *on, "--scale", 0.01, "--only", name, "--workers", 1).told["shards"] == 1
    layout = foreign.layout(folder)
    tokenizer = DecoderTokenizer.load(folder / "tokenizer.json", layout.text.words_end)
    for name in shards:
        reader = ShardReader([runs / "grids-on-qwen" / f"{name}.grids"], layout=layout, tokenizer_fingerprint=tokenizer.fingerprint)
        assert len(reader) == SENTENCES_SPOKEN
        for i in range(len(reader)):
            text = str(reader.metadata(i)["text"])
            written = tokenizer.decode(reader[i].text[pieces(reader[i].text, layout.text)].tolist())
            assert written == (" ".join(words(text)) if name.startswith("asr") else text)

    adapted = (*on, "--lora-rank", 2)
    assert shell("train", "post", *adapted, "--steps", 2).told["steps"] == 2
    resumed = shell("train", "post", *adapted)
    assert "resuming" in resumed.out
    assert resumed.told == {"run": "nano-post-on-qwen-lora", "steps": 3, "of": 3}
    assert shell("train", "sft", *adapted).told == {"run": "nano-sft-on-qwen-lora", "steps": 3, "of": 3}
    assert shell("export", "sft", *on, "--lora", "--out", out).told["run"] == "nano-sft-on-qwen-lora"
    assert shell("info", out).code == 0

    loaded = roboego.load(out)
    assert loaded.model.config == foreign.model(folder)
    assert loaded.model.config.caption_head
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.fingerprint == tokenizer.fingerprint
    before, after = load_decoder(folder).backbone.state_dict(), loaded.model.backbone.state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name].bfloat16().float(), after[name])}
    assert changed == {name for name in before if "norm" not in name and "bias" not in name}
    with Engine(loaded, slots=2) as engine, engine.open(sampling=LIVELY) as session, engine.open(mode="asr") as listener:
        session.say(SENTENCES[0])
        sound = voice(16 * 0.08).reshape(16, 1920)
        frames = [(session.step(listen=pcm), listener.step(listen=pcm))[0] for pcm in sound]
    assert "".join(frame.text for frame in frames).strip().startswith(SENTENCES[0])
    assert all(frame.speech.shape == (1920,) for frame in frames)


def test_what_does_not_go_with_a_decoder_is_told(tmp_path: Path, runs: Path, shell: Shell) -> None:
    folder = qwen2(tmp_path / "qwen")
    on = ("--backbone", folder, "--folder", runs)
    for command, word in (
        ("train language", "train post --backbone"),
        ("train codec", "--backbone"),
        ("train post --lora-rank 2 --lora-trained heads", "all of them are trained"),
        ("train post", "synth grids --backbone"),
        ("train sft --lora-rank 2", "train it first"),
        (f"export post --out {tmp_path / 'out'}", "train it first"),
        ("synth speech", "grids and dialogues"),
    ):
        done = shell(*command.split(), *on, told=False)
        assert done.code == 2
        assert word in done.err
        assert done.err.count("\n") == 1
    assert shell("train", "post", "--lora-rank", 2, "--dry-run", *on).told["trained"] > 0
    (folder / "tokenizer.json").unlink()
    assert "tokenizer.json is missing" in shell("synth", "grids", *on, told=False).err
    assert "config.json does not exist" in shell("train", "post", "--backbone", tmp_path / "nowhere", told=False).err
