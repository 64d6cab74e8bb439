"""Learning from what is seen and felt: each frame has its own picture and readings, and some of them are missing."""

from dataclasses import replace

import numpy as np
import torch

from roboego.model.config import GlanceConfig
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano
from roboego.streams.grid import Tokens
from roboego.streams.readings import NO_READING, fresh
from roboego.training.lesson import StageConfig, in_context, seen_by
from roboego.training.rows import Mixture, Pool, failing
from roboego.training.stage import StageTask
from tests.training.test_stage import CALM, grids


class _Sights:
    """Four pictures of three tokens, two wide, each full of its own number."""

    vectors = np.arange(4, dtype=np.float16)[:, None].repeat(2, 1)

    def tokens(self, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(chosen, np.float16)[..., None, None].repeat(3, -2).repeat(2, -1)


def test_rows_see_the_picture_of_their_frame() -> None:
    looks = np.array([[-1, 2, 2, 0, 0, 3], [-1, -1, -1, -1, -1, 1]], np.int32)
    model = replace(nano.tiny(), vision_width=2, glance=GlanceConfig(tokens=3, token_width=2, heads=1, head_dim=2))
    look, seen, glances = seen_by(looks, looks, _Sights(), model)
    assert (seen.numpy() == (looks >= 0)).all()
    assert (look[seen][:, 0].numpy() == looks[looks >= 0]).all()
    assert glances is not None
    counted = glances.frames < looks.size
    assert sorted(glances.frames[counted].tolist()) == np.flatnonzero(looks >= 0).tolist()
    for frames, picture in zip(glances.frames, glances.picture, strict=True):
        assert (looks.ravel()[frames[frames < looks.size]] == int(glances.tokens[picture, 0, 0])).all()
    assert seen_by(looks, looks, _Sights(), replace(model, glance=None))[2] is None
    hidden = np.full_like(looks, -1)
    undetailed = seen_by(looks, hidden, _Sights(), model)
    assert torch.equal(undetailed[0], look)
    assert undetailed[2] is not None
    assert not len(undetailed[2].frames)


def test_pictures_go_into_the_context_by_parts() -> None:
    class _Large(_Sights):
        def tokens(self, chosen: np.ndarray) -> np.ndarray:
            return np.asarray(chosen, np.float16)[..., None, None].repeat(60, -2).repeat(2, -1)

    assert in_context([(), ()], _Large(), 10) is None
    found = in_context([((3, 2),), ((1, 1), (8, 3))], _Large(), 10)
    assert found is not None
    assert found.tokens.shape == (6, 30, 2)
    assert found.row.tolist() == [0, 0, 1, 1, 1, 1]
    assert found.frame.tolist() == [3, 4, 1, 2, 8, 9]
    assert found.tokens[:, 0, 0].tolist() == [2, 2, 1, 1, 3, 3]
    assert in_context([((9, 2),)], _Large(), 10).frame.tolist() == [9, 9]  # type: ignore[union-attr]


def test_some_pictures_of_a_pool_go_into_the_context() -> None:
    class Table:
        def looks(self, i: int) -> Tokens:
            track = np.full(len(grids()[0]), i, np.int32)
            track[:2] = -1
            return track

    source = Mixture([Pool(grids()[:1] * 3, 1.0, looks=Table())], contexts=0.5)
    rows = [source.row(np.random.default_rng(seed), 60) for seed in range(8)]
    for row in rows:
        assert all(row.looks[frame] == picture and row.looks[frame - 1] == -1 for frame, picture in row.contexts)
    assert max(len(row.contexts) for row in rows) == 1
    assert any((row.looks != row.details).any() for row in rows)
    assert any((row.looks == row.details).all() for row in rows)


def test_a_seeing_model_learns_by_what_it_sees() -> None:
    """The same grid with different pictures has different texts: only sight can tell them apart."""
    torch.manual_seed(0)
    config = replace(nano.tiny(), vision_width=2, glance=GlanceConfig(tokens=3, token_width=2, heads=2, head_dim=4))
    shown = [replace(grids()[0], text=grids()[0].text.copy()) for _ in range(2)]
    shown[1].text[5:8] = shown[0].text[5:8][::-1]

    class Table:
        def looks(self, i: int) -> Tokens:
            return np.full(len(shown[i]), 3 * i, np.int32)

        def aims(self, i: int) -> Tokens:
            return np.full(len(shown[i]), 1 + i, np.int32)

    source = Mixture([Pool(shown, 1.0, looks=Table())])
    row = source.row(np.random.default_rng(0), 20)
    assert (row.aims == 1 + row.looks // 3).all()
    stage = StageConfig(rows=4, frames=20, chosen=0.2, disturbance=CALM, aims=0.2)
    task = StageTask(RoboEgoModel(config), source, stage, lambda model, step: {}, sights=_Sights())
    optimizer = torch.optim.AdamW(task.module.parameters(), 1e-2)
    missed = []
    for step in range(80):
        loss, metrics = task.loss(task.batch(step), step)
        missed.append(float(metrics["aims"]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert metrics["words"] < 0.3
    assert missed[-1] < 0.7 * missed[0]


def test_an_arm_that_nobody_speaks_of_keeps_still() -> None:
    source = Mixture([Pool(grids(), 1.0)], rest=np.array([15, 15], np.int16))
    row = source.row(np.random.default_rng(0), 40)
    assert (row.grid.act == 15).all()
    assert row.grid.act.shape == (40, 2)
    assert (row.grid.act_weight > 0).all()


def test_senses_are_missing_or_stop_now_and_then() -> None:
    still = {"touch": np.arange(6, dtype=np.float32).reshape(3, 2)}
    source = Mixture([Pool(grids(), 1.0)], still=still)
    rows = [source.row(np.random.default_rng(i), 100) for i in range(12)]
    felt = [row.senses["touch"] for row in rows if "touch" in row.senses]
    assert all(len(f) == 100 for f in felt)
    assert any((f.which < 0).any() for f in felt)
    assert any(f.stale.any() for f in felt)
    assert all(set(f.values[f.which[f.which >= 0]].flatten()) <= set(range(6)) for f in felt)
    one = fresh(still["touch"], np.array([0, 1, 2, 2, 2, 2, 2]))
    made = [failing(one, np.random.default_rng(i), 3) for i in range(100)]
    assert any((m.which == NO_READING).all() for m in made)
    for m in (m for m in made if m.stale.any()):
        frame = int(np.flatnonzero(m.stale)[0])
        assert (m.which[frame - 3 :] == m.which[frame]).all()
