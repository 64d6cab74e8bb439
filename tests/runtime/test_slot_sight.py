"""Every step is given its slot's latest picture, with its details, and no other."""

from typing import Any

import numpy as np
import pytest
import torch

from roboego.model.glance import Details
from roboego.model.loaded import LoadedModel
from roboego.model.model import StepInput
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, StepIn
from roboego.runtime.session import Session
from tiny import LIVELY, TINY_GLANCE, glancing_loaded

FRAMES = 14


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.fixture
def loaded() -> LoadedModel:
    """Pictures reach this model through its glance alone."""
    return glancing_loaded(vision_width=0, context_width=0)


def numbers(frame: Frame) -> list[int]:
    return [frame.token, *frame.codes.tolist()]


def seen_by(session: Session, pictures: dict[int, Any], frames: int = FRAMES) -> list[list[int]]:
    return [numbers(session.step(look=pictures.get(t))) for t in range(frames)]


def alone(loaded: LoadedModel, pictures: dict[int, Any]) -> list[list[int]]:
    with Engine(loaded, see_in_background=False) as engine, engine.open(sampling=LIVELY) as session:
        return seen_by(session, pictures)


def glances(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> list[Details | None]:
    """What steps are given to glance at, from now on."""
    given: list[Details | None] = []
    step = loaded.model.step

    def watched(step_in: StepInput, *rest: Any) -> Any:
        details = step_in.details
        given.append(None if details is None else Details(details.keys.clone(), details.values.clone(), details.seen.clone()))
        return step(step_in, *rest)

    monkeypatch.setattr(loaded.model, "step", watched)
    return given


def test_what_is_glanced_at_changes_what_is_written(loaded: LoadedModel) -> None:
    blind, one, other = alone(loaded, {}), alone(loaded, {3: picture(0)}), alone(loaded, {3: picture(1)})
    assert one[:3] == other[:3] == blind[:3]
    assert len({str(run) for run in (blind, one, other)}) == 3
    assert alone(loaded, {3: picture(0)}) == one


def test_behind_a_closed_gate_it_changes_nothing(loaded: LoadedModel) -> None:
    glance = loaded.model.glance
    assert glance is not None
    glance.gate.zero_()
    assert alone(loaded, {3: picture(0)}) == alone(loaded, {})


def test_details_can_be_left_out(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with Engine(loaded, see_in_background=False) as engine, engine.open(details=False) as session:
        given = glances(loaded, monkeypatch)
        for look in (None, picture(0), None):
            session.step(look=look)
    assert given == [None] * 3


def test_a_step_glances_at_the_latest_picture_of_its_slot(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded.vision is not None
    assert loaded.model.glance is not None
    with Engine(loaded, slots=2, see_in_background=False) as engine:
        first, second = engine.open(), engine.open()
        given = glances(loaded, monkeypatch)
        shown = [(None, None), (picture(0), None), (picture(1), picture(2)), (None, None)]
        for one, other in shown:
            engine.tick({first: StepIn(look=one), second: StepIn(look=other)})
    see = engine._see
    assert see is not None
    assert given[0] is None  # nothing to look for yet
    for details, latest in zip(given[1:], [(0, None), (1, 2), (1, 2)], strict=True):
        assert details is not None
        assert details.seen.tolist() == [seed is not None for seed in latest]
        for slot, seed in enumerate(latest):
            if seed is not None:
                keys, values = loaded.model.glance.details(see(picture(seed))[1][None])
                assert torch.equal(details.keys[slot], keys[0])
                assert torch.equal(details.values[slot], values[0])


def test_slots_do_not_see_each_others_pictures(loaded: LoadedModel) -> None:
    expected = [alone(loaded, {4: picture(0)}), alone(loaded, {0: picture(1), 7: picture(2)}), alone(loaded, {})]
    looks: list[dict[int, Any]] = [{4: picture(0)}, {0: picture(1), 7: picture(2)}, {}]
    got: list[list[list[int]]] = [[], [], []]
    with Engine(loaded, slots=3, see_in_background=False) as engine:
        sessions = [engine.open(sampling=LIVELY) for _ in looks]
        for t in range(2 * FRAMES):
            # They do not keep step.
            chosen = [i for i in range(3) if len(got[i]) < FRAMES and (t * 7919 + i) % 3 != 1]
            results = engine.tick({sessions[i]: StepIn(look=looks[i].get(len(got[i]))) for i in chosen})
            for i in chosen:
                frame = results[sessions[i]]
                assert isinstance(frame, Frame)
                got[i].append(numbers(frame))
    assert [run[: len(e)] for run, e in zip(expected, got, strict=True)] == got
    assert min(map(len, got)) >= FRAMES // 2


def test_a_slot_opened_anew_has_seen_nothing(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = alone(loaded, {})
    with Engine(loaded, slots=2, see_in_background=False) as engine:
        with engine.open(sampling=LIVELY) as session:
            seen_by(session, {0: picture(0)}, 3)
        neighbour = engine.open(sampling=LIVELY)  # in the same slot
        assert seen_by(neighbour, {}) == expected
        with engine.open(sampling=LIVELY) as session:
            seen_by(session, {0: picture(0)}, 3)
        given = glances(loaded, monkeypatch)
        neighbour.step()
        assert given[0] is not None  # a closed session's picture stays until its slot is taken
        with engine.open(sampling=LIVELY) as session:
            assert seen_by(session, {}) == expected
    assert given[1:] == [None] * FRAMES


def test_a_vector_has_no_details(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = glancing_loaded()
    vector = torch.randn(8, generator=torch.Generator().manual_seed(0))
    with Engine(loaded, slots=2, see_in_background=False) as engine:
        given = glances(loaded, monkeypatch)
        session, neighbour = engine.open(sampling=LIVELY), engine.open(sampling=LIVELY)
        engine.tick({session: StepIn(look=picture(0)), neighbour: StepIn(look=picture(1))})
        engine.tick({session: StepIn(look=vector), neighbour: StepIn()})
        session.step(look=picture(2))
        neighbour.step(look=vector)
    seen = [None if details is None else details.seen.tolist() for details in given]
    assert seen == [[True, True], [False, True], [True, True], [True, False]]
    assert given[1] is not None
    assert not given[1].keys[0].any()
    assert given[1].keys.shape == (2, TINY_GLANCE.heads, TINY_GLANCE.tokens + 1, TINY_GLANCE.head_dim)
