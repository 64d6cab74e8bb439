"""What a model can do at the table, and what is said where it cannot."""

from dataclasses import replace

import numpy as np
import pytest

from roboego.actions.robot import Sensed
from roboego.errors import InputError
from roboego.evaluation.table.abilities import Feel, action_bins, check_feels, feel, picture_size
from roboego.model.config import SenseConfig
from roboego.recipes.nano import senses
from tests.evaluation.table.tables import acting_loaded
from tiny import tiny_config, tiny_loaded

FELT = Sensed(body=np.arange(11.0), touch=np.array([1.0, 2.0]))


def test_what_it_lacks_is_told() -> None:
    blind = tiny_loaded()
    with pytest.raises(InputError, match="does not see"):
        picture_size(blind)
    with pytest.raises(InputError, match="does not act"):
        action_bins(blind)
    with pytest.raises(InputError, match="does not feel"):
        check_feels(blind)
    assert feel(blind) is None


def test_a_model_that_sees_and_acts() -> None:
    loaded = acting_loaded()
    assert picture_size(loaded) == 16
    assert (action_bins(loaded).dims, action_bins(loaded).bins) == (4, 31)
    with pytest.raises(InputError, match="encoder"):
        picture_size(replace(loaded, vision=None))


def test_another_robot_is_told() -> None:
    with pytest.raises(InputError, match="7 dimensions"):
        action_bins(tiny_loaded(tiny_config(action_dims=7, action_bins=31)))
    with pytest.raises(InputError, match=r"feels body as \[14\]"):
        feel(acting_loaded(model={"senses": (SenseConfig(name="body", size=14),)}))
    with pytest.raises(InputError, match="feels heat"):
        feel(acting_loaded(model={"senses": (SenseConfig(name="heat", size=1),)}))


def test_the_senses_of_the_recipe_are_those_of_the_robot_at_the_table() -> None:
    found = check_feels(acting_loaded(model={"senses": senses()}))
    assert set(found.shapes) == {"body", "touch", "points"}


def test_only_what_a_model_feels_is_given() -> None:
    found = check_feels(acting_loaded(model={"senses": (SenseConfig(name="touch", size=2), SenseConfig(name="points", size=3, points=4))}))
    assert found.points == 4
    measured = np.ones((2, 3), np.float32)
    readings = found.readings(FELT, measured, ())
    assert {name: reading.shape for name, reading in readings.items()} == {"touch": (2,), "points": (2, 3)}
    assert set(found.readings(FELT, None, ())) == {"touch"}
    assert found.readings(FELT, measured, {"touch", "points"}) == {}
    assert Feel(shapes={"body": (11,)}).points == 0
