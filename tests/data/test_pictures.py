"""Pictures of tables and what is true of them."""

from pathlib import Path

import numpy as np
import pytest

from roboego.data.pictures import PictureBank, PictureJob, make_pictures, patch_things
from roboego.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    make_pictures(PictureJob(folder=made, name="train", shard=0, count=14, size=112))
    return made


def test_a_bank_gives_what_was_drawn(folder: Path) -> None:
    bank = PictureBank(folder, "train")
    assert len(bank) >= 14
    shown = 0
    for i in range(len(bank)):
        one = bank[i]
        assert one.picture.shape == (112, 112, 3)
        assert one.patches.shape == (7, 7)
        assert len(one.seen) == len(one.things)
        assert one.patches.max() < len(one.things)
        shown += (one.patches >= 0).sum()
        assert one.held is None or one.held < len(one.things)
    assert shown > 20
    assert any(not np.array_equal(bank[0].picture, bank[i].picture) for i in range(1, 3))


def test_equal_seeds_draw_equal_pictures_and_what_is_there_is_kept(folder: Path, tmp_path: Path) -> None:
    job = PictureJob(folder=tmp_path, name="train", shard=0, count=14, size=112)
    before = make_pictures(job).read_bytes()
    assert before == (folder / "train-00000.jsonl").read_bytes()
    job.out.write_text("kept")
    assert make_pictures(job).read_text() == "kept"


def test_a_bank_of_labels(tmp_path: Path) -> None:
    make_pictures(PictureJob(folder=tmp_path, name="labels", shard=0, count=4, size=112, labelled=True, tables=2))
    bank = PictureBank(tmp_path, "labels")
    tables = [bank.things(i) for i in range(len(bank))]
    assert all(placed.thing.label for things in tables for placed in things)
    assert len({tuple(things) for things in tables}) == len(bank) == 4


def test_a_patch_shows_what_covers_the_most_of_it() -> None:
    shown = np.full((32, 32), -1, np.int16)
    shown[:16, :9] = 0
    shown[:16, 9:16] = 1
    shown[16:, 16:20] = -2
    shown[16:, :2] = 1
    assert patch_things(shown, 2).tolist() == [[0, -1], [-1, -2]]


def test_damaged_and_missing_shards_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="synth pictures"):
        PictureBank(tmp_path, "train")
    for source in folder.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes()[:-7])
    with pytest.raises(InputError, match="damaged"):
        PictureBank(tmp_path, "train")
