"""A robot with three readings, two pads and two dimensions that sees moving waves, and what it demonstrates."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboego.data.demonstrations.layout import Setup
from roboego.data.demonstrations.reader import Episode
from roboego.data.demonstrations.writer import DemonstrationWriter

SETUP = Setup(robot="toy", state=("x", "y", "z"), touch=("left", "right"), action=("ahead", "turn"), height=32, width=48)


@dataclass(frozen=True, kw_only=True)
class Shown:
    task: str
    pictures: NDArray[np.uint8]
    state: NDArray[np.float32]
    touch: NDArray[np.float32]
    action: NDArray[np.float32]


def drawn(frames: int, task: str = "go ahead.", seed: int = 0, *, noise: int = 0) -> Shown:
    """`noise`: how far brightness strays, which makes videos large."""
    rng = np.random.default_rng([seed, frames])
    t, rows, columns = np.mgrid[:frames, :32, :48]
    waves = [128 + 90 * np.sin((columns + 2 * t) / 7 + seed), 128 + 90 * np.sin(rows / 9 + t), np.full_like(t, 60 + 20 * seed)]
    pictures = np.stack(waves, -1) + rng.integers(-noise, noise + 1, (frames, 32, 48, 1))
    state, touch, action = (rng.normal(size=(frames, n)).astype(np.float32) for n in (3, 2, 2))
    return Shown(task=task, pictures=pictures.clip(0, 255).astype(np.uint8), state=state, touch=touch, action=action)


def add(out: DemonstrationWriter, shown: Shown) -> None:
    for t in range(len(shown.state)):
        out.add(shown.pictures[t], shown.state[t], shown.touch[t], shown.action[t])


def demonstrate(out: DemonstrationWriter, shown: Shown) -> None:
    out.begin(shown.task)
    add(out, shown)
    out.end()


def recorded(folder: Path, *episodes: Shown) -> Path:
    with DemonstrationWriter(folder, SETUP) as out:
        for shown in episodes:
            demonstrate(out, shown)
    return folder


def check(found: Episode, shown: Shown) -> None:
    """Numbers are the same, and pictures look the same."""
    assert found.task == shown.task
    for name in ("state", "touch", "action"):
        assert np.array_equal(getattr(found, name), getattr(shown, name)), name
    assert np.array_equal(found.timestamps, (np.arange(len(shown.state)) / 12.5).astype(np.float32))
    assert likeness_db(found.pictures(), shown.pictures) > 30


def likeness_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal to noise of the worst frame."""
    assert a.shape == b.shape
    errors = np.square(a.astype(np.float64) - b).reshape(len(a), -1).mean(1)
    return float(10 * np.log10(255**2 / max(errors.max(), 1e-9)))
