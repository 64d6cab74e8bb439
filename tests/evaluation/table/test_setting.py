"""How episodes are played: by whom, and where."""

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.evaluation.surroundings import Surroundings
from roboego.evaluation.table import setting
from roboego.recipes.nano import senses
from tests.evaluation.table.tables import acting_loaded, lifting
from tiny import tiny_loaded


def test_the_experts_see_and_feel_nothing_and_are_heard_in_surroundings() -> None:
    by = setting.of_experts(Surroundings(name="fan-20db"))
    assert (by.picture, by.feel) == (0, None)
    (first, heard), (second, again) = by.play([lifting(), lifting()])
    assert first == second
    assert first.done
    assert np.abs(heard.user[:1_920]).max() > 0
    assert not np.array_equal(heard.user, again.user)


def test_a_model_is_given_what_it_takes() -> None:
    actor = setting.of_actor(acting_loaded(model={"senses": senses()}))
    assert (actor.picture, actor.bins.bins) == (16, 31)
    assert actor.feel is not None
    assert set(actor.feel.shapes) == {"body", "touch", "points"}
    assert setting.of_actor(acting_loaded()).feel is None
    for needs in (setting.of_actor, setting.of_feeler):
        with pytest.raises(InputError, match="does not"):
            needs(tiny_loaded())
