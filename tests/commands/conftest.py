"""A model to run commands with, and commands run as from a shell."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from roboego.cli import main
from saved import save
from tiny import tiny_loaded


@dataclass
class Outcome:
    """What a command left: its exit code, what it printed, and what `--json` got."""

    code: int
    out: str
    err: str
    told: dict[str, Any]


Shell = Callable[..., Outcome]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with random weights."""
    return save(tiny_loaded(), tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs `roboego ...`, with `--json` unless `told` is False."""

    def run(*argv: object, told: bool = True) -> Outcome:
        target = tmp_path / "told.json"
        arguments: Sequence[str] = [str(a) for a in argv] + (["--json", str(target)] if told else [])
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        found = json.loads(target.read_text(encoding="utf-8")) if told and target.exists() else {}
        return Outcome(code, printed.out, printed.err, found)

    return run
