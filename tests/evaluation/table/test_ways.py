"""The same questions, seen in one way after another."""

import pytest

from roboego.errors import InputError
from roboego.evaluation.table.vqa import tables
from roboego.evaluation.table.ways import WAYS, check, compare
from tiny import glancing_loaded, seeing_loaded


def test_every_way_of_a_model_is_asked_the_same() -> None:
    shown = tables("espeak-en-us", 2, 32)
    found = compare(glancing_loaded(), shown)
    assert list(found) == list(WAYS)
    assert {way["answered_right"]["of"] for way in found.values()} == {2}
    into = {name: way["context"]["into_context"] for name, way in found.items()}
    assert (into["vector"], into["glances"], into["context"]) == (0, 0, 1)
    assert max(into["auto"], into["glances and auto"]) <= 1
    assert found["context"]["context"]["a_question"] == 0.5


def test_ways_that_a_model_lacks_are_left_out() -> None:
    shown = tables("espeak-en-us", 1, 32)
    assert list(compare(seeing_loaded(), shown)) == ["vector", "context", "auto"]
    with pytest.raises(InputError, match="sees in one way alone"):
        check(seeing_loaded(vision_width=8))
