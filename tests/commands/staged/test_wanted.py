"""Requests in free words, and tables for them."""

import pytest

from roboego.commands.staged.wanted import Wanted, plan_for, table_for, understood
from roboego.data.grounded.doing import spoken
from roboego.data.grounded.view import View
from roboego.errors import InputError
from roboego.evaluation.table.requests import DOES, plans
from roboego.sim.tasks import Task


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ("Put the red cube into the blue bowl!", Wanted(verb="put_into", thing="red cube", other="blue bowl")),
        ("could you please stack the small cube on top of a big box", Wanted(verb="put_on", thing="small cube", other="big box")),
        ("set the ball down", Wanted(verb="put_down", thing="ball")),
        ("set the ball beside the small green cone", Wanted(verb="put_next_to", thing="ball", other="small green cone")),
        ("push the cone to the left", Wanted(verb="push", thing="cone", way="left")),
        ("move the cone towards me.", Wanted(verb="push", thing="cone", way="closer")),
        ("lift the big black ball up", Wanted(verb="pick_up", thing="big black ball")),
        ("I want you to wave at me", Wanted(verb="wave")),
        ("go back home", Wanted(verb="go_home")),
    ],
)
def test_what_is_meant(request_: str, wanted: Wanted) -> None:
    assert understood(request_) == wanted


def test_everything_that_data_asks_for_is_understood() -> None:
    for plan in plans("do", "espeak-en-us", len(DOES)):
        assert plan.task is not None
        wanted = understood(plan.text)
        assert (wanted.verb, wanted.way) == (plan.task.verb, plan.task.way), plan.text
        for name, i in ((wanted.thing, plan.task.thing), (wanted.other, plan.task.other)):
            if name:
                assert i is not None
                assert name in View(plan.scene).names[i]


def test_what_is_asked_for_is_on_the_table() -> None:
    wanted = Wanted(verb="put_into", thing="red cube", other="blue bowl")
    scene, task = table_for(wanted, 0)
    assert task.thing is not None
    assert task.other is not None
    assert (task.verb, scene.things[task.thing].thing.shape, scene.things[task.other].thing.color) == ("put_into", "cube", "blue")
    assert View(scene).count("red cube") == View(scene).count("blue bowl") == 1
    assert table_for(wanted, 0) == (scene, task)
    assert table_for(wanted, 1)[0] != scene


def test_the_expert_says_what_it_does() -> None:
    plan = plan_for("Point at the ball.", "espeak-en-us", 0)
    assert plan.text == "point at the ball."
    assert isinstance(plan.task, Task)
    assert "ball" in plan.replies[0]
    assert len(plan.sound) > 10_000
    assert spoken  # the same words as in training


def test_what_is_not_understood_or_not_possible_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="put the red cube into the blue bowl"):
        understood("what time is it?")
    monkeypatch.setattr("roboego.commands.staged.wanted.TRIES", 30)
    with pytest.raises(InputError, match="a big bowl and a small box"):
        table_for(understood("put the big bowl into the small box"), 0)
