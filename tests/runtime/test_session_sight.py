"""What a session can be shown, what becomes of pictures that cannot be seen, and ways of seeing that a model does not have."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.perception.latest import encoder
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, NotSeen
from roboego.runtime.session import Session
from roboego.runtime.session_sight import SessionSight
from tiny import GREEDY, glancing_loaded, tiny_config, tiny_loaded

TIMEOUT_S = 30.0
SHADE = np.full((6, 6, 3), 90, np.uint8)


def not_seen(session: Session, look: Any) -> list[str]:
    """Shows a picture; why it was not seen, which is told in the frame that it is given in or, once it has been looked at, the next one."""
    frames = [session.step(look=look)]
    assert session.sight._eye is not None
    assert session.sight._eye.settle(TIMEOUT_S)
    frames.append(session.step())
    return [event.reason for frame in frames for event in frame.events if isinstance(event, NotSeen)]


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("sight", ["stream", "context", "auto"])
def test_pictures_of_any_kind_are_seen_or_told_of_and_end_nothing(sight: Any, background: bool) -> None:
    seen = [
        np.zeros((4, 4, 3), np.uint8),  # black
        np.zeros((2_000, 3_000), np.uint8),  # huge and gray
        np.ones((1, 1, 3), np.float32),  # tiny
        Image.new("CMYK", (9, 5)),
        Image.new("1", (9, 5)),
        Image.new("RGBA", (5, 9), (200, 0, 0, 30)),
    ]
    broken = [np.zeros((4, 4, 2), np.uint8), np.full((4, 4, 3), np.nan), np.zeros((0, 4, 3), np.uint8), Image.new("RGB", (0, 3)), "a.png"]
    with Engine(glancing_loaded(), see_in_background=background) as engine, engine.open(sight=sight) as session:
        for look in seen:
            assert not_seen(session, look) == []
        for look in broken:
            (reason,) = not_seen(session, look)
            assert reason
        assert not_seen(session, SHADE) == []
        assert session.is_open
        assert (engine.counts.not_seen, engine.counts.failures) == (len(broken), 0)


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize(
    "made",
    [
        (torch.zeros(8), torch.zeros(5, 8)),
        (torch.zeros(8), torch.zeros(4, 9)),
        (torch.zeros(8), torch.full((4, 8), torch.nan)),
        (torch.full((8,), torch.inf), torch.zeros(4, 8)),
        None,
    ],
    ids=["count", "width", "tokens", "vector", "nothing"],
)
def test_what_the_encoder_makes_is_looked_at_before_it_is_seen(made: Any, background: bool) -> None:
    loaded = glancing_loaded()
    assert loaded.vision is not None
    fine, wrong = encoder(loaded.vision), [False]

    def see(picture: Any) -> Any:
        return made if wrong[0] else fine(picture)

    def in_sight(engine: Engine) -> list[torch.Tensor]:
        look, details = engine._sight._look, engine._sight._details
        assert look is not None
        assert details is not None
        return [look.clone(), details.keys.clone(), details.values.clone()]

    with Engine(loaded, see=see, see_in_background=background) as engine, engine.open(sight="context") as session:
        assert not_seen(session, SHADE) == []
        before, wrong[0] = in_sight(engine), True
        assert len(not_seen(session, SHADE + 9)) == 1
        assert all(map(torch.equal, in_sight(engine), before))
        assert (engine.counts.context_pictures, session.is_open) == (1, True)


@pytest.mark.parametrize("vector", [torch.full((8,), torch.nan), torch.zeros(9), torch.zeros(1, 8)], ids=["nan", "width", "shape"])
def test_vectors_that_cannot_be_seen_cost_nothing(vector: torch.Tensor) -> None:
    with Engine(glancing_loaded(), see_in_background=False) as engine, engine.open(sight="auto") as session:
        session.step(look=SHADE)
        with pytest.raises(InputError, match="8 finite numbers"):
            session.step(look=vector)
        assert session.step().index == 1


def test_a_vector_outruns_the_pictures_given_before_it() -> None:
    """A picture is still being encoded when a later one comes as a vector: it does not take its place."""
    loaded, go, begun = glancing_loaded(), threading.Event(), threading.Event()

    def see(picture: Any) -> tuple[torch.Tensor, torch.Tensor]:
        begun.set()
        assert go.wait(TIMEOUT_S)
        return torch.ones(8), torch.ones(4, 8)

    sight = SessionSight(loaded, see, policy="context")
    assert sight.look(SHADE, 0) is None
    assert begun.wait(TIMEOUT_S)
    vector = sight.look(torch.zeros(8), 1)
    assert vector is not None
    assert vector.details is None
    go.set()
    assert sight._eye is not None
    assert sight._eye.settle(TIMEOUT_S)
    assert sight.look(None, 2) is None
    assert sight.context is not None
    assert sight.context.asked_ns is None
    sight.look(SHADE, 3)
    assert sight._eye.settle(TIMEOUT_S)
    later = sight.look(None, 4)
    assert later is not None
    assert later.details is not None
    assert sight.context.asked_ns is not None
    sight.close()


def opened(loaded: LoadedModel, **named: Any) -> Frame:
    with Engine(loaded, see_in_background=False) as engine, engine.open(sampling=GREEDY, **named) as session:
        return session.step(look=SHADE)


def test_ways_of_seeing_that_are_not_there() -> None:
    for sight in ("context", "auto"):
        with pytest.raises(InputError, match="tiny takes no pictures into its context: open the session with sight='stream'"):
            opened(tiny_loaded(), sight=sight)
        with pytest.raises(InputError, match="pass `see` to Engine"):
            opened(replace(glancing_loaded(), vision=None), sight=sight)
    with pytest.raises(InputError, match="unknown sight 'sharp': choose one of stream, context, auto"):
        opened(glancing_loaded(), sight="sharp")
    for unsure in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="a probability from 0 to 1"):
            opened(glancing_loaded(), sight="auto", unsure=unsure)
    context_alone = glancing_loaded(vision_width=0, glance=None)
    with pytest.raises(InputError, match="sees pictures in its context alone: open the session with sight='context'"):
        opened(context_alone)
    assert opened(context_alone, sight="context").context_lag == 0
    with Engine(context_alone).open() as session, pytest.raises(InputError, match="takes no vectors of pictures: give the picture itself"):
        session.step(look=torch.zeros(8))
    with pytest.raises(InputError, match="does not see"):
        opened(tiny_loaded(tiny_config()))
    with Engine(tiny_loaded()).open() as session, pytest.raises(InputError, match="does not see"):
        session.step(look=torch.zeros(8))


def test_no_session_is_opened_in_a_way_that_is_not_there() -> None:
    with Engine(tiny_loaded()) as engine:
        with pytest.raises(InputError):
            engine.open(sight="context")
        assert engine.sessions == ()
        assert engine.open().sight.policy == "stream"
