"""Experts that do each task, and that can be asked at any moment, as DAgger does: they go by what they find, wherever others have led them.

Of their own they remember no more than the beat of a wave, where a push began, and the place that was chosen to put something down.
"""
# Metres, seconds; axes as in `roboego.sim.scene`

from collections.abc import Callable, Sequence

import numpy as np

from roboego.sim.mjcf import FINGERTIP_M, HOME_M, OPEN_M
from roboego.sim.table import GRIP_M_S, SPEED_M_S, Table, Vector
from roboego.sim.tasks import HAND_OVER_M, WAYS, Task
from roboego.timebase import FRAME_S

CLEAR_M = 0.175
"""Fingertips at this height pass above everything."""
GRIPPED_N = 1.5
_GAIN = 0.55 / FRAME_S
_CLOSE_ENOUGH_M = 0.007
_AROUND = tuple(np.pi * k / 6 for k in (3, 9, 2, 4, 8, 10, 1, 5, 7, 11, 0, 6))
"""Directions, those first in which the fingers are not in the way."""


class Expert:
    """Does a task on a table.

    Args:
        table: where it is done; its true state is seen.
    """

    def __init__(self, task: Task, table: Table) -> None:
        self.task, self.table = task, table
        self._frame = 0
        self._swinging = False
        self._start = None if task.thing is None else table.thing(task.thing).position
        self._place: Vector | None = None

    def act(self) -> Vector:
        """The next action [4], each in [-1, 1]."""
        self._frame += 1
        return _DO[self.task.verb](self)

    def toward(self, goal: Vector, opening: float | None = None, speed: float = 1.0) -> Vector:
        """An action that brings the fingertips to a place, and each finger to its distance from the middle (None: it keeps it)."""
        action = np.zeros(4)
        action[:3] = np.clip((np.asarray(goal) - self.table.tip) * _GAIN / SPEED_M_S, -speed, speed)
        if opening is not None:
            action[3] = np.clip((opening - self.table.opening) * _GAIN / GRIP_M_S, -1, 1)
        return action

    def over(self, goal: Vector, opening: float | None = None, speed: float = 1.0) -> Vector:
        """The same, by way of a height at which nothing is in the way: up, across, down."""
        goal, tip = np.asarray(goal), self.table.tip
        apart = float(np.linalg.norm(goal[:2] - tip[:2]))
        if apart < _CLOSE_ENOUGH_M:
            return self.toward(goal, opening, speed)
        if apart > 0.03 and tip[2] < CLEAR_M - 0.02:
            return self.toward(np.array([*tip[:2], CLEAR_M]), opening)
        return self.toward(np.array([*goal[:2], max(float(tip[2]), min(CLEAR_M, float(goal[2]) + 0.1))]), opening)

    def thing(self, i: int | None) -> Vector:
        assert i is not None
        return self.table.thing(i).position

    def grasp(self, i: int) -> Vector:
        """Where the fingertips hold thing `i`."""
        at, thing = self.thing(i), self.table.scene.things[i].thing
        middle = -(FINGERTIP_M[2] - 0.004)
        low = -thing.height_m / 2 + 0.004 if thing.shape == "cone" else middle
        return np.array([at[0], at[1], max(float(at[2]) + low, self.floor(i) + 0.007)])

    def gripped(self, i: int) -> bool:
        """Whether both fingers press on thing `i`."""
        return all(self.table.touching(i)) and min(self.table.pads) > GRIPPED_N

    def floor(self, i: int) -> float:
        """What the fingertips have to stay above around thing `i`: the table, what it stands on, the walls around it."""
        below = self.table.scene.things[i].below
        if below is None or float(np.linalg.norm(self.thing(i)[:2] - self.thing(below)[:2])) > 0.03:
            return 0.0
        half = self.table.scene.things[below].thing.height_m / 2
        return float(self.thing(below)[2]) + (0.3 * half if self.table.scene.things[i].inside is not None else half)

    def take(self) -> Vector:
        """Picks the thing up, and holds it up."""
        i = self.task.thing
        assert i is not None
        goal, tip = self.grasp(i), self.table.tip
        if self.gripped(i):
            return _closing(self.toward(np.array([*tip[:2], CLEAR_M + 0.02])))
        aside = float(np.linalg.norm(goal[:2] - tip[:2]))
        if aside < 0.012 and tip[2] < goal[2] + 0.008:
            return _closing(self.toward(goal))
        inside = self.floor(i) > 0 and self.table.scene.things[i].inside is not None
        wide = min(self.table.scene.things[i].thing.radius_m + (0.006 if inside else 0.014), OPEN_M - 0.001)
        if self.table.opening < wide - 0.004 and tip[2] < CLEAR_M - 0.03 and aside < 0.03:
            return self.toward(np.array([*tip[:2], CLEAR_M]), wide)  # too narrow to go down around it
        return self.over(goal, wide, 0.6)

    def carry(self, goal: Vector, release: float) -> Vector:
        """Takes the thing, brings it over a place [2] and lets go of it once its bottom is at height `release`."""
        i = self.task.thing
        assert i is not None
        at, thing = self.thing(i), self.table.scene.things[i].thing
        aside, bottom = float(np.linalg.norm(at[:2] - goal)), float(at[2]) - thing.height_m / 2
        if aside < 0.012 and bottom < release + 0.006:
            return self._let_go(thing.radius_m)
        if not self.gripped(i):
            return self.take()
        hanging = self.table.tip - at
        there = np.array([*(goal + hanging[:2]), release + thing.height_m / 2 + hanging[2]])
        if bottom < 0.10 and aside > 0.03:
            return _closing(self.toward(np.array([*self.table.tip[:2], CLEAR_M + 0.02])))
        if aside > _CLOSE_ENOUGH_M:
            return _closing(self.toward(np.array([*there[:2], max(float(self.table.tip[2]), CLEAR_M - 0.01)]), speed=0.8))
        return _closing(self.toward(there, speed=0.4))

    def _let_go(self, radius: float) -> Vector:
        i = self.task.thing
        assert i is not None
        if any(self.table.touching(i)) or self.table.opening < radius + 0.004:
            return self.toward(self.table.tip, min(radius + 0.008, OPEN_M - 0.001))
        return self.toward(np.array([*self.table.tip[:2], CLEAR_M]))

    def place_for(self, near: Vector, angles: Sequence[float], distances: Sequence[float]) -> Vector:
        """Where on the table [2] the thing can be put down, as close to a place as there is room; once chosen it stays."""
        if self._place is None:
            places = [near + d * np.array([np.cos(a), np.sin(a)]) for d in distances for a in angles]
            self._place = max(places, key=lambda place: min(self._room(place), 0.0))
        return self._place

    def _room(self, place: Vector) -> float:
        """Metres between the thing, put there, and the next one or the edge; less than none where it does not fit with the fingers."""
        i = self.task.thing
        assert i is not None
        radius = self.table.scene.things[i].thing.radius_m
        room = min(0.30 - abs(float(place[0])), 0.19 - abs(float(place[1])))
        for j, other in enumerate(self.table.scene.things):
            if j != i and other.below != i:
                apart = np.abs(self.thing(j)[:2] - place)
                # The fingers, left and right of the thing, take more room than it.
                beside, before = apart[0] - radius - 0.026 - other.thing.radius_m, apart[1] - radius - 0.006 - other.thing.radius_m
                room = min(room, max(float(beside), float(before)))
        return room

    def swing(self, axis: int) -> Vector:
        """To and fro along an axis, high above the table."""
        middle = np.array([0.0, 0.05, 0.24])
        self._swinging = self._swinging or float(np.linalg.norm(self.table.tip - middle)) < 0.04
        if not self._swinging:
            return self.toward(middle)
        action = self.toward(middle)
        action[axis] = 0.8 * np.sign(np.sin(2 * np.pi * self._frame / 10))
        return action


