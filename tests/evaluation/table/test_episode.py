"""One episode: what Ego is given, and what its actions do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from roboego.data.episodes import LOOK_EVERY
from roboego.evaluation.table import episode as episodes
from roboego.evaluation.table.abilities import Feel
from roboego.evaluation.table.ego import Script
from roboego.evaluation.table.episode import Episode
from roboego.evaluation.table.plan import Meanwhile
from roboego.runtime.frame import SILENCE, Frame, StepIn
from roboego.sim.tasks import Task
from tests.evaluation.table.tables import BINS, FRAME, LIFT, SCENE, lifting, played, stopping, tone

FELT = Feel(shapes={"body": (11,), "touch": (2,)})


def frame(t: int, bins: Sequence[int] | None, text: str = "") -> Frame:
    return Frame(
        index=t,
        speech=SILENCE,
        codes=np.zeros(0, np.int64),
        token=0,
        text=text,
        caption=0,
        heard="",
        action=None if bins is None else np.array(bins),
        spoken_upto=0,
        spoken_text="",
    )


def led(episode: Episode, frames: int, bins: Sequence[int] | None = None) -> list[StepIn]:
    """What is given in so many frames to an Ego whose action is always the same."""
    given = []
    for _ in range(frames):
        given.append(episode.give())
        episode.take(frame(episode.frames, bins))
    return given


def test_the_request_is_heard_and_then_met() -> None:
    episode = played(lifting())
    assert episode.done_at is not None
    assert episode.table.held == 1
    heard = episode.talked.user
    assert np.abs(heard[: FRAME * 6]).max() == 0  # the user begins after half a second
    assert np.abs(heard).max() > 0.1
    assert len(heard) == len(episode.talked.ego) == episode.frames * FRAME
    assert episode.asked is not None
    assert not any(episode.speeds[: episode.asked])
    assert episode.frames == episode.done_at + episodes.AFTER_FRAMES


def test_what_happens_meanwhile_happens_once_the_arm_has_moved_for_a_while() -> None:
    episode = played(stopping())
    assert episode.happened_at is not None
    assert episode.happened is not None
    assert sum(s >= 0.03 for s in episode.speeds[: episode.happened_at]) == 5
    assert episode.done_at is None
    assert episode.frames == episode.happened + episodes.WATCHED_FRAMES


def test_an_arm_that_never_moves_is_not_talked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "LONGEST_FRAMES", 15)

    class Idle:
        slots = 1

        def begin(self, parts: Sequence[Episode]) -> "Idle":
            return self

        def give(self, given: Mapping[int, StepIn]) -> dict[int, Frame]:
            return {i: frame(0, None) for i in given}

        def __enter__(self) -> "Idle":
            return self

        def __exit__(self, *failure: Any) -> None: ...

    episode = played(stopping(), Idle())  # type: ignore[arg-type]
    assert (episode.happened_at, episode.moved) == (None, False)
    assert len(episode.user.went) == 1


def test_actions_move_the_arm_and_late_ones_hold_it() -> None:
    with Episode(lifting(), bins=BINS) as episode:
        before = episode.table.tip[0]
        led(episode, 3, [30, 15, 15, 15])
        assert episode.table.tip[0] - before > 0.05
        assert episode.moved
        led(episode, 6, None)  # the guard waits for two frames
        assert episode.speeds[-1] < 0.03


def test_the_camera_shows_a_picture_now_and_then_and_may_freeze_or_be_black() -> None:
    meanwhile = Meanwhile(after_frames=2, camera="frozen")
    with Episode(lifting(meanwhile=meanwhile, halts=True), bins=BINS, picture=32) as episode:
        given = led(episode, 13)
        given += led(episode, 11, [15, 0, 0, 15])  # towards the camera, and down
    looks = {t: step_in.look for t, step_in in enumerate(given) if step_in.look is not None}
    assert set(looks) == set(range(0, 24, LOOK_EVERY))
    assert episode.happened_at == 15
    assert np.array_equal(looks[20], looks[10])
    assert np.asarray(looks[0]).shape == (32, 32, 3)
    with Episode(lifting(camera="black"), bins=BINS, picture=32) as episode:
        assert not np.any(led(episode, 1)[0].look)


def test_a_text_comes_with_what_is_said() -> None:
    meanwhile = Meanwhile(after_frames=1, text="stop.", sound=tone(2), typed="go on.")
    with Episode(lifting(meanwhile=meanwhile, halts=True), bins=BINS) as episode:
        given = led(episode, 20, [20, 15, 15, 15])
    read = [t for t, step_in in enumerate(given) if step_in.read is not None]
    assert read == [episode.happened_at]
    assert np.any(given[read[0]].listen)


def test_what_is_felt_is_given_by_name_and_may_be_withheld() -> None:
    with Episode(lifting(), bins=BINS, feel=FELT) as episode:
        sense = led(episode, 1)[0].sense
        assert {name: reading.shape for name, reading in sense.items()} == FELT.shapes
    with Episode(lifting(withheld=frozenset({"touch"})), bins=BINS, feel=FELT) as episode:
        assert set(led(episode, 1)[0].sense) == {"body"}
    with Episode(lifting(withheld=frozenset({"touch", "body"})), bins=BINS, feel=FELT) as episode:
        assert led(episode, 1)[0].sense is None


def test_the_camera_measures_points_when_it_looks() -> None:
    feel = Feel(shapes={"points": (16, 3)})
    with Episode(lifting(withheld=frozenset({"picture"})), bins=BINS, picture=48, feel=feel) as episode:
        given = led(episode, 2)
    assert given[0].look is None
    points = np.asarray((given[0].sense or {})["points"])
    assert 4 < len(points) <= 16
    assert points[:, 2].max() > 0.01
    assert given[1].sense is None


def test_pads_may_pretend() -> None:
    plan = lifting(task=None, feigned=True, about=1)
    with Episode(plan, bins=BINS, feel=FELT) as episode:
        sense = led(episode, 1)[0].sense
        assert episode.table.held is None
        assert episode.table.thing(1).position[2] < 0.06
        assert episode.table.pads.max() == 0
    assert min(sense["touch"]) > 1.0


def test_an_arm_that_is_led_does_not_hear_of_actions() -> None:
    plan = lifting(task=None, lead=Task(verb="point", thing=1), replies=("no.",))
    with Episode(plan, bins=BINS) as episode:
        while not episode.user.went:
            led(episode, 1, [0, 0, 0, 0])
        at = episode.table.tip
        led(episode, 5, [0, 0, 0, 0])
        assert np.linalg.norm(episode.table.tip - at) < 0.02
    assert episode.plan.scene is SCENE


def test_the_script_keeps_still_until_it_has_been_asked() -> None:
    with Episode(lifting(), bins=BINS) as episode:
        script = Script(episode)
        bins, text = script.next()
        assert (bins.tolist(), text) == (BINS.rest.tolist(), "")
        led(episode, 13)
        bins, text = script.next()
        assert (bins.tolist() != BINS.rest.tolist(), text) == (True, "i am lifting the cone.")
        assert script.next()[1] == ""
        assert episode.plan.task == LIFT
