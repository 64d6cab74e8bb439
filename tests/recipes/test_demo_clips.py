"""The user's side of the demo."""

from pathlib import Path

from roboego.commands.demo import recordings
from roboego.recipes.demo_clips import TURNS, make_clips
from roboego.sound.reading import SoundReader


def test_one_file_a_turn_that_the_demo_reads(tmp_path: Path) -> None:
    paths = make_clips(tmp_path / "clips")
    assert recordings(tmp_path / "clips") == paths
    assert len(paths) == len(TURNS)
    for path in paths:
        with SoundReader(path) as sound:
            assert 1 < sound.duration_s < 6
