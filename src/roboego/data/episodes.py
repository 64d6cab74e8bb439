"""Tasks that experts do at drawn tables, frame by frame, as nano learns to act from them: what the robot feels, does and sees now and then.

A shard is `NAME-00012.jpegs` and `NAME-00012.jsonl`, its pictures as `roboego.data.pictures` has them, and `NAME-00012.episodes.npz`. What
is said is not stored: the scene and the task are, and words for them are drawn when they are learned from.
"""
# F frames of a shard, T frames of an episode, D action dimensions, P points

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import ActionBins, Bins
from roboego.data.grounded.doing import is_named
from roboego.data.grounded.view import View
from roboego.data.pictures import QUALITY, JpegFile, entry_of
from roboego.errors import CheckpointError, InputError
from roboego.sim.scene import Scene, sample_scene
from roboego.sim.tasks import Task
from roboego.sound.files import appearing
from roboego.strict import from_json

if TYPE_CHECKING:
    from roboego.sim.eye import Eye
    from roboego.sim.table import Table

SUFFIX = ".episodes.npz"
ARRAYS = ("bins", "body", "touch", "held", "touched", "points")
LOOK_EVERY = 5
"""Frames from one picture to the next: 0.4 s."""
POINTS, POINTS_FRESH = 128, 2 * LOOK_EVERY
"""Points of a cloud, and the frames after which one that nothing follows is stale."""
LONGEST_FRAMES = 160
REST_FRAMES = (8, 20)
"""How long the arm keeps still when the task is done."""
AT_HOME = 0.5
"""How often the arm begins at home; else it is somewhere above the table."""
ABOVE_M = ((-0.3, 0.3), (-0.28, 0.2), (0.17, 0.28))
"""Where that is, along x, y and z."""
PUSHED_ASIDE, PUSH, PUSH_FRAMES = 0.6, 0.5, (3, 8)
"""Share of the episodes in which the arm is led astray now and then, how far, and for how long: what is learned is what the expert does
about it (as in DART, arXiv 1703.09327)."""
PUSH_EVERY = 0.08
_TRIES = 50


