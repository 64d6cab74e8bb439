"""Who plays: the engine's sessions, or the script, several or one at a time."""

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.table.abilities import feel
from roboego.evaluation.table.ego import ModelEgo, ScriptedEgo, play
from roboego.evaluation.table.episode import Episode
from roboego.evaluation.table.plan import Meanwhile
from roboego.model.config import SenseConfig
from roboego.runtime.frame import NotFelt
from tests.evaluation.table.tables import BINS, acting_loaded, lifting
from tiny import tiny_loaded


def test_a_model_hears_sees_and_moves_in_several_episodes_at_once() -> None:
    ego = ModelEgo(EnginePartner(acting_loaded(), slots=2))
    parts = [Episode(lifting(), bins=BINS, picture=16) for _ in range(3)]
    found = play(ego, iter(parts), longest=6)
    assert next(found) is parts[0]
    assert [part.frames for part in parts[1:2]] == [6]
    assert list(found) == parts[1:]
    for part in parts:
        assert part.frames == 6
        assert all(frame.action is not None and frame.action.shape == (4,) for frame in part.talked.frames)
    assert np.array_equal(parts[0].speeds, parts[2].speeds)  # greedy, and alike


def test_a_model_feels_what_the_robot_feels() -> None:
    loaded = acting_loaded(model={"senses": (SenseConfig(name="touch", size=2), SenseConfig(name="points", size=3, points=8))})
    part = Episode(lifting(), bins=BINS, picture=32, feel=feel(loaded))
    list(play(ModelEgo(EnginePartner(loaded, slots=1)), [part], longest=7))
    assert part.frames == 7
    events = [event for frame in part.talked.frames for event in frame.events]
    assert [event.sense for event in events if isinstance(event, NotFelt)] == ["points"]  # measured every five frames, fresh for three


def test_a_model_that_reads_nothing_says_so() -> None:
    plan = lifting(meanwhile=Meanwhile(after_frames=0, typed="go on."), halts=True)
    ego = ModelEgo(EnginePartner(acting_loaded(reads=False), slots=1))
    with pytest.raises(InputError, match="no read stream"):
        list(play(ego, [Episode(plan, bins=BINS, picture=16)], longest=20))


def test_a_model_that_does_not_see_says_so() -> None:
    with pytest.raises(InputError, match="does not see"):
        list(play(ModelEgo(EnginePartner(tiny_loaded(), slots=1)), [Episode(lifting(), bins=BINS, picture=16)], longest=2))


def test_the_script_plays_one_after_another() -> None:
    parts = list(play(ScriptedEgo(), [Episode(lifting(), bins=BINS) for _ in range(2)]))
    assert [part.done_at for part in parts] == [parts[0].done_at] * 2
    assert parts[0].done_at is not None
