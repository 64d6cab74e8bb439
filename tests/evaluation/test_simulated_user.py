"""The simulated user: takes turns, waits for Ego, gives up when there is no answer."""

import numpy as np

from roboego.evaluation.simulated_user import Leak, Patience, SimulatedUser

FRAME = 1_920


def tone(frames: int) -> np.ndarray:
    return (0.2 * np.sin(np.arange(frames * FRAME) / 20)).astype(np.float32)


def run(user: SimulatedUser, ego_frames: set[int], longest: int = 400) -> int:
    """Steps until the user is done; Ego speaks in `ego_frames`."""
    for t in range(longest):
        if user.done:
            return t
        assert user.speak().shape == (FRAME,)
        user.hear(tone(1) if t in ego_frames else np.zeros(FRAME, np.float32))
    return longest


def test_speaks_what_it_was_given_in_order() -> None:
    user = SimulatedUser(turns=[tone(5), tone(3)], patience=Patience(first=0.8, no_answer=1.6))
    heard = []
    while not user.done:
        heard.append(user.speak())
    track = np.concatenate(heard)
    assert [t.start for t in user.went] == [10 * FRAME, user.went[1].start]
    for turn, sound in zip(user.went, user.turns, strict=True):
        np.testing.assert_array_equal(track[turn.start : turn.end], sound)


def test_waits_until_ego_has_finished() -> None:
    user = SimulatedUser(turns=[tone(5), tone(3)], patience=Patience(first=0.0, gap=0.4, quiet=0.8))
    run(user, set(range(8, 30)))
    assert user.went[1].start >= 31 * FRAME + int(1.2 * 24_000)
    assert user.went[1].start <= 33 * FRAME + int(1.3 * 24_000)


def test_goes_on_when_nobody_answers() -> None:
    user = SimulatedUser(turns=[tone(5), tone(3)], patience=Patience(first=0.0, gap=0.0, no_answer=1.6))
    assert run(user, set()) < 400
    assert len(user.went) == 2


def test_comes_in_while_ego_speaks() -> None:
    user = SimulatedUser(turns=[tone(5), tone(3)], patience=Patience(first=0.0), meanwhile={1: 0.4})
    run(user, set(range(8, 60)))
    assert user.went[1].start == (9 + 5) * FRAME  # what Ego says in a step is heard a frame later


def test_hears_itself_out_where_there_is_nothing_to_come_in_to() -> None:
    user = SimulatedUser(turns=[tone(5), tone(3)], patience=Patience(first=0.0, gap=0.0, no_answer=1.6), meanwhile={1: 0.4})
    assert run(user, set()) < 400
    assert user.went[1].start == (5 + 20) * FRAME


def test_ego_leaks_back_late_and_soft() -> None:
    user = SimulatedUser(turns=[tone(1)], patience=Patience(first=8.0), leak=Leak(level_db=-20.0, delay_s=0.2))
    said = [np.random.default_rng(t).normal(0, 0.1, FRAME).astype(np.float32) for t in range(10)]
    heard = []
    for frame in said:
        heard.append(user.speak())
        user.hear(frame)
    played = np.concatenate([np.zeros(FRAME, np.float32), *said])
    late = np.concatenate([np.zeros(4_800, np.float32), played])[: 10 * FRAME]
    np.testing.assert_allclose(np.concatenate(heard), late / 10, atol=1e-7)


def test_a_user_may_be_told_to_say_the_next_thing_now() -> None:
    user = SimulatedUser(turns=[tone(2), tone(2)], patience=Patience(first=3_600.0, quiet=np.inf, no_answer=np.inf))
    for told in (2, 5):
        while user.clock < told * FRAME:
            assert not user.speak().any()
        user.come_in()
        assert user.speak().any()
        assert user.speak().any()
    assert [turn.start for turn in user.went] == [2 * FRAME, 5 * FRAME]
    assert not user.done