@dataclass(frozen=True, kw_only=True)
class EpisodeJob:
    """One shard to make, of `count` episodes."""

    folder: Path
    name: str
    shard: int
    count: int = 50
    size: int = 224
    seed: int = 0

    @property
    def out(self) -> Path:
        """The file that is written last."""
        return self.folder / f"{self.name}-{self.shard:05d}{SUFFIX}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """One task.

    Attributes:
        scene: the table at its start; task: what the expert does.
        bins: [T, D] what it does in each frame, as of `ActionBins`.
        body: [T, 11] what the robot feels of itself before it does that (see `roboego.sim.body.BODY`). touch: [T, 2] force on each pad.
        held, touched: [T] which thing the hand holds, and which one a pad touches, as in `body`; -1: none.
        looks: frames in which a picture is taken, and its number among the bank's; points: [n, P, 3] what the camera measures then.
        done: the frame from which on the task is done.
    """

    scene: Scene
    task: Task
    bins: Bins
    body: NDArray[np.float32]
    touch: NDArray[np.float32]
    held: NDArray[np.int8]
    touched: NDArray[np.int8]
    looks: tuple[tuple[int, int], ...]
    points: NDArray[np.float16]
    done: int

    def __len__(self) -> int:
        return len(self.bins)


def make_episodes(job: EpisodeJob) -> Path:
    """Records one shard, unless it is there already.

    Raises:
        InputError: this machine cannot draw, or the shard cannot be written.
    """
    if job.out.exists():
        return job.out
    pictures, parts = JpegFile(), list[dict[str, Any]]()
    for i in range(job.count):
        parts.append(_recorded(np.random.default_rng([job.seed, job.shard, i]), job.size, pictures))
    pictures.save(job.folder / f"{job.name}-{job.shard:05d}.jsonl")
    arrays = {name: np.concatenate([p[name] for p in parts]) for name in ARRAYS}
    told = [{**p["told"], "frames": len(p["bins"]), "looks": p["looks"]} for p in parts]
    try:
        with appearing(job.out) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, told=np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"cannot write {job.out} ({error.strerror}): free some space or choose another folder") from error
    return job.out


def _recorded(rng: np.random.Generator, size: int, pictures: "JpegFile") -> dict[str, Any]:
    """One episode that went well; its pictures are added to the others."""
    for _ in range(_TRIES):
        taken = JpegFile()
        made = _attempt(rng, size, taken)
        if made is not None:
            first = len(pictures)
            pictures.extend(taken)
            return {**made, "looks": [(frame, first + i) for i, frame in enumerate(made["looks"])]}
    raise InputError(f"the expert did none of {_TRIES} drawn tasks in {LONGEST_FRAMES} frames")


def _attempt(rng: np.random.Generator, size: int, taken: "JpegFile") -> dict[str, Any] | None:
    from roboego.sim.env import sensed, take
    from roboego.sim.experts import Expert
    from roboego.sim.eye import Eye
    from roboego.sim.table import OPENING_M, Table
    from roboego.sim.tasks import HOLDING, Check, possible

    scene = sample_scene(rng)
    task = _drawn(rng, [t for t in possible(scene) if t.verb != "stop" and is_named(View(scene), t)])
    table = Table(scene)
    if rng.random() > AT_HOME:
        table.place_hand(np.array([rng.uniform(low, high) for low, high in ABOVE_M]), OPENING_M)
    if task.verb in HOLDING:
        try:
            take(table, task)
        except InputError:
            return None
    code, expert, check = ActionBins(), Expert(task, table), Check(task, table)
    bins, body, touch, held, touched, points = (list[Any]() for _ in range(6))
    looks: list[int] = []
    astray = _Astray(rng, rng.random() < PUSHED_ASIDE)
    done, last = None, LONGEST_FRAMES
    with Eye(table, size, size) as eye:
        frame = 0
        while frame < last:
            if frame % LOOK_EVERY == 0:
                looks.append(frame)
                taken.add(eye.picture(), int(rng.integers(*QUALITY)), seen_now(table, eye))
                points.append(_cloud(eye, rng))
            felt = sensed(table)
            wanted = np.zeros(4) if done is not None else expert.act()
            bins.append(code.encode(wanted))
            body.append(felt.body)
            touch.append(felt.touch)
            held.append(-1 if table.held is None else table.held)
            touched.append(next((i for i in range(len(scene.things)) if any(table.touching(i))), -1))
            table.step(code.decode(bins[-1]) if done is not None else astray.led(code.decode(bins[-1])))
            frame += 1
            if done is None and check.update():
                done, last = frame, frame + int(rng.integers(*REST_FRAMES))
    if done is None:
        return None
    return {
        "bins": np.stack(bins),
        "body": np.stack(body).astype(np.float32),
        "touch": np.stack(touch).astype(np.float32),
        "held": np.array(held, np.int8),
        "touched": np.array(touched, np.int8),
        "points": np.stack(points),
        "looks": looks,
        "told": {"scene": asdict(scene), "task": asdict(task), "done": done},
    }


def _drawn(rng: np.random.Generator, tasks: Sequence[Task]) -> Task:
    """One of the tasks, each verb as often."""
    verbs = sorted({t.verb for t in tasks})
    verb = verbs[int(rng.integers(len(verbs)))]
    mine = [t for t in tasks if t.verb == verb]
    return mine[int(rng.integers(len(mine)))]


class _Astray:
    """What leads the arm astray: a push that lasts some frames."""

    def __init__(self, rng: np.random.Generator, ever: bool) -> None:
        self.rng, self.ever, self.left, self.push = rng, ever, 0, np.zeros(4)

    def led(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.left == 0 and self.ever and self.rng.random() < PUSH_EVERY:
            self.left = int(self.rng.integers(*PUSH_FRAMES))
            self.push = np.array([*(self.rng.normal(0, PUSH, 3)), 0.0])
        if self.left == 0:
            return action
        self.left -= 1
        return np.clip(action + self.push, -1, 1)


def _cloud(eye: "Eye", rng: np.random.Generator) -> NDArray[np.float16]:
    """[P, 3] what the camera measures; places without a point are zeros."""
    cloud = np.zeros((POINTS, 3), np.float16)
    measured = eye.points(POINTS, rng)
    cloud[: len(measured)] = measured
    return cloud


def seen_now(table: "Table", eye: "Eye") -> dict[str, Any]:
    """What is true of a picture that is taken now, as of `entry_of`: things where they are, not where they were placed."""
    held = table.held
    things = [
        replace(placed, x=float(table.thing(i).position[0]), y=float(table.thing(i).position[1]))
        for i, placed in enumerate(table.scene.things)
    ]
    return entry_of(tuple(things), eye.things(), held)


class EpisodeBank:
    """Reads the shards of a folder.

    Args:
        name: which bank of the folder to open.
    Attributes:
        firsts: the number of the first episode of each shard, by the shard's name.
    Raises:
        InputError: the folder holds no shard of it, or a damaged one.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._episodes: list[Episode] = []
        self.firsts: dict[str, int] = {}
        first = 0
        for path in sorted(folder.glob(f"{name}-[0-9]*{SUFFIX}")):
            made = read_episodes(path, first)
            self.firsts[path.name.removesuffix(SUFFIX)] = len(self._episodes)
            self._episodes += made
            first += sum(len(episode.looks) for episode in made)
        if not self._episodes:
            raise InputError(f"no episodes {name!r} in {folder}; make them with: roboego synth episodes")

    def __len__(self) -> int:
        return len(self._episodes)

    def __getitem__(self, i: int) -> Episode:
        return self._episodes[i]


def read_episodes(path: Path, first: int = 0) -> list[Episode]:
    """The episodes of a shard.

    Args:
        first: the number of its first picture.
    Raises:
        InputError: it is not there, or damaged.
    """
    try:
        with path.open("rb") as raw, np.load(raw) as file:
            arrays = {name: file[name] for name in ARRAYS}
            told = json.loads(file["told"].tobytes())
        at, seen, made = 0, 0, list[Episode]()
        for entry in told:
            frames, count = entry["frames"], len(entry["looks"])
            here = slice(at, at + frames)
            made.append(
                Episode(
                    scene=from_json(Scene, entry["scene"], path.name),
                    task=from_json(Task, entry["task"], path.name),
                    bins=arrays["bins"][here],
                    body=arrays["body"][here],
                    touch=arrays["touch"][here],
                    held=arrays["held"][here],
                    touched=arrays["touched"][here],
                    looks=tuple((frame, first + number) for frame, number in entry["looks"]),
                    points=arrays["points"][seen : seen + count],
                    done=entry["done"],
                )
            )
            at, seen = at + frames, seen + count
        return made
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, CheckpointError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it, and roboego synth episodes makes it again") from error
