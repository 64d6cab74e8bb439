"""The user's side of the demo."""

from pathlib import Path

from roboego.commands.demo import into_reply_s, recordings
from roboego.recipes.demo_clips import TURNS, make_clips
from roboego.sound.reading import SoundReader


def test_one_file_a_turn_that_the_demo_reads(tmp_path: Path) -> None:
    paths = make_clips(tmp_path / "clips")
    assert recordings(tmp_path / "clips") == paths
    assert [into_reply_s(path) for path in paths] == [turn.into_s for turn in TURNS]
    for path, turn in zip(paths, TURNS, strict=True):
        with SoundReader(path) as sound:
            assert 0.2 < sound.duration_s < 6
            assert sound.duration_s > 1 + turn.pause_s or turn.into_s is not None