def _closing(action: Vector) -> Vector:
    action[3] = -1.0
    return action


def _point(e: Expert) -> Vector:
    i = e.task.thing
    assert i is not None
    at, half = e.thing(i), e.table.scene.things[i].thing.height_m / 2
    return e.over(np.array([at[0], at[1], at[2] + half + 0.045]), 0.0)


def _touch(e: Expert) -> Vector:
    i = e.task.thing
    assert i is not None
    at, thing = e.thing(i), e.table.scene.things[i].thing
    aside = np.array([thing.radius_m - 0.5 * 0.004, 0.0, 0.0]) if thing.holds else np.zeros(3)
    if any(e.table.touching(i)):
        return np.zeros(4)
    return e.over(np.array([at[0], at[1], max(at[2] - 0.5 * thing.height_m, 0.004)]) + aside, 0.0, 0.3)


def _push(e: Expert) -> Vector:
    i = e.task.thing
    assert i is not None
    assert e.task.way is not None
    assert e._start is not None
    along = np.array([*WAYS[e.task.way], 0.0])
    at, thing, tip = e.thing(i), e.table.scene.things[i].thing, e.table.tip
    opening = 0.0 if along[0] else 0.5 * thing.radius_m
    back = thing.radius_m + (2 * FINGERTIP_M[0] if along[0] else FINGERTIP_M[1]) + 0.014
    behind = np.array([at[0], at[1], 0.008]) - back * along
    done = float((at - e._start) @ along)
    if done > 0.085:
        return e.toward(np.array([*tip[:2], CLEAR_M]))
    offset = tip - at
    ahead, aside = float(offset @ along), float(np.linalg.norm((offset - (offset @ along) * along)[:2]))
    if tip[2] < 0.02 and ahead < 0 and aside < 0.012:
        return e.toward(np.array([*(at + 0.03 * along)[:2], 0.008]), opening, 0.45)
    return e.over(behind, opening, 0.6)


