"""A token of each thing is learned from what the simulator knows, from patches that an encoder has made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from roboego.data.pictures import PictureJob, make_pictures
from roboego.data.sights import SightJob, make_sights
from roboego.errors import InputError
from roboego.perception.files import load_vit, save_vit
from roboego.perception.vit import ViT, ViTConfig
from roboego.recipes import nano, nano_sight
from roboego.recipes.nano_data import Places
from roboego.sim.scene import MOST_THINGS, Placed
from roboego.sim.things import Thing
from roboego.training.sight import SightTraining
from roboego.training.things import HELD_RANK, LYING, NO_RANK, Things, ThingsTask, things_of

EYE = ViTConfig(image_size=64, width=24, layers=1, heads=2, hidden=48, latent_hidden=32, rounds=2)
CUBE, BALL, BOX = (
    Placed(thing=Thing(shape="cube", color="red", size="big", label="a7"), x=0.105, y=0.0),
    Placed(thing=Thing(shape="ball", color="blue", size="small"), x=0.0, y=0.05),
    Placed(thing=Thing(shape="box", color="green", size="big"), x=-0.105, y=0.05),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("train", "labels", "validation")):
        make_pictures(PictureJob(folder=made / "pictures", name=name, shard=0, count=10, size=64, seed=seed, labelled=name == "labels"))
    torch.manual_seed(0)
    save_vit(ViT(EYE), made / "tools" / "vit")
    return made


def test_things_as_they_are_told() -> None:
    inside = replace(BALL, x=BOX.x, y=BOX.y, inside=1)
    shape, color, size, lying, label, at = things_of((CUBE, BOX, inside), (90, 90, 90), held=0)
    assert shape.tolist() == [1, 6, 2, 0, 0, 0]
    assert lying.tolist()[:3] == [LYING.index(where) for where in ("held", "table", "inside")]
    assert [letters.tolist() for letters in label[[0, 1, 3]]] == [[1, 34, 0], [0, 0, 0], [-1, -1, -1]]
    assert np.isnan(at[0]).all()
    assert at[1].tolist() == pytest.approx([-0.5, 0.05 / 0.21])
    assert ((color[3:] == -1) & (size[3:] == -1)).all()
    truth = Things(*(torch.from_numpy(part)[None] for part in (shape, color, size, lying, label, at)))
    assert truth.rank[0, :, 0].tolist() == pytest.approx([HELD_RANK, -0.5, -0.5, NO_RANK, NO_RANK, NO_RANK])
    assert things_of((CUBE, BALL), (90, 3), None)[0].tolist() == [1, 0, 0, 0, 0, 0]  # what is hardly seen is not told


def test_it_learns(root: Path) -> None:
    for index in sorted((root / "pictures").glob("*.jsonl")):
        make_sights(SightJob(index=index, encoder=root / "tools" / "vit", folder=root / "patches"))
    training = SightTraining(folder=root / "pictures", pictures=8, validation=10)
    task = ThingsTask(replace(EYE, latents=MOST_THINGS), training, root / "patches")
    optimizer = torch.optim.AdamW(task.module.parameters(), 3e-3)
    batch, losses = task.batch(0), []
    for _ in range(30):
        loss, _ = task.loss(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]
    judged = task.validate(0)
    assert all(0 <= judged[name] <= 1 for name in ("shape_right", "count_right", "label_read", "in_order"))
    with pytest.raises(InputError, match="6 latents"):
        ThingsTask(EYE, training, root / "patches")


def test_latents_tell_of_the_things_that_cost_least(root: Path) -> None:
    torch.manual_seed(0)
    training = SightTraining(folder=root / "pictures", pictures=8, validation=10)
    task = ThingsTask(replace(EYE, latents=MOST_THINGS), training, root / "patches")
    patches, truth = task.batch(0)
    with torch.no_grad():
        latents = task.module.resampler.gathered(patches)
        mixed = latents[:, torch.tensor([3, 0, 5, 1, 2, 4])]
        there = truth.shape > 0
        assert torch.equal(task._matched(latents, truth)[there], task._matched(mixed, truth)[there])


def test_the_recipe_puts_it_behind_the_encoder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "vit", lambda: replace(EYE, latents=MOST_THINGS))
    before = load_vit(root / "tools" / "vit")
    loop = replace(nano_sight.things_loop(), steps=2, validate_every=2)
    for _ in range(2):  # what is done is not done again
        result = nano_sight.perform_things(Places(root=root), loop, device="cpu", console=Console(quiet=True))
        assert result == {"run": "things", "steps": 2, "of": 2}
    vit, pixels = load_vit(root / "tools" / "vit"), torch.rand(1, 3, 64, 64)
    assert vit(pixels).tokens.shape == (1, MOST_THINGS, 24)
    assert torch.equal(vit(pixels).vector, before(pixels).vector)
