"""Latents are matched to things, and told what is true of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.testing import assert_close

from roboego.data.pictures import PictureJob, Shown, make_pictures
from roboego.data.sights import SightJob, make_sights
from roboego.errors import InputError
from roboego.perception.files import load_vit, save_vit
from roboego.perception.vit import ViT, ViTConfig
from roboego.recipes import nano, nano_sight
from roboego.recipes.nano_data import Places
from roboego.sim.scene import MOST_THINGS, REACH_X_M, UPON_M, Placed
from roboego.sim.things import Thing
from roboego.training.sight import SightTraining
from roboego.training.things import HELD_RANK, LYING, NO_RANK, ThingHeads, Things, ThingsTask, things_of

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


def shown(*things: Placed, seen: tuple[int, ...], held: int | None = None) -> Shown:
    return Shown(picture=np.zeros((16, 16, 3), np.uint8), things=things, seen=seen, patches=np.full((1, 1), -1, np.int8), held=held)


def truth(*pictures: Shown) -> Things:
    told = (things_of(p.things, p.seen, p.held) for p in pictures)
    return Things(*(torch.from_numpy(np.stack(part)) for part in zip(*told, strict=True)))


def test_things_as_they_are_told() -> None:
    inside = replace(BALL, x=BOX.x, y=BOX.y, inside=1)
    told = truth(shown(CUBE, BOX, inside, seen=(90, 90, 90), held=0), shown(CUBE, BALL, seen=(90, 3)))
    assert told.shape.tolist() == [[1, 6, 2, 0, 0, 0], [1, 0, 0, 0, 0, 0]]  # what is hardly seen is not told
    assert told.lying[0, :3].tolist() == [LYING.index(where) for where in ("held", "table", "inside")]
    assert [letters.tolist() for letters in told.label[0, [0, 1, 3]]] == [[1, 34, 0], [0, 0, 0], [-1, -1, -1]]
    assert told.at[0, 0].isnan().all()
    assert told.at[0, 1].tolist() == pytest.approx([-0.5, 0.05 / 0.21])
    assert told.rank[0, :, 0].tolist() == pytest.approx([HELD_RANK, -0.5, -0.5 + UPON_M / REACH_X_M, NO_RANK, NO_RANK, NO_RANK])


def test_latents_tell_of_the_things_that_cost_least() -> None:
    torch.manual_seed(0)
    heads, told = ThingHeads(24), truth(shown(CUBE, BALL, BOX, seen=(90, 90, 90)), shown(BOX, seen=(90,)))
    for count in (MOST_THINGS, MOST_THINGS + 2):
        latents, there = torch.randn(2, count, 24), told.among(count).shape > 0
        mixed, shuffled = heads.matched(latents, told), heads.matched(latents[:, torch.randperm(count)], told)
        assert torch.equal(mixed[there], shuffled[there])
        assert_close(mixed.sum(1), latents.sum(1))


def test_what_latents_tell_is_learned_and_judged() -> None:
    torch.manual_seed(0)
    heads, rank = ThingHeads(24), torch.nn.Linear(24, 1)
    told = truth(shown(CUBE, BALL, BOX, seen=(90, 90, 90)), shown(BOX, CUBE, seen=(90, 90), held=1))
    latents = torch.randn(2, MOST_THINGS + 1, 24, requires_grad=True)
    optimizer = torch.optim.Adam([latents, *heads.parameters(), *rank.parameters()], 0.02)
    for _ in range(150):
        loss = torch.stack(list(heads.losses(latents, rank, told).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    judged = heads.judged(latents, rank, told)
    for name in ("shape", "color", "size", "lying", "label", "count", "in_order"):
        assert judged[name].float().mean() == 1, name
    assert judged["cm"].max() < 2


def test_it_learns(root: Path) -> None:
    for index in sorted((root / "pictures").glob("*.jsonl")):
        make_sights(SightJob(index=index, encoder=root / "tools" / "vit", folder=root / "patches"))
    training = SightTraining(folder=root / "pictures", pictures=8, validation=10)
    task = ThingsTask(replace(EYE, latents=MOST_THINGS, spare=2), training, root / "patches")
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
    assert all(0 <= judged[name] <= 1 for name in ("shape", "count", "label", "in_order"))
    with pytest.raises(InputError, match="6 latents"):
        ThingsTask(EYE, training, root / "patches")


def test_the_recipe_puts_it_behind_the_encoder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "vit", lambda: replace(EYE, latents=MOST_THINGS, spare=1))
    before = load_vit(root / "tools" / "vit")
    loop = replace(nano_sight.things_loop(), steps=2, validate_every=2)
    for _ in range(2):  # what is done is not done again
        result = nano_sight.perform_things(Places(root=root), loop, device="cpu", console=Console(quiet=True))
        assert result == {"run": "things", "steps": 2, "of": 2}
    vit, pixels = load_vit(root / "tools" / "vit"), torch.rand(1, 3, 64, 64)
    assert vit(pixels).tokens.shape == (1, MOST_THINGS, 24)
    assert torch.equal(vit(pixels).vector, before(pixels).vector)
