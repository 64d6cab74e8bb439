"""Options whose values cannot be used, of the commands that measure and make: told in one line before any work is done."""

from pathlib import Path

import pytest

from roboego.training.allocator import SETTINGS
from tests.commands.conftest import Shell


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise training starts this process again with them."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("bench step --threads 0", "--threads"),
        ("bench step --device meta", "meta"),
        ("bench step --frames 0", "--frames"),
        ("bench step --slots 2 0", "--slots"),
        ("bench step --old -5", "--old"),
        ("bench step --old 100", "--old must be at least 1500"),
        ("bench codec --dtype bfloat16", "--dtype"),
        ("bench step --device quantum", "quantum"),
        ("train post --dry-run --device quantum", "quantum"),
        ("train post --dry-run --steps 0", "--steps"),
        ("train post --dry-run --lora-rank 0", "--lora-rank"),
        ("train codec --lora-rank 8", "--lora-rank"),
        ("train post --dry-run --lora-alpha 16", "--lora-rank"),
        ("train post --dry-run --lora-dropout 0.1", "--lora-rank"),
        ("train sft --lora-trained heads", "--lora-rank"),
        ("synth speech --workers 0", "--workers"),
        ("synth speech --scale -1", "--scale"),
        ("synth speech --scale nan", "--scale"),
        ("eval MODEL --count 0", "--count"),
        ("eval MODEL --count 1 --voices bogus", "the voices are"),
        ("eval MODEL --device quantum", "quantum"),
    ],
)
def test_values_that_cannot_be_used(
    tmp_path: Path, model: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell(*(str(model) if part == "MODEL" else part for part in command.split()))
    assert done.code == 2
    complaint = done.err.splitlines()[-1]
    assert complaint.startswith("roboego: ")
    assert word in complaint
    assert not list(tmp_path.iterdir())


def test_export_replaces_nothing_but_models(tmp_path: Path, shell: Shell) -> None:
    kept = tmp_path / "thesis" / "chapter.txt"
    kept.parent.mkdir()
    kept.write_text("years of work")
    done = shell("export", "sft", "--out", kept.parent, "--folder", tmp_path / "runs")
    assert (done.code, kept.read_text()) == (2, "years of work")
    assert "other things" in done.err


def test_export_takes_only_the_figures_of_eval(tmp_path: Path, shell: Shell) -> None:
    for name, content in (("list.json", "[1]"), ("broken.json", "{"), ("none.json", None)):
        if content is not None:
            (tmp_path / name).write_text(content)
        done = shell("export", "sft", "--out", tmp_path / "out", "--folder", tmp_path / "runs", "--figures", tmp_path / name)
        assert done.code == 2
        assert name in done.err
        assert done.err.count("\n") == 1


def test_results_that_find_no_room(model: Path, shell: Shell) -> None:
    done = shell("info", model, "--json", "/dev/full", told=False)
    assert done.code == 2
    assert "no space left on the disk while writing /dev/full" in done.err
