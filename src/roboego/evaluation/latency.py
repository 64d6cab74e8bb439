"""The suite `latency`: from the user's end to Ego's first sound, and from an interruption to silence, with several sessions at once.

Simulated users run on frames, not on a clock: what they measure is what the model decides and the delays it was built with. What the steps
of so many sessions take on this machine is measured beside it and added: the sum is what a user waits, as long as a step fits its 80 ms.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from roboego.evaluation.duplex import Scene, play
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.talk import times
from roboego.model.loaded import LoadedModel
from roboego.timebase import FRAME_MS

SESSIONS = (1, 4, 8, 16)


def latency(loaded: LoadedModel, plan: Sequence[Scene], sessions: Sequence[int] = SESSIONS) -> dict[str, Any]:
    """Plays scenes ("turn" and "barge_in") with so many of them at once.

    Returns:
        By number of sessions: seconds to a reply and to silence, milliseconds of a step, and the share of steps that took too long.
    """
    return {f"{count}_sessions": _with(loaded, plan, count) for count in sessions}


def _with(loaded: LoadedModel, plan: Sequence[Scene], slots: int) -> dict[str, Any]:
    replies: list[float] = []
    stops: list[float] = []
    steps: list[float] = []
    whole = len(plan) // slots * slots  # a batch with room left takes shorter steps
    for found, talked in play(EnginePartner(loaded, slots=slots), plan[:whole]):
        if found.latency_s is not None and found.kind == "turn":
            replies.append(found.latency_s)
        if found.stop_s is not None:
            stops.append(found.stop_s)
        steps += [frame.step_ms for frame in talked.frames]
    taken = np.array(steps)
    step_s = float(np.median(taken)) / 1000 if steps else 0.0
    return {
        "reply_s": times([s + step_s for s in replies]),
        "stop_s": times([s + step_s for s in stops]),
        "step_ms": {"p50": float(np.median(taken)), "p99": float(np.quantile(taken, 0.99))} if steps else None,
        "late_steps": float((taken > FRAME_MS).mean()) if steps else None,
    }
