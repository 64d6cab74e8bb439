"""Tasks, and the experts that do them."""

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.sim.env import take
from roboego.sim.experts import Expert
from roboego.sim.scene import Placed, Scene
from roboego.sim.table import Table
from roboego.sim.tasks import HOLDING, VERBS, WAYS, Check, Task, possible
from roboego.sim.things import Thing

BOX = Thing(shape="box", color="blue", size="big")
CUBE = Thing(shape="cube", color="green", size="big")
CONE = Thing(shape="cone", color="red", size="small")
SCENE = Scene(things=(Placed(thing=BOX, x=-0.18, y=0.0), Placed(thing=CUBE, x=0.18, y=0.05), Placed(thing=CONE, x=0.0, y=-0.08)))
TASKS = [
    *(Task(verb=verb, thing=2) for verb in ("point", "touch", "pick_up", "put_down", "hand_over")),
    *(Task(verb="push", thing=2, way=way) for way in WAYS),
    Task(verb="put_into", thing=2, other=0),
    Task(verb="put_on", thing=2, other=1),
    Task(verb="put_next_to", thing=2, other=1),
    *(Task(verb=verb) for verb in ("wave", "nod", "go_home", "stop")),
]


def begun(task: Task) -> Table:
    table = Table(SCENE)
    if task.verb in HOLDING:
        take(table, task)
    return table


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.verb}-{task.way or ''}")
def test_the_expert_does_it_and_it_is_seen_to_be_done(task: Task) -> None:
    table = begun(task)
    expert, check = Expert(task, table), Check(task, table)
    for _ in range(150):
        if check.update():
            break
        table.step(expert.act())
    assert check.done


@pytest.mark.parametrize("task", [t for t in TASKS if t.verb not in ("stop", "go_home")], ids=lambda task: f"{task.verb}-{task.way or ''}")
def test_an_arm_that_keeps_still_has_done_nothing(task: Task) -> None:
    table = begun(task)
    check = Check(task, table)
    for _ in range(15):
        table.step(np.zeros(4))
        check.update()
    assert not check.done


def test_an_expert_recovers_from_where_others_have_led_it() -> None:
    task = Task(verb="put_into", thing=2, other=0)
    table, rng = Table(SCENE), np.random.default_rng(0)
    expert, check = Expert(task, table), Check(task, table)
    for t in range(250):
        if check.update():
            break
        lost = t % 40 < 6  # a third of a second of whatever comes
        table.step(rng.uniform(-1, 1, 4) if lost else expert.act())
    assert check.done


def test_what_can_be_done_is_what_there_is() -> None:
    assert {t.verb for t in possible(Scene())} == {"wave", "nod", "go_home", "stop"}
    assert {t.verb for t in possible(SCENE)} == set(VERBS)
    stacked = Scene(things=(Placed(thing=CUBE, x=0, y=0), Placed(thing=CONE, x=0, y=0, on=0)))
    assert {t.verb for t in possible(stacked) if t.thing == 0} == {"point"}
    assert not any(t.verb == "push" for t in possible(stacked))
    edge = Scene(things=(Placed(thing=CUBE, x=0.26, y=0.0),))
    assert {t.way for t in possible(edge) if t.verb == "push"} == {"left", "away", "closer"}


@pytest.mark.parametrize("wrong", [{"verb": "dance"}, {"verb": "touch"}, {"verb": "put_on", "thing": 0}, {"verb": "push", "thing": 0}])
def test_tasks_that_lack_something_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Task(**wrong)  # type: ignore[arg-type]