def _next_to(e: Expert) -> Vector:
    """Beside the other thing, on the side where there is room."""
    i, j = e.task.thing, e.task.other
    assert i is not None
    assert j is not None
    apart = e.table.scene.things[i].thing.radius_m + e.table.scene.things[j].thing.radius_m + 0.02
    return e.carry(e.place_for(e.thing(j)[:2], _AROUND, (apart, apart + 0.015)), 0.002)


def _into(e: Expert) -> Vector:
    j = e.task.other
    assert j is not None
    other = e.table.scene.things[j].thing
    return e.carry(e.thing(j)[:2], float(e.thing(j)[2]) + other.height_m / 2 - 0.010)


def _onto(e: Expert) -> Vector:
    j = e.task.other
    assert j is not None
    return e.carry(e.thing(j)[:2], float(e.thing(j)[2]) + e.table.scene.things[j].thing.height_m / 2 + 0.002)


def _down(e: Expert) -> Vector:
    return e.carry(e.place_for(e.table.tip[:2], _AROUND, (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3)), 0.002)


def _hand_over(e: Expert) -> Vector:
    assert e.task.thing is not None
    if not e.gripped(e.task.thing):
        return e.take()
    tip = e.table.tip
    if tip[2] < CLEAR_M - 0.03 and float(np.linalg.norm(tip[:2] - HAND_OVER_M[:2])) > 0.05:
        return _closing(e.toward(np.array([*tip[:2], CLEAR_M])))
    return _closing(e.toward(np.asarray(HAND_OVER_M), speed=0.7))


_DO: dict[str, Callable[[Expert], Vector]] = {
    "point": _point,
    "touch": _touch,
    "push": _push,
    "pick_up": Expert.take,
    "put_next_to": _next_to,
    "put_into": _into,
    "put_on": _onto,
    "put_down": _down,
    "hand_over": _hand_over,
    "wave": lambda e: e.swing(0),
    "nod": lambda e: e.swing(2),
    "go_home": lambda e: (
        e.toward(np.asarray(HOME_M)) if e.table.tip[2] > CLEAR_M - 0.03 else e.toward(np.array([*e.table.tip[:2], CLEAR_M]))
    ),
    "stop": lambda e: np.zeros(4),
}
