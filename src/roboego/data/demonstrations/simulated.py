"""Demonstrations by the experts at the simulated table, each with what somebody would say to have it done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from roboego.data.demonstrations.job import DemonstrationJob
from roboego.data.demonstrations.layout import Setup
from roboego.data.demonstrations.writer import DemonstrationWriter
from roboego.data.episodes import ABOVE_M, AT_HOME
from roboego.data.grounded.doing import request
from roboego.data.grounded.view import View
from roboego.errors import InputError
from roboego.sim.body import BODY
from roboego.sim.env import TableEnv
from roboego.sim.scene import sample_scene

_TRIES = 50


def table_setup(height: int, width: int) -> Setup:
    """What the simulated robot's numbers mean, with pictures of so many pixels."""
    return Setup(
        robot="roboego_table",
        state=tuple(name.replace(" ", "_") for name in BODY),
        touch=("left_pad", "right_pad"),
        action=("x_velocity", "y_velocity", "z_velocity", "finger_velocity"),
        height=height,
        width=width,
    )


def make_demonstrations(job: DemonstrationJob) -> Path:
    """Records one shard, unless it is there already; one that was interrupted goes on.

    Raises:
        InputError: this machine cannot draw, or the shard cannot be written.
    """
    if job.out.exists():
        return job.out
    part = job.out.with_name(f".{job.out.name}.part")
    record(TableEnv(job.size, job.size), job.count, part, (job.seed, job.shard))
    try:
        part.rename(job.out)
    except OSError as error:
        raise InputError(f"cannot put {job.out} in its place ({error.strerror}); choose another folder") from error
    return job.out


def record(env: TableEnv, count: int, folder: Path, seed: Sequence[int]) -> None:
    """Has the expert do drawn tasks at drawn tables until a folder holds `count` episodes that went well.

    Equal seeds give equal episodes, however often the recording is interrupted.

    Raises:
        InputError: `env` draws no pictures or leaves the expert no time, or the folder cannot be written.
    """
    size = env.observation_space["picture"].shape if "picture" in env.observation_space.spaces else None  # type: ignore[attr-defined, index]
    if size is None:
        raise InputError("demonstrations need pictures: give TableEnv a height and a width")
    with DemonstrationWriter(folder, table_setup(*size[:2])) as out:
        try:
            while out.episodes < count:
                _record_one(env, out, (*seed, out.episodes))
        finally:
            env.close()


def _record_one(env: TableEnv, out: DemonstrationWriter, seed: Sequence[int]) -> None:
    for attempt in range(_TRIES):
        if _attempt(env, out, np.random.default_rng([*seed, attempt])):
            out.end()
            return
        out.drop()
    raise InputError(f"the expert did none of {_TRIES} drawn tasks in time: give TableEnv more steps (longest)")


def _attempt(env: TableEnv, out: DemonstrationWriter, rng: np.random.Generator) -> bool:
    """Whether the expert did what was drawn."""
    scene = sample_scene(rng)
    asked = request(rng, View(scene))
    if asked is None:
        return False
    options: dict[str, Any] = {"scene": scene, "task": asked.task}
    if rng.random() > AT_HOME:
        options["tip"] = tuple(float(rng.uniform(low, high)) for low, high in ABOVE_M)
    try:
        seen, info = env.reset(seed=int(rng.integers(2**31)), options=options)
    except InputError:
        return False  # the thing to begin with could not be taken into the hand
    out.begin(asked.user)
    done = cut = False
    while not done and not cut:
        action = info["expert"]
        before = seen
        seen, _, done, cut, info = env.step(action)
        out.add(before["picture"], before["body"], before["touch"], action)
    return done
