"""Episodes of experts: what was felt, done and seen belongs together, frame by frame."""

from pathlib import Path

import numpy as np
import pytest

from roboego.actions.bins import ActionBins
from roboego.data.episodes import LOOK_EVERY, EpisodeBank, EpisodeJob, make_episodes
from roboego.data.pictures import PictureBank
from roboego.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("episodes")
    for shard in range(2):
        make_episodes(EpisodeJob(folder=made, name="train", shard=shard, count=2, size=32, seed=4))
    return made


def test_what_is_felt_done_and_seen_belongs_together(folder: Path) -> None:
    episodes, pictures = EpisodeBank(folder, "train"), PictureBank(folder, "train")
    assert len(episodes) == 4
    numbers = [number for i in range(4) for _, number in episodes[i].looks]
    assert numbers == list(range(len(pictures)))
    rest = ActionBins().rest
    for i in range(4):
        episode = episodes[i]
        assert len(episode) == len(episode.body) == len(episode.touch) == len(episode.bins)
        assert [frame for frame, _ in episode.looks] == list(range(0, len(episode), LOOK_EVERY))
        assert len(episode.points) == len(episode.looks)
        assert (episode.touched[episode.held >= 0] >= 0).all()
        assert (episode.bins[episode.done :] == rest).all()
        assert (episode.bins[: episode.done] != rest).any()
        assert [p.thing for p in pictures.things(episode.looks[0][1])] == [p.thing for p in episode.scene.things]


def test_equal_seeds_give_equal_episodes(folder: Path, tmp_path: Path) -> None:
    make_episodes(EpisodeJob(folder=tmp_path, name="train", shard=1, count=1, size=32, seed=4))
    again, before = EpisodeBank(tmp_path, "train")[0], EpisodeBank(folder, "train")[2]
    assert again.task == before.task
    np.testing.assert_array_equal(again.bins, before.bins)


def test_missing_and_damaged_episodes_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="roboego synth episodes"):
        EpisodeBank(tmp_path, "train")
    (tmp_path / "train-00000.episodes.npz").write_bytes((folder / "train-00000.episodes.npz").read_bytes()[:-60])
    with pytest.raises(InputError, match="is damaged"):
        EpisodeBank(tmp_path, "train")
