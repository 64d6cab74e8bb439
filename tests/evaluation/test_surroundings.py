"""What is heard beside a simulated user: noise that goes on, rooms, lines."""

import numpy as np
import pytest

from roboego.data.acoustics.signal import active_level
from roboego.errors import InputError
from roboego.evaluation.simulated_user import Patience, SimulatedUser
from roboego.evaluation.surroundings import QUIET, Surroundings

FRAME = 1_920


def tone(frames: int) -> np.ndarray:
    return (0.2 * np.sin(np.arange(frames * FRAME) / 20)).astype(np.float32)


def test_quiet_changes_nothing() -> None:
    heard, background = QUIET.heard([tone(3)])
    assert np.array_equal(heard[0], tone(3))
    assert background is None


def test_noise_goes_on_beside_the_turns_at_its_level_and_repeats_by_its_seed() -> None:
    heard, background = Surroundings(name="fan-10db", seed=1).heard([tone(3)])
    assert background is not None
    assert np.array_equal(heard[0], tone(3))
    level = np.sqrt(np.mean(background**2))
    assert 20 * np.log10(active_level(tone(3)) / level) == pytest.approx(10.0, abs=1.0)
    again = Surroundings(name="fan-10db", seed=1).heard([tone(3)])[1]
    assert np.array_equal(background, again)
    user = SimulatedUser(turns=[tone(3)], heard_as=heard, background=background, patience=Patience(first=0.16))
    frames = np.stack([user.speak() for _ in range(5)])
    expected = background[: 5 * FRAME].copy()
    expected[2 * FRAME :] += tone(3)
    assert np.allclose(frames.reshape(-1), expected, atol=1e-6)


def test_a_room_is_heard_in_the_turn_which_stays_as_long() -> None:
    heard, background = Surroundings(name="room-large").heard([tone(3)])
    assert background is None
    assert len(heard[0]) == 3 * FRAME
    assert not np.allclose(heard[0], tone(3), atol=0.01)


@pytest.mark.parametrize("name", ["nowhere", "echo-15db"])
def test_unknown_surroundings_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        Surroundings(name=name)
