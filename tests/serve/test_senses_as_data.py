"""What was seen, felt and done in a recorded conversation becomes data too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from roboego.data.importing.conversations import ImportedConversations, import_recordings
from roboego.data.importing.witnessed import Witnessed, WitnessWriter, witnessed_of
from roboego.data.pictures import PictureBank
from roboego.data.recorded import PICTURES, Heading
from roboego.data.shards import ShardReader
from roboego.data.workshop import Workshop
from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.perception.files import save_vit
from roboego.recipes import nano, recorded
from roboego.recipes.perform import at_rest, talking
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, StepIn
from roboego.serve.recording import Recorder
from roboego.streams.readings import NO_READING
from roboego.training.lesson import StageConfig
from roboego.training.rows import Mixture, Pool
from roboego.training.stage import StageTask
from tests.tiny import POINTS, TINY_GLANCE, TOUCH, obedient_loaded, tiny_vit

FRAMES, SAID, SHOWN = 40, 5, {3: 30, 12: 200}
"""Frames in which pictures come, and how bright they are."""


@pytest.fixture(scope="module")
def robot() -> LoadedModel:
    senses = {"senses": (TOUCH, POINTS), "vision_width": 8, "glance": TINY_GLANCE}
    return replace(obedient_loaded(looks=True, action_dims=2, action_bins=5, model=senses), vision=tiny_vit())


def held(robot: LoadedModel, folder: Path) -> list[Frame]:
    """A robot looks, feels, moves and says something; what it feels of points comes once, of touch in every frame until it does not."""
    recorder = Recorder(folder)
    recording = recorder.begin(Heading.of(robot, "duplex", started=0.0))
    frames = []
    with Engine(robot, see_in_background=False) as engine, engine.open() as session:
        for t in range(FRAMES):
            sense: dict[str, np.ndarray] = {"touch": np.array([t, -t], np.float32)} if t < 20 else {}
            if t == 4:
                sense["points"] = np.ones((4, 3), np.float32)
            if t == 7:
                sense["touch"] = np.array([np.nan, 0], np.float32)
            look = np.full((12, 20, 3), SHOWN[t], np.uint8) if t in SHOWN else None
            given = StepIn(look=look, sense=sense)
            frames.append(session.step(look=look, sense=sense, say="the red cup is on the table" if t == SAID else None))
            recording.put(given, frames[-1])
    recording.end()
    recorder.stop()
    return frames


def imported(robot: LoadedModel, folder: Path, to: Path) -> ImportedConversations:
    assert robot.codec is not None
    assert robot.tokenizer is not None
    shop = Workshop.of(robot.codec, robot.tokenizer)
    return import_recordings(folder, to / "grids", to / "pictures", shop=shop, layout=robot.model.config.layout, name="mine")


def witnessed(to: Path, grids: ShardReader) -> Witnessed:
    shapes = {sense.name: sense.shape for sense in (TOUCH, POINTS)}
    return Witnessed(to / "grids" / "dialogue-train-mine-00000.grids", grids.lengths, shapes, {"touch": 2, "points": 2})


def test_grids_hold_what_was_done_seen_and_felt(robot: LoadedModel, tmp_path: Path) -> None:
    frames = held(robot, tmp_path / "recorded")
    (taken,) = imported(robot, tmp_path / "recorded", tmp_path).conversations
    assert (taken.parts, taken.note) == (1, "")
    grids = ShardReader(tmp_path / "grids")
    grid = grids[0]
    assert grid.act.tolist() == [frame.action.tolist() for frame in frames[: len(grid)] if frame.action is not None]
    assert grid.act_weight.all()
    beside = witnessed(tmp_path, grids)
    assert beside.looks(0).tolist() == [-1] * 3 + [0] * 9 + [1] * (len(grid) - 12)
    bank = PictureBank(tmp_path / "pictures", "dialogue-train-mine")
    assert [round(float(bank[i].picture.mean())) for i in range(len(bank))] == list(SHOWN.values())
    felt = beside.senses(0)
    touch, points = felt["touch"], felt["points"]
    assert touch.values[touch.which[:9], 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 8]  # what is no number was not felt
    assert touch.stale.tolist() == [t >= 21 for t in range(len(grid))]
    assert points.which.tolist() == [NO_READING] * 4 + [0] * (len(grid) - 4)
    assert points.stale.tolist() == [t >= 6 for t in range(len(grid))]


def test_a_run_learns_from_them(robot: LoadedModel, tmp_path: Path) -> None:
    held(robot, tmp_path / "recorded")
    imported(robot, tmp_path / "recorded", tmp_path)
    assert robot.vision is not None
    save_vit(robot.vision, tmp_path / "tools" / "vit")
    prefix = "dialogue-train-mine-"
    run = replace(nano.whole(), model=robot.model.config, pools=((prefix, 1.0),), recorded=(prefix,), seen=0.0, acted=0.0)
    grids = ShardReader(sorted((tmp_path / "grids").glob(f"{prefix}*.grids")))
    beside = recorded.beside(run, prefix, tmp_path / "grids", grids.lengths)
    assert recorded.beside(run, "dialogue-train-", tmp_path / "grids", grids.lengths) is None
    sights = recorded.sights(run, tmp_path / "pictures", tmp_path / "tools")
    assert sights is not None
    assert len(sights.vectors) == len(SHOWN)
    mixture = Mixture([Pool(grids, 1.0, looks=beside, feelings=beside)], pictures=len(sights.vectors), rest=at_rest(run.model.layout))
    stage = StageConfig(rows=2, frames=30, phones=0.0)
    task = StageTask(robot.model.requires_grad_(True), mixture, stage, lambda model, step: {}, sights=sights)
    loss, metrics = task.loss(task.batch(0), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert metrics["act"] > 0
    moved = {name for name, p in robot.model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert {"fusion.senses.touch.out.weight", "fusion.senses.points.out.weight", "act_head.state.weight", "fusion.look.weight"} <= moved


def test_pictures_that_are_gone_are_told_and_the_rest_is_taken(robot: LoadedModel, tmp_path: Path) -> None:
    held(robot, tmp_path / "recorded")
    (folder,) = [path for path in (tmp_path / "recorded").iterdir() if path.is_dir()]
    min((folder / PICTURES).iterdir()).unlink()
    (taken,) = imported(robot, tmp_path / "recorded", tmp_path).conversations
    assert taken.note == "1 of its pictures cannot be read"
    assert witnessed(tmp_path, ShardReader(tmp_path / "grids")).looks(0).max() == 0


def test_an_arm_of_another_kind_is_told(robot: LoadedModel, tmp_path: Path) -> None:
    held(robot, tmp_path / "recorded")
    other = replace(robot, model=obedient_loaded(action_dims=3, action_bins=5).model)
    with pytest.raises(InputError, match="its arm has 2 dimensions, that of these grids 3"):
        imported(other, tmp_path / "recorded", tmp_path)


def test_grids_without_an_arm_go_with_any_model(robot: LoadedModel, tmp_path: Path) -> None:
    held(robot, tmp_path / "recorded")
    mute = replace(robot, model=obedient_loaded().model)
    imported(mute, tmp_path / "recorded", tmp_path)
    layout = robot.model.config.layout
    assert ShardReader(tmp_path / "grids", layout=layout)[0].act.shape[1] == 0
    with pytest.raises(InputError, match="another layout"):
        imported(robot, tmp_path / "recorded", tmp_path)
        ShardReader(tmp_path / "grids", layout=talking(layout))


def test_an_import_of_which_nothing_was_seen_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    shard = tmp_path / "dialogue-train-mine-00000.grids"
    first = WitnessWriter()
    first.add([(2, np.zeros((8, 8, 3), np.uint8))], {"touch": (np.array([1]), np.zeros((1, 2), np.float32))})
    first.save(shard, tmp_path / "pictures")
    assert witnessed_of(shard).exists()
    assert len(list((tmp_path / "pictures").iterdir())) == 2
    with pytest.raises(InputError, match="touch of shape \\[2\\], the model takes \\[3\\]"):
        Witnessed(shard, np.array([10]), {"touch": (3,)}, {})
    WitnessWriter().save(shard, tmp_path / "pictures")
    assert not witnessed_of(shard).exists()
    assert not list((tmp_path / "pictures").iterdir())
    with pytest.raises(InputError, match="import the conversations again"):
        Witnessed(shard, np.array([10]), {}, {})
