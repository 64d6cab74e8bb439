"""How long the steps of one session take with all that a model has at once: sound both ways, pictures, senses, and what it puts out."""
# S pixels a side

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboego.bench.step import WARM_UP
from roboego.bench.timing import quantiles
from roboego.evaluation.table.abilities import picture_size
from roboego.model.loaded import LoadedModel
from roboego.runtime.engine import Engine
from roboego.runtime.session import Session
from roboego.timebase import FRAME_MS, FRAME_SAMPLES

LOOK_EVERY = 5
"""Frames from one picture to the next: 0.4 s."""
PICTURES = 8
"""Different ones."""


def timed(loaded: LoadedModel, frames: int) -> dict[str, Any]:
    """Milliseconds of whole steps, a picture being encoded beside them every `LOOK_EVERY` frames, and the share of steps that come late.

    Steps begin 80 ms apart, as they do where sound is heard live.
    """
    rng, config = np.random.default_rng(0), loaded.model.config
    pictures = [_picture(rng, picture_size(loaded)) for _ in range(PICTURES)] if config.sees else []
    took = []
    with Engine(loaded) as engine, engine.open() as session:
        begun = time.perf_counter()
        for t in range(WARM_UP + frames):
            if (wait := begun + t * FRAME_MS / 1_000 - time.perf_counter()) > 0:
                time.sleep(wait)
            look = pictures[t // LOOK_EVERY % PICTURES] if pictures and t % LOOK_EVERY == 0 else None
            took.append(_step(session, rng, look))
    times = np.asarray(took[WARM_UP:])
    streams = {"pictures": len(pictures) > 0, "senses": [sense.name for sense in config.senses], "actions": config.layout.action_dims}
    return {"step": quantiles(times), "late": float((times > FRAME_MS).mean()), "frames": frames, **streams}


def _step(session: Session, rng: np.random.Generator, look: NDArray[np.uint8] | None) -> float:
    """Milliseconds of one frame."""
    pcm = (0.1 * rng.standard_normal(FRAME_SAMPLES)).astype(np.float32)
    sense = {sense.name: rng.standard_normal(sense.shape) for sense in session.engine.loaded.model.config.senses}
    started = time.perf_counter()
    session.step(pcm, look=look, sense=sense or None)
    return (time.perf_counter() - started) * 1_000


def _picture(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """[S, S, 3] squares of many colours."""
    squares = rng.integers(0, 256, (-(-size // 16), -(-size // 16), 3), np.uint8)
    return np.kron(squares, np.ones((16, 16, 1), np.uint8))[:size, :size]
