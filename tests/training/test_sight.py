"""Seeing is learned from what the simulator knows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from roboego.data.pictures import PictureBank, PictureJob, Shown, make_pictures
from roboego.errors import InputError
from roboego.perception.picture import to_pixels
from roboego.perception.vit import ViTConfig
from roboego.sim.scene import REACH_X_M, Placed
from roboego.sim.things import Thing
from roboego.training.sight import KINDS, SightTask, SightTraining, Truth, kind_of, pixels, read_rightly, truth_of, varied

TINY = ViTConfig(image_size=64, width=24, layers=1, heads=2, hidden=48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    for seed, name in enumerate(("train", "validation")):
        make_pictures(PictureJob(folder=made, name=name, shard=0, count=16, size=64, seed=seed))
    return made


def task(folder: Path) -> SightTask:
    return SightTask(TINY, SightTraining(folder=folder, pictures=8, validation=8))


def test_it_learns(folder: Path) -> None:
    taught = task(folder)
    optimizer = torch.optim.AdamW(taught.module.parameters(), 3e-3)
    batch = taught.batch(0)
    losses = []
    for _ in range(25):
        loss, parts = taught.loss(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]
    assert {"what", "color", "label", "present", "where"} <= set(parts)
    judged = taught.validate(0)
    assert {"what_right", "present_told", "where_cm"} <= set(judged)
    assert 0 <= judged["absent_told"] <= 1


def test_a_label_is_what_the_surest_patch_reads() -> None:
    truth = Truth(*(torch.zeros(1, 5, dtype=torch.int64) for _ in range(3)), *(torch.zeros(1) for _ in range(4)))
    place = torch.tensor([[[0.1, 0.2], [0.1, 0.2], [0.1, 0.2], [0.5, 0.5], [torch.nan, torch.nan]]])
    label = torch.tensor([[[1, 2, 0], [1, 2, 0], [1, 2, 0], [3, 0, 0], [4, 0, 0]]])
    read = torch.tensor([[[0, 0, 0], [1, 2, 0], [1, 3, 0], [7, 0, 0], [9, 0, 0]]])
    labelled = torch.ones(1, 5, dtype=torch.bool)
    found = read_rightly(torch.tensor([[-0.1, -0.5, -0.9, -0.2, -0.1]]), read, truth._replace(label=label, at=place), labelled)
    assert found.tolist() == [True, False]  # a patch that reads nothing is not asked; what is held up does not count
    assert read_rightly(torch.zeros(1, 5), read, truth._replace(label=label, at=place), ~labelled).tolist() == []


def test_a_step_has_the_same_batch_again_and_another_step_another(folder: Path) -> None:
    taught = task(folder)
    first, again, other = taught.batch(3), taught.batch(3), taught.batch(4)
    assert torch.equal(first[0], again[0])
    assert all(torch.equal(a.nan_to_num(9), b.nan_to_num(9)) for a, b in zip(first[1], again[1], strict=True))
    assert not torch.equal(first[0], other[0])


def test_what_is_true_of_a_picture() -> None:
    cube = Thing(shape="cube", color="red", size="big", label="a7")
    ball = Thing(shape="ball", color="white", size="small")
    patches = np.array([[-1, 0], [-2, 1]], np.int8)
    things = (Placed(thing=cube, x=0.13, y=0.0), Placed(thing=ball, x=0.0, y=0.1))
    shown = Shown(picture=np.zeros((32, 32, 3), np.uint8), things=things, seen=(300, 3), patches=patches, held=None)
    what, color, size, label, at, present, where = truth_of(shown)
    assert what.tolist() == [0, 2, 1, 3]
    assert (color.tolist(), size.tolist()) == ([-1, 0, -1, 7], [-1, 1, -1, 0])
    assert label[1].tolist() == [1, 34, 0]
    assert label[3].tolist() == [0, 0, 0]
    assert at[1].tolist() == pytest.approx([0.13 / REACH_X_M, 0.0])
    assert np.isnan(at[0]).all()
    assert (present[kind_of(cube)], present[kind_of(ball)], (present == 0).sum()) == (1, -1, KINDS - 2)
    assert (~np.isnan(where[:, 0])).sum() == 1


def test_pixels_are_those_of_the_engine_and_variations_stay_in_range(folder: Path) -> None:
    picture = PictureBank(folder, "train")[0].picture
    mine = pixels(torch.from_numpy(picture.copy())[None])
    assert torch.allclose(mine[0], to_pixels(picture, 64), atol=1e-6)
    changed = varied(mine.repeat(4, 1, 1, 1), torch.Generator().manual_seed(0))
    assert changed.shape == (4, 3, 64, 64)
    assert changed.abs().max() <= 1
    assert not torch.equal(changed[0], changed[1])


def test_pictures_of_another_size_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="112"):
        SightTask(ViTConfig(image_size=112, width=24, layers=1, heads=2, hidden=48), SightTraining(folder=folder))
