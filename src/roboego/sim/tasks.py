"""What Ego can be asked to do, and when it is done: every check looks at the table, not at what the arm was told."""
# Metres, seconds; axes as in `roboego.sim.scene`

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from roboego.errors import InputError
from roboego.sim.mjcf import HOME_M
from roboego.sim.scene import Scene
from roboego.sim.things import WALL_M

if TYPE_CHECKING:
    from roboego.sim.table import Table, Vector  # with MuJoCo, which whoever only talks about tasks can do without

Verb = Literal[
    "point", "touch", "push", "pick_up", "put_next_to", "put_into", "put_on", "put_down", "hand_over", "wave", "nod", "go_home", "stop"
]
VERBS: tuple[Verb, ...] = get_args(Verb)
Way = Literal["left", "right", "away", "closer"]
WAYS: dict[Way, tuple[float, float]] = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "away": (0.0, 1.0), "closer": (0.0, -1.0)}
"""The ways to push, as x and y."""
OF_ONE: tuple[Verb, ...] = ("point", "touch", "push", "pick_up", "put_down", "hand_over")
OF_TWO: tuple[Verb, ...] = ("put_next_to", "put_into", "put_on")
HOLDING: tuple[Verb, ...] = ("put_down", "hand_over")
"""Before these the thing is held already."""
HAND_OVER_M = (0.0, -0.25, 0.16)
"""Where a thing is held out to be taken."""
STILL_M_S = 0.03
PUSHED_M, LIFTED_M, NEAR_M = 0.05, 0.05, 0.055
SWINGS, SWING_M = 4, 0.03
_STEADY_FRAMES = 4


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to do.

    Attributes:
        thing: its place among the scene's things, for what is done with one.
        other: the thing that it is put next to, into or on top of.
        way: where it is pushed.
    Raises:
        InputError: the verb lacks what it needs.
    """

    verb: Verb
    thing: int | None = None
    other: int | None = None
    way: Way | None = None

    def __post_init__(self) -> None:
        if self.verb not in VERBS:
            raise InputError(f"no task {self.verb!r}: choose one of {', '.join(VERBS)}")
        if self.thing is None and self.verb in (*OF_ONE, *OF_TWO):
            raise InputError(f"{self.verb} needs a thing")
        if self.other is None and self.verb in OF_TWO:
            raise InputError(f"{self.verb} needs another thing to put it to")
        if self.way is None and self.verb == "push":
            raise InputError(f"push needs a way: {', '.join(WAYS)}")


@dataclass
class Check:
    """Follows a task on a table, step by step, until it is done.

    Attributes:
        frames: steps so far. done: it has been done, and it stays so. steady: for how many steps on end it has looked done.
    """

    task: Task
    table: "Table"
    frames: int = 0
    steady: int = 0
    done: bool = False
    _start: "list[Vector]" = field(default_factory=list)
    _path: "list[Vector]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start = [self.table.thing(i).position for i in range(len(self.table.scene.things))]

    def update(self) -> bool:
        """Looks at the table after a step; returns whether the task is done."""
        self.frames += 1
        self._path.append(self.table.tip)
        self.steady = self.steady + 1 if _CHECKS[self.task.verb](self) else 0
        self.done = self.done or self.steady >= _STEADY_FRAMES
        return self.done

    @property
    def still(self) -> bool:
        """Whether the arm keeps still."""
        return float(np.linalg.norm(self.table.tip_velocity)) < STILL_M_S

    def at(self, i: int | None) -> "Vector":
        """Where thing `i` is [3]."""
        assert i is not None
        return self.table.thing(i).position

    def bottom(self, i: int | None) -> float:
        """z of the lowest point of thing `i`, if it stands upright."""
        assert i is not None
        return float(self.at(i)[2] - self.table.scene.things[i].thing.height_m / 2)

    def moved(self, i: int | None) -> "Vector":
        """How far thing `i` has come since the start [3]."""
        assert i is not None
        return self.at(i) - self._start[i]

    def released(self, i: int | None) -> bool:
        """Whether thing `i` rests, and the gripper does not touch it."""
        assert i is not None
        return not any(self.table.touching(i)) and float(np.linalg.norm(self.table.thing(i).velocity)) < STILL_M_S

    def swings(self, axis: int) -> int:
        """How often the hand has turned back along an axis after more than `SWING_M`."""
        turns, low, high, direction = 0, math.inf, -math.inf, 0
        for tip in self._path:
            value = float(tip[axis])
            low, high = min(low, value), max(high, value)
            if direction >= 0 and value < high - SWING_M:
                turns, direction, low = turns + 1, -1, value
            elif direction <= 0 and value > low + SWING_M:
                turns, direction, high = turns + 1, 1, value
        return turns


def _points(c: Check) -> bool:
    """The closed hand stands still above the thing, which is the nearest one and has not been moved."""
    assert c.task.thing is not None
    away = [float(np.linalg.norm(c.at(i)[:2] - c.table.tip[:2])) for i in range(len(c.table.scene.things))]
    top = c.at(c.task.thing)[2] + c.table.scene.things[c.task.thing].thing.height_m / 2
    near = away[c.task.thing] < 0.04 and away[c.task.thing] <= min(away) + 0.01  # a thing on top of it is as near
    return (
        c.still
        and near
        and 0.0 < c.table.tip[2] - top < 0.12
        and c.table.opening < 0.015
        and float(np.abs(c.moved(c.task.thing)).max()) < 0.01
    )


def _touches(c: Check) -> bool:
    assert c.task.thing is not None
    return any(c.table.touching(c.task.thing))


def _pushed(c: Check) -> bool:
    assert c.task.way is not None
    along, moved = np.array(WAYS[c.task.way]), c.moved(c.task.thing)
    forward = float(moved[:2] @ along)
    aside = float(np.linalg.norm(moved[:2] - forward * along))
    return forward >= PUSHED_M and aside <= 0.6 * forward and abs(float(moved[2])) < 0.03


def _picked_up(c: Check) -> bool:
    return c.table.held == c.task.thing and float(c.moved(c.task.thing)[2]) >= LIFTED_M


def _next_to(c: Check) -> bool:
    assert c.task.thing is not None
    assert c.task.other is not None
    things = c.table.scene.things
    gap = float(np.linalg.norm(c.at(c.task.thing)[:2] - c.at(c.task.other)[:2]))
    gap -= things[c.task.thing].thing.radius_m + things[c.task.other].thing.radius_m
    return c.released(c.task.thing) and gap < NEAR_M and abs(c.bottom(c.task.thing)) < 0.012


def _inside(c: Check) -> bool:
    assert c.task.thing is not None
    assert c.task.other is not None
    container = c.table.scene.things[c.task.other].thing
    off = float(np.linalg.norm(c.at(c.task.thing)[:2] - c.at(c.task.other)[:2]))
    rim = float(c.at(c.task.other)[2]) + container.height_m / 2
    return c.released(c.task.thing) and off < container.radius_m - WALL_M and c.bottom(c.task.thing) < rim - 0.005


def _on_top(c: Check) -> bool:
    assert c.task.thing is not None
    assert c.task.other is not None
    under = c.table.scene.things[c.task.other].thing
    off = float(np.linalg.norm(c.at(c.task.thing)[:2] - c.at(c.task.other)[:2]))
    top = float(c.at(c.task.other)[2]) + under.height_m / 2
    return c.released(c.task.thing) and off < under.radius_m and abs(c.bottom(c.task.thing) - top) < 0.012


def _put_down(c: Check) -> bool:
    return c.released(c.task.thing) and abs(c.bottom(c.task.thing)) < 0.012


def _handed_over(c: Check) -> bool:
    return c.table.held == c.task.thing and float(np.linalg.norm(c.table.tip - HAND_OVER_M)) < 0.04


def _home(c: Check) -> bool:
    return c.still and float(np.linalg.norm(c.table.tip - HOME_M)) < 0.025


_CHECKS: dict[Verb, Callable[[Check], bool]] = {
    "point": _points,
    "touch": _touches,
    "push": _pushed,
    "pick_up": _picked_up,
    "put_next_to": _next_to,
    "put_into": _inside,
    "put_on": _on_top,
    "put_down": _put_down,
    "hand_over": _handed_over,
    "wave": lambda c: c.swings(0) >= SWINGS,
    "nod": lambda c: c.swings(2) >= SWINGS,
    "go_home": _home,
    "stop": lambda c: c.still,
}


def possible(scene: Scene) -> list[Task]:
    """Every task that can be done on a table."""
    alone = [Task(verb=verb) for verb in ("wave", "nod", "go_home", "stop")]
    return [*alone, *(task for i in range(len(scene.things)) for task in _with(scene, i))]


def _with(scene: Scene, i: int) -> Sequence[Task]:
    """What can be done with thing `i`: what carries something is only pointed at, and what is inside or on top of something not pushed."""
    placed, others = scene.things[i], [p for p in scene.things if p.below == i]
    tasks = [Task(verb="point", thing=i), *([] if others else [Task(verb="touch", thing=i)])]
    if others:
        return tasks
    tasks += [Task(verb=verb, thing=i) for verb in ("pick_up", *HOLDING)]
    if placed.below is None:
        tasks += [Task(verb="push", thing=i, way=way) for way in WAYS if _has_room(scene, i, way)]
    for j, other in enumerate(scene.things):
        if j == i or j == placed.below:
            continue
        empty = all(p.below != j for p in scene.things)
        if other.below is None:
            tasks.append(Task(verb="put_next_to", thing=i, other=j))
        if empty and other.below is None and placed.thing.fits_into(other.thing):
            tasks.append(Task(verb="put_into", thing=i, other=j))
        if empty and other.below is None and placed.thing.stands_on(other.thing):
            tasks.append(Task(verb="put_on", thing=i, other=j))
    return tasks


def _has_room(scene: Scene, i: int, way: Way) -> bool:
    """Whether a thing can be pushed that way: nothing stands there, and the table goes on."""
    placed, along = scene.things[i], np.array(WAYS[way])
    here = np.array([placed.x, placed.y])
    goal = here + 0.13 * along
    if abs(goal[0]) > 0.34 or abs(goal[1]) > 0.22:
        return False
    for j, other in enumerate(scene.things):
        apart = np.array([other.x, other.y]) - here
        ahead, aside = float(apart @ along), float(np.linalg.norm(apart - (apart @ along) * along))
        width = placed.thing.radius_m + other.thing.radius_m + 0.012
        if j != i and -0.09 < ahead < 0.16 and aside < width:
            return False
    return True
