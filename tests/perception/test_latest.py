"""Sight is latest-only and never waits: what is offered, replaced, encoded and broken."""

import os
import sys
import threading

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from roboego.errors import InputError
from roboego.perception.latest import LOWEST, LatestPicture, encoder
from roboego.perception.picture import Picture, to_pixels
from roboego.perception.vit import ViT, ViTConfig

SMALL = ViTConfig(image_size=16, patch_size=8, width=8, layers=1, heads=2, hidden=8)
TIMEOUT_S = 30.0


def shade(level: int) -> np.ndarray:
    return np.full((4, 4, 3), level, np.uint8)


class SlowEye:
    """Encodes a picture's first value, and only when it is let."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
        self.begun.release()
        assert self.go.acquire(timeout=TIMEOUT_S)
        value = torch.tensor([float(np.asarray(picture).flat[0])])
        return value, value[None]


def test_the_latest_picture_is_what_the_encoder_makes_of_it() -> None:
    torch.manual_seed(0)
    vit = ViT(SMALL)
    with LatestPicture(encoder(vit)) as eye:
        assert eye.latest() is None
        eye.offer(shade(200))
        assert eye.settle(TIMEOUT_S)
        sight = eye.latest()
    assert sight is not None
    expected = vit(to_pixels(shade(200), 16)[None])
    assert_close(sight.vector, expected.vector[0])
    assert_close(sight.tokens, expected.tokens[0])
    assert sight.number == 1
    assert sight.offered_ns <= sight.ready_ns


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_steps_go_before_the_encoder() -> None:
    found: list[int] = []

    def encode(picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return torch.zeros(1), torch.zeros(1, 1)

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with LatestPicture(encode) as eye:
        eye.offer(shade(1))
        assert eye.settle(TIMEOUT_S)
    assert found == [LOWEST]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_a_picture_replaces_the_one_that_waits() -> None:
    slow = SlowEye()
    with LatestPicture(slow) as eye:
        eye.offer(shade(1))
        assert slow.begun.acquire(timeout=TIMEOUT_S)
        for level in (2, 3, 4):
            eye.offer(shade(level))
        # While the first is being encoded, nobody waits for it.
        assert eye.latest() is None
        assert not eye.settle(0.0)
        slow.go.release()
        slow.go.release()
        assert eye.settle(TIMEOUT_S)
        sight = eye.latest()
        assert sight is not None
        assert (float(sight.vector), sight.number) == (4.0, 4)
        assert (eye.counts.offered, eye.counts.encoded, eye.counts.replaced, eye.counts.broken) == (4, 2, 2, 0)


@pytest.mark.parametrize("background", [True, False])
def test_broken_pictures_leave_what_was_seen(background: bool) -> None:
    with LatestPicture(encoder(ViT(SMALL)), background=background) as eye:
        eye.offer(shade(9))
        assert eye.settle(TIMEOUT_S)
        before = eye.latest()
        eye.offer(np.full((4, 4, 3), np.nan))
        assert eye.settle(TIMEOUT_S)
        assert eye.latest() is before
        assert "divide" in str(eye.failure)
        assert eye.counts.broken == 1
        eye.offer(shade(3))
        assert eye.settle(TIMEOUT_S)
        assert eye.latest() is not before


def test_without_a_thread_a_picture_is_ready_at_once() -> None:
    with LatestPicture(encoder(ViT(SMALL)), background=False) as eye:
        eye.offer(shade(1))
        sight = eye.latest()
        assert sight is not None
        assert sight.number == 1


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize(
    "wrong", [torch.zeros(9), torch.zeros(1, 8), torch.full((8,), torch.nan), torch.full((8,), 1e39, dtype=torch.float64)]
)
def test_what_an_encoder_makes_of_a_picture_is_checked(wrong: torch.Tensor, background: bool) -> None:
    made = [torch.ones(8), wrong]

    def see(picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
        return made.pop(0), torch.zeros(0, 8)

    with LatestPicture(see, width=8, background=background) as eye:
        eye.offer(shade(1))
        assert eye.settle(TIMEOUT_S)
        before = eye.latest()
        assert before is not None
        eye.offer(shade(2))
        assert eye.settle(TIMEOUT_S)
        assert eye.latest() is before
        assert "8 finite numbers" in str(eye.failure)


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize(
    ("wrong", "count"),
    [
        (torch.zeros(4, 9), 4),
        (torch.zeros(5, 8), 4),
        (torch.zeros(4, 8, 1), 4),
        (torch.zeros(0, 8), None),
        (torch.full((4, 8), torch.nan), None),
    ],
    ids=["width", "count", "shape", "none", "nan"],
)
def test_tokens_are_checked_where_they_are_looked_at(wrong: torch.Tensor, count: int | None, background: bool) -> None:
    made = [torch.ones(4, 8), wrong]
    with LatestPicture(lambda picture: (torch.zeros(8), made.pop(0)), tokens=(count, 8), background=background) as eye:
        for level in (1, 2):
            eye.offer(shade(level))
            assert eye.settle(TIMEOUT_S)
        sight = eye.latest()
    assert sight is not None
    assert (sight.number, eye.counts.broken) == (1, 1)
    assert "8 finite numbers each" in str(eye.failure)


@pytest.mark.parametrize("background", [True, False])
def test_details_are_made_with_the_picture(background: bool) -> None:
    with LatestPicture(encoder(ViT(SMALL)), details=lambda tokens: (tokens + 1, tokens - 1), background=background) as eye:
        eye.offer(shade(1))
        assert eye.settle(TIMEOUT_S)
        sight = eye.latest()
    assert sight is not None
    assert sight.details is not None
    assert_close(sight.details[0] - sight.details[1], torch.full_like(sight.tokens, 2))


@pytest.mark.parametrize("background", [True, False])
def test_a_failing_encoder_is_heard_of_and_may_do_better_next_time(background: bool) -> None:
    def see(picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
        value = int(np.asarray(picture).flat[0])
        return torch.tensor([1 / value]), torch.zeros(0, 1)

    with LatestPicture(see, background=background) as eye:
        eye.offer(shade(0))
        assert eye.settle(TIMEOUT_S)
        assert eye.latest() is None
        assert "encoder failed (ZeroDivisionError: division by zero)" in str(eye.failure)
        assert isinstance(eye.failure.__cause__ if eye.failure else None, ZeroDivisionError)
        eye.offer(shade(1))
        assert eye.settle(TIMEOUT_S)
        assert (eye.counts.encoded, eye.counts.broken) == (1, 1)


@pytest.mark.parametrize("background", [True, False])
def test_nothing_is_offered_to_a_closed_eye(background: bool) -> None:
    eye = LatestPicture(encoder(ViT(SMALL)), background=background)
    eye.close()
    eye.close()
    with pytest.raises(InputError, match="closed"):
        eye.offer(shade(3))


def test_closing_waits_for_no_picture() -> None:
    slow = SlowEye()
    eye = LatestPicture(slow)
    eye.offer(shade(1))
    assert slow.begun.acquire(timeout=TIMEOUT_S)
    eye.offer(shade(2))
    eye.close()
    # The first is still being encoded, the second never will be.
    assert (eye.counts.encoded, eye.counts.replaced) == (0, 1)
    slow.go.release()
    assert eye.settle(TIMEOUT_S)
    assert (eye.counts.encoded, eye.counts.replaced) == (1, 1)
