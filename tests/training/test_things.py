"""Latents are matched to things, and told what is true of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from roboego.data.pictures import Shown
from roboego.sim.scene import MOST_THINGS, Placed
from roboego.sim.things import Thing
from roboego.training.things import HELD_RANK, LYING, NO_RANK, ThingHeads, Things, things_of

CUBE, BALL, BOX = (
    Placed(thing=Thing(shape="cube", color="red", size="big", label="a7"), x=0.105, y=0.0),
    Placed(thing=Thing(shape="ball", color="blue", size="small"), x=0.0, y=0.05),
    Placed(thing=Thing(shape="box", color="green", size="big"), x=-0.105, y=0.05),
)


def shown(*things: Placed, seen: tuple[int, ...], held: int | None = None) -> Shown:
    return Shown(picture=np.zeros((16, 16, 3), np.uint8), things=things, seen=seen, patches=np.full((1, 1), -1, np.int8), held=held)


def truth(*pictures: Shown) -> Things:
    return Things(*(torch.from_numpy(np.stack(part)) for part in zip(*(things_of(p) for p in pictures), strict=True)))


def test_things_as_they_are_told() -> None:
    inside = replace(BALL, x=BOX.x, y=BOX.y, inside=1)
    told = truth(shown(CUBE, BOX, inside, seen=(90, 90, 90), held=0), shown(CUBE, BALL, seen=(90, 3)))
    assert told.shape.tolist() == [[1, 6, 2, 0, 0, 0], [1, 0, 0, 0, 0, 0]]  # what is hardly seen is not told
    assert told.lying[0, :3].tolist() == [LYING.index(where) for where in ("held", "table", "inside")]
    assert [letters.tolist() for letters in told.label[0, [0, 1, 3]]] == [[1, 34, 0], [0, 0, 0], [-1, -1, -1]]
    assert told.at[0, 0].isnan().all()
    assert told.at[0, 1].tolist() == pytest.approx([-0.5, 0.05 / 0.21])
    assert told.rank[0, :, 0].tolist() == pytest.approx([HELD_RANK, -0.5, -0.5, NO_RANK, NO_RANK, NO_RANK])


def test_latents_tell_of_the_things_that_cost_least() -> None:
    torch.manual_seed(0)
    heads, told = ThingHeads(24), truth(shown(CUBE, BALL, BOX, seen=(90, 90, 90)), shown(BOX, seen=(90,)))
    latents, there = torch.randn(2, MOST_THINGS, 24), told.shape > 0
    mixed = latents[:, torch.tensor([3, 0, 5, 1, 2, 4])]
    assert torch.equal(heads.matched(latents, told)[there], heads.matched(mixed, told)[there])


def test_what_latents_tell_is_learned_and_judged() -> None:
    torch.manual_seed(0)
    heads, rank = ThingHeads(24), torch.nn.Linear(24, 1)
    told = truth(shown(CUBE, BALL, BOX, seen=(90, 90, 90)), shown(BOX, CUBE, seen=(90, 90), held=1))
    latents = torch.randn(2, MOST_THINGS, 24, requires_grad=True)
    optimizer = torch.optim.Adam([latents, *heads.parameters(), *rank.parameters()], 0.02)
    for _ in range(150):
        loss = torch.stack(list(heads.losses(latents, rank, told).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    judged = heads.judged(latents, rank, told)
    for name in ("shape", "color", "size", "lying", "label", "count", "in_order"):
        assert judged[f"thing_{name}"].float().mean() == 1, name
    assert judged["thing_cm"].max() < 2
