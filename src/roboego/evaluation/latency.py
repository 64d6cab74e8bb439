"""The suite `latency`: from the user's end to Ego's first sound, and from an interruption to silence, with several sessions at once.

Simulated users run on frames, not on a clock: what they measure is what the model decides and the delays it was built with. What the steps
of so many sessions take on this machine is measured beside it and added: the sum is what a user waits, as long as a step fits its 80 ms.
The same model behind a voice detector, as assistants that take turns have it, is measured in the same way.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from roboego.evaluation.duplex import play
from roboego.evaluation.duplex_scenes import Scene
from roboego.evaluation.partners import EnginePartner, Partner
from roboego.evaluation.semi_duplex import SemiDuplexPartner
from roboego.evaluation.talk import rate, times
from roboego.model.loaded import LoadedModel
from roboego.timebase import FRAME_MS

SESSIONS = (1, 4, 8, 16)


def latency(loaded: LoadedModel, plan: Sequence[Scene], sessions: Sequence[int] = SESSIONS) -> dict[str, Any]:
    """Plays scenes ("turn" and "barge_in") with so many of them at once, and with one behind a voice detector.

    Returns:
        By number of sessions: seconds to a reply and to silence (from an interrupting phrase's end, and from its first sound),
        milliseconds of a step, and the share of steps that took too long. Numbers of sessions for which there are too few scenes are
        left out.
    """
    found = {f"{count}_sessions": _measured(EnginePartner(loaded, slots=count), plan) for count in sessions if count <= len(plan)}
    return found | {"semi_duplex": _measured(SemiDuplexPartner(loaded, slots=1), plan)}


def _measured(partner: Partner, plan: Sequence[Scene]) -> dict[str, Any]:
    whole = len(plan) // partner.slots * partner.slots  # a batch with room left takes shorter steps
    played = play(partner, plan[:whole])
    taken = np.array([frame.step_ms for _, talked in played for frame in talked.frames if frame.step_ms > 0])
    step_s = float(np.median(taken)) / 1000 if len(taken) else 0.0
    found = [outcome for outcome, _ in played]
    waits = {
        "reply_s": [o.latency_s for o in found if o.kind == "turn"],
        "stop_s": [o.stop_s for o in found],
        "yield_s": [o.yield_s for o in found],
    }
    late = int((taken > FRAME_MS).sum())
    return {name: times([s + step_s for s in each if s is not None]) for name, each in waits.items()} | {
        "step_ms": {"p50": float(np.median(taken)), "p99": float(np.quantile(taken, 0.99))} if len(taken) else None,
        "late_steps": rate([True] * late + [False] * (len(taken) - late)),
    }
