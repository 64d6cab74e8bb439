"""What sessions feel: readings reach their slot alone, and those that stop, or make no sense, are told."""

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.model.senses import FRESH, NONE, STALE
from roboego.runtime.engine import Engine
from roboego.runtime.frame import NotFelt
from roboego.runtime.session_senses import SessionSenses
from tests.tiny import POINTS, TOUCH, feeling_loaded


def codes(engine: Engine, senses: list[dict[str, object] | None]) -> list[list[int]]:
    with engine.open() as session:
        return [session.step(sense=sense).codes.tolist() for sense in senses]  # type: ignore[arg-type]


def test_what_is_felt_reaches_the_step_and_its_own_slot_alone() -> None:
    engine = Engine(feeling_loaded(), slots=2)
    nothing: list[dict[str, object] | None] = [None] * 6
    quiet = codes(engine, nothing)
    touched = codes(engine, [{"touch": [1.0, 3.0]}, *nothing[1:]])
    assert touched != quiet
    assert codes(engine, nothing) == quiet  # the slot was cleared
    with engine.open() as one, engine.open() as two:
        found = []
        for i in range(6):
            one.step(sense={"touch": [float(i), 1.0], "points": np.ones((3, 3))})
            found.append(two.step().codes.tolist())
    assert found == quiet


def test_readings_that_stop_coming_and_broken_ones_are_told_and_the_session_goes_on() -> None:
    with Engine(feeling_loaded()).open() as session:
        events = [session.step(sense={"touch": [1.0, 1.0]} if i == 0 else None).events for i in range(5)]
        lost = [e for frame in events for e in frame if isinstance(e, NotFelt)]
        assert [e.sense for e in lost] == ["touch"]
        assert "no reading came for 2 frames" in lost[0].reason
        assert session.step(sense={"touch": [1.0, 1.0]}).events == ()
        (broken,) = session.step(sense={"touch": [float("nan"), 1.0]}).events
        assert isinstance(broken, NotFelt)
        assert "NaN" in broken.reason
        assert len(session.step().speech) == 1920


def test_how_it_stands_with_a_sense() -> None:
    senses = SessionSenses("m", (TOUCH, POINTS))

    def stands(given: dict[str, object] | None) -> tuple[int, int]:
        standing = senses.feel(senses.checked(given)).standing  # type: ignore[arg-type]
        return standing["touch"], standing["points"]

    assert stands(None) == (NONE, NONE)
    assert stands({"touch": [0, 0]}) == (FRESH, NONE)
    assert stands({"points": [[0, 0, 1]] * 9}) == (FRESH, FRESH)
    assert stands(None) == (STALE, FRESH)
    senses.use(["points"])
    assert stands({"touch": [0, 0]}) == (NONE, STALE)
    senses.use(["touch", "points"])
    assert stands({"touch": [0, 0]}) == (FRESH, STALE)


def test_what_cannot_be_felt_is_told() -> None:
    senses = SessionSenses("m", (TOUCH, POINTS))
    for given, what in (
        ({"smell": [1.0]}, "m has no sense smell; it has touch, points"),
        ({"touch": [1.0]}, "2 numbers"),
        ({"touch": "soft"}, "made of numbers"),
        ({"points": [1.0, 2.0, 3.0]}, "points"),
        ([1.0, 2.0], "mapping of names"),
    ):
        with pytest.raises(InputError, match=what):
            senses.checked(given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no sense smell"):
        senses.use(["smell"])
    with pytest.raises(InputError, match="no stream for senses"):
        SessionSenses("m", ()).checked({"touch": [1.0]})
    cloud = senses.checked({"points": np.arange(27).reshape(9, 3)})["points"]
    assert cloud.shape == (4, 3)
    assert (senses.checked({"points": np.zeros((0, 3))})["points"] == 0).all()
