"""The table as a gymnasium environment, one action every 80 ms."""
# H high, W wide, P points; metres, newtons

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from roboego.actions.robot import Sensed
from roboego.errors import InputError
from roboego.sim.body import BODY
from roboego.sim.experts import Expert
from roboego.sim.eye import HEIGHT, WIDTH, Eye
from roboego.sim.scene import Scene, sample_scene
from roboego.sim.table import OPENING_M, Table
from roboego.sim.tasks import HOLDING, Check, Task, possible

Observation = dict[str, NDArray[Any]]
LONGEST_FRAMES = 200
POINTS = 256


class TableEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """A robot at a table, asked to do one thing.

    `reset(seed=..., options={"scene": Scene, "task": Task, "tip": (x, y, z)})`; scene and task are drawn if they are not given, and the
    fingertips begin at home, or at `tip`. The reward is 1 when the task is done, and the episode then ends; it is cut short after `longest`
    steps. `info` has the `task`, whether it is `done`, and `expert`: what the expert would do.

    Args:
        height, width: of the pictures, in pixels; 0: none are drawn, and `points` neither.
        longest: steps of an episode.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 12.5}  # noqa: RUF012
    render_mode = "rgb_array"

    def __init__(self, height: int = HEIGHT, width: int = WIDTH, longest: int = LONGEST_FRAMES) -> None:
        self._size, self._longest = (height, width), longest
        self.action_space = gymnasium.spaces.Box(-1, 1, (4,), np.float32)
        spaces: dict[str, gymnasium.Space[Any]] = {
            "body": gymnasium.spaces.Box(-np.inf, np.inf, (len(BODY),), np.float32),
            "touch": gymnasium.spaces.Box(0, np.inf, (2,), np.float32),
        }
        if height and width:
            spaces["picture"] = gymnasium.spaces.Box(0, 255, (height, width, 3), np.uint8)
            spaces["points"] = gymnasium.spaces.Box(-np.inf, np.inf, (POINTS, 3), np.float32)
        self.observation_space = gymnasium.spaces.Dict(spaces)  # type: ignore[assignment]
        self._eye: Eye | None = None
        self._table: Table | None = None
        self._check: Check | None = None
        self._expert: Expert | None = None

    @property
    def table(self) -> Table:
        """The table as it is.

        Raises:
            InputError: there is none before `reset`.
        """
        if self._table is None:
            raise InputError("there is no table yet: call reset() first")
        return self._table

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        options = options or {}
        scene: Scene = options.get("scene") or sample_scene(self.np_random)
        choices = possible(scene)
        task: Task = options.get("task") or choices[int(self.np_random.integers(len(choices)))]
        self.close()
        self._table = Table(scene)
        if "tip" in options:
            self._table.place_hand(np.array(options["tip"]), OPENING_M)
        if all(self._size):
            self._eye = Eye(self._table, *self._size)
        if task.verb in HOLDING:
            take(self._table, task)
        self._check, self._expert = Check(task, self._table), Expert(task, self._table)
        return self._observed(), self._info()

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        assert self._check is not None
        self.table.step(np.asarray(action, np.float64))
        done = self._check.update()
        return self._observed(), float(done), done, self._check.frames >= self._longest, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        return None if self._eye is None else self._eye.picture()

    def close(self) -> None:
        if self._eye is not None:
            self._eye.close()
            self._eye = None

    def _observed(self) -> Observation:
        felt = sensed(self.table)
        seen: Observation = {"body": felt.body.astype(np.float32), "touch": felt.touch.astype(np.float32)}
        if self._eye is not None:
            points = np.zeros((POINTS, 3), np.float32)
            measured = self._eye.points(POINTS, self.np_random)
            points[: len(measured)] = measured
            seen |= {"picture": self._eye.picture(), "points": points}
        return seen

    def _info(self) -> dict[str, Any]:
        assert self._check is not None
        assert self._expert is not None
        return {"task": self._check.task, "done": self._check.done, "expert": self._expert.act().astype(np.float32)}


def sensed(table: Table) -> Sensed:
    """What the robot feels: `BODY`, and the force on each pad."""
    return Sensed(body=np.concatenate([table.tip, table.tip_velocity, [table.opening], table.effort]), touch=table.pads)


def take(table: Table, task: Task) -> None:
    """Has the expert pick up the thing of a task that begins with it in the hand.

    Raises:
        InputError: it could not be picked up.
    """
    held = Task(verb="pick_up", thing=task.thing)
    expert, check = Expert(held, table), Check(held, table)
    for _ in range(LONGEST_FRAMES):
        table.step(expert.act())
        if check.update():
            return
    raise InputError(f"the thing of {task} could not be picked up; draw another scene")
