"""Without the optional packages: what needs none of them runs, the rest says in one line what to install."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roboego.cli import EXTRAS
from roboego.timebase import SAMPLE_RATE

BARE = f"""
import sys
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] in {sorted(EXTRAS)!r} else find_spec(name, *rest)
from roboego.cli import main
sys.exit(main(sys.argv[1:]))
"""


def bare(*argv: object) -> subprocess.CompletedProcess[str]:
    """Runs a command in an installation without extras."""
    return subprocess.run([sys.executable, "-c", BARE, *map(str, argv)], capture_output=True, text=True, check=False)


def test_the_core_converses_and_measures(tmp_path: Path, model: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    soundfile.write(sounds / "1.wav", np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    done = bare("demo", "--recordings", sounds, "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "timeline.png").exists()
    assert bare("info", model).returncode == 0
    assert bare("bench", "codec", "--threads", 1).returncode == 0


@pytest.mark.parametrize(("command", "extras"), [("synth speech", "data"), ("train post", "train,data,eval"), ("eval", "data,eval")])
def test_the_rest_says_what_to_install(command: str, extras: str) -> None:
    done = bare(*command.split())
    assert done.returncode == 2
    assert f"pip install 'roboego[{extras}]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
