"""What is wrong is told in one line that names the remedy, with exit code 2, and leaves nothing half-written."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from roboego.codecs.embedded.files import rounded, save_codec
from roboego.recipes import nano
from roboego.training.allocator import SETTINGS
from roboego.training.checkpoint import save_state
from saved import voice, write
from tests.commands.conftest import Outcome, Shell
from tests.sound.test_writing import files_of_at_most
from tiny import tiny_codec, tiny_config, tiny_model, tiny_tokenizer


def refused(done: Outcome, *words: str) -> None:
    """Exit code 2, and one line on stderr that has these words."""
    assert done.code == 2
    assert done.err.startswith("roboego: ")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def cut_short(path: Path) -> None:
    write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 24_000))
    path.write_bytes(path.read_bytes()[:20_000])


def with_nan(path: Path) -> None:
    pcm = voice(0.5)
    pcm[5_000] = np.nan
    write(path, pcm, subtype="FLOAT")


SOUNDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "does not exist"),
    "empty": (lambda path: path.touch(), "empty"),
    "text": (lambda path: path.write_text("hello, this is no sound" * 20), "not a sound file"),
    "folder": (lambda path: path.mkdir(), "folder"),
    "truncated": (cut_short, "cut short"),
    "nan": (with_nan, "NaN"),
    "many channels": (lambda path: write(path, np.zeros((100, 9))), "9 channels"),
    "too slow": (lambda path: write(path, np.zeros(1_000), 4_000), "4000"),
}


@pytest.mark.parametrize("what", SOUNDS)
def test_sounds(tmp_path: Path, model: Path, shell: Shell, what: str) -> None:
    make, word = SOUNDS[what]
    make(tmp_path / "in.wav")
    refused(shell("talk", tmp_path / "in.wav", "--model", model, "--out", tmp_path / "out"), word)
    assert not (tmp_path / "out").exists()
    done = shell("transcribe", tmp_path / "in.wav", "--model", model)
    refused(done, word)
    assert not (tmp_path / "told.json").exists()


def broken(model: Path, folder: Path, change: Callable[[Path], object]) -> Path:
    """A copy of the model in which something has been changed."""
    shutil.copytree(model, folder)
    change(folder)
    return folder


def configured(**values: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def set_in(name: str, at: str, value: object) -> Callable[[Path], object]:
    """Changes one value of a JSON file; `at` names it from the outside in, with dots between."""

    def change(folder: Path) -> None:
        path = folder / name
        values = inner = json.loads(path.read_text())
        *outer, last = at.split(".")
        for key in outer:
            inner = inner[key]
        assert last in inner
        inner[last] = value
        path.write_text(json.dumps(values))

    return change


def halve(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return change


def remove_codec(folder: Path) -> None:
    shutil.rmtree(folder / "codec")


MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights cut short": (halve("model-00.safetensors"), "weights"),
    "codec cut short": (halve("codec/codec-00.safetensors"), "codec"),
    "no codec": (remove_codec, "codec"),
    "no weights": (lambda folder: (folder / "model-00.safetensors").unlink(), "weights"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
    "config is no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
    "config is a list": (lambda folder: (folder / "config.json").write_text("[]"), "config.json"),
    "unknown key": (configured(surprise=1), "surprise"),
    "missing key": (lambda folder: (folder / "config.json").write_text('{"format": "roboego", "version": 1}'), "config.json"),
    "other version": (configured(version=99), "upgrade"),
    "another codec": (configured(codec="0123456789abcdef"), "trained with"),
    "negative width": (set_in("config.json", "model.backbone.width", -1), "width must be at least 1"),
    "gigantic width": (set_in("config.json", "model.backbone.width", 2**62), "can be built"),
    "another width": (set_in("config.json", "model.backbone.width", 25), "weights"),
    "no window": (set_in("config.json", "model.backbone.window", 0), "window must be at least 1"),
    "negative layers": (set_in("config.json", "model.backbone.layers", -1), "layers must be at least 0"),
    "odd heads": (set_in("config.json", "model.backbone.head_dim", 7), "head_dim must be even"),
    "heads that do not share": (set_in("config.json", "model.backbone.kv_heads", 3), "cannot share 3"),
    "no base": (set_in("config.json", "model.backbone.rope_theta", 0), "rope_theta must be a positive number"),
    "negative advance": (set_in("config.json", "model.max_advance", -5), "max_advance must be at least 1"),
    "scale that is no number": (set_in("config.json", "model.input_scale", float("nan")), "input_scale must be a positive number"),
    "heads of a part of a width": (set_in("config.json", "model.speech.heads", 3), "multiple of the 3 heads"),
    "no codebooks": (set_in("config.json", "model.layout.speak.codebooks", 0), "layout.speak: codebooks must be at least 1"),
    "negative delay": (set_in("config.json", "model.layout.spk_delay", -1), "spk_delay must be at least 0"),
    "wait outside the vocabulary": (set_in("config.json", "model.layout.text.wait", 5_000), "wait must be one of"),
    "two meanings": (set_in("config.json", "model.layout.text.cut", 0), "an id each"),
    "words outside the vocabulary": (set_in("config.json", "model.layout.text.first_word", 5_000), "words must lie among"),
    "silence too short": (configured(silence=[0]), "silence must be 3 codes"),
    "silence out of range": (configured(silence=[0, 16, 0]), "silence must be 3 codes from 0 to 15"),
    "codec without a hop": (set_in("codec/codec.json", "hop", 0), "hop must be at least 1"),
    "codec with an odd hop": (set_in("codec/codec.json", "hop", 7), "hop must divide"),
    "codec with a short window": (set_in("codec/codec.json", "window", 240), "at least two hops"),
    "card in another encoding": (lambda folder: (folder / "README.md").write_bytes(b"caf\xe9"), "README.md"),
    "foreign": (lambda folder: (folder / "config.json").write_text('{"model_type": "gpt2"}'), "gpt2"),
}


@pytest.mark.parametrize("what", MODELS)
def test_checkpoints(tmp_path: Path, model: Path, shell: Shell, what: str) -> None:
    change, word = MODELS[what]
    folder = broken(model, tmp_path / "broken", change)
    sound = write(tmp_path / "in.wav", voice(0.3))
    refused(shell("talk", sound, "--model", folder, "--out", tmp_path / "out"), word)
    refused(shell("info", folder), word, str(folder))
    assert not (tmp_path / "out").exists()


def test_of_many_missing_weights_three_are_named(tmp_path: Path, model: Path, shell: Shell) -> None:
    done = shell("info", broken(model, tmp_path / "broken", lambda folder: (folder / "model-00.safetensors").unlink()))
    count = len(load_file(model / "model-00.safetensors"))
    refused(done, f"lack {count} of {count} tensors: backbone.", ", ...; fetch")
    assert done.err.count("backbone.") == 3


@pytest.mark.parametrize("name", ["no-such-model", "no/such/folder", "./nowhere"])
def test_models_that_are_not_there(tmp_path: Path, shell: Shell, name: str) -> None:
    refused(shell("speak", "hello", "--model", name, "--out", tmp_path / "out.wav"), name)


def test_a_full_disk_leaves_nothing(tmp_path: Path, model: Path, shell: Shell) -> None:
    sound = write(tmp_path / "in.wav", voice(1.0))
    with files_of_at_most(60_000):
        done = shell("talk", sound, "--model", model, "--out", tmp_path / "out", told=False)
    refused(done, "disk")
    assert not (tmp_path / "out").exists()
    with files_of_at_most(1_000):
        done = shell("speak", "the red cup is on the table", "--model", model, "--out", tmp_path / "out.wav", told=False)
    refused(done, "disk")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav"]


def test_a_full_disk_leaves_the_model_that_was_there(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(nano.post_training(), model=tiny_config())
    monkeypatch.setattr(nano, "post_training", lambda: recipe)
    runs, out = tmp_path / "runs", tmp_path / "models" / "out"
    save_codec(rounded(tiny_codec()), runs / "tools" / "codec")
    tiny_tokenizer().save(runs / "tools" / "tokenizer.json")
    save_state(runs / recipe.name / "step-00000010", {"step": 10, "module": tiny_model().state_dict()})
    command = ("export", "post", "--folder", runs, "--out", out)
    for size in (100, 10_000):  # of config.json, and of the weights
        with files_of_at_most(size):
            refused(shell(*command, told=False), "disk", str(out))
        assert not list(out.parent.iterdir())
    assert shell(*command).code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with files_of_at_most(10_000):
        refused(shell(*command, told=False), "disk", str(out))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    out.rename(out.with_name(".out.old"))  # as if a later export had been killed
    assert shell("info", out).code == 0


def test_targets(tmp_path: Path, model: Path, shell: Shell) -> None:
    sound = write(tmp_path / "in.wav", voice(0.3))
    refused(shell("talk", sound, "--model", model, "--out", sound), "is a file")
    refused(shell("speak", "hello", "--model", model, "--out", tmp_path), "is a folder")
    refused(shell("info", model, "--json", tmp_path, told=False), "is a folder")


def test_options(tmp_path: Path, model: Path, shell: Shell) -> None:
    sound = write(tmp_path / "in.wav", voice(0.3))
    common = ("talk", sound, "--model", model, "--out", tmp_path / "out")
    refused(shell(*common, "--tail-s", -1), "--tail-s")
    refused(shell(*common, "--threads", 0), "--threads")
    refused(shell(*common, "--seed", -1), "--seed")
    refused(shell(*common, "--device", "quantum"), "quantum")


def test_recipes_without_what_they_need(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)  # otherwise training starts this process again with them
    for command in (("train", "post"), ("train", "sft"), ("export", "sft", "--out", tmp_path / "out"), ("synth", "grids")):
        done = shell(*command, "--folder", tmp_path / "runs")
        refused(done)
        assert any(word in done.err for word in ("train", "synth", "make", "fetch"))
