"""The suite `action`: requests spoken aloud, the arm moved by what Ego makes of them, each judged by what became of the table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from roboego.evaluation.table.outcome import Outcome, in_time
from roboego.evaluation.table.requests import DOES, KINDS
from roboego.evaluation.talk import rate, times

STOP_S = 0.4
"""How soon after "stop" the arm is to be at rest."""


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Rates with 95% intervals and times, by kind of episode."""
    told: dict[str, Any] = {}
    for kind in KINDS:
        found = [o for o in outcomes if o.kind == kind]
        if found:
            told[kind] = _OF[kind](found)
    return told | {"wrong": [asdict(o) for o in outcomes if not good(o)]}


def good(found: Outcome) -> bool:
    """Whether an episode went as it should; one that did not come about did."""
    if found.kind == "impossible":
        return found.still and found.told
    if found.kind == "stop":
        return in_time(found, STOP_S) is not False
    return found.done and (found.kind != "chat" or not found.reached or found.told)


def _do(found: Sequence[Outcome]) -> dict[str, Any]:
    """What was done, of each verb, and while Ego said something or did not."""
    return {
        "done": rate([o.done for o in found]),
        "by_verb": {verb: rate([o.done for o in found if o.verb == verb]) for verb in DOES if any(o.verb == verb for o in found)},
        "speaking": {"done": rate([o.done for o in found if o.spoke])},
        "silent": {"done": rate([o.done for o in found if not o.spoke])},
        "said_so": rate([o.told for o in found]),
        "began_s": times([o.began_s for o in found]),
        "done_s": times([o.done_s for o in found]),
    }


def _chat(found: Sequence[Outcome]) -> dict[str, Any]:
    """The same where a question came in meanwhile, and its answers."""
    counted = [o for o in found if o.reached]
    return {
        "done": rate([o.done for o in counted]),
        "answered_right": rate([o.told for o in counted]),
        "both": rate([o.done and o.told for o in counted]),
        "not_reached": len(found) - len(counted),
    }


def _stop(found: Sequence[Outcome]) -> dict[str, Any]:
    """Arms that came to rest, of those that were told to while they moved."""
    judged = [(o, in_time(o, STOP_S)) for o in found]
    counted = [(o, rested) for o, rested in judged if rested is not None]
    return {
        "rested": rate([bool(rested) for _, rested in counted]),
        "said_so": rate([o.told for o, _ in counted]),
        "rest_s": times([o.halt_s for o, _ in counted]),
        "never_rested": sum(o.halt_s is None for o, _ in counted),
        "not_reached": len(found) - len(counted),
    }


def _impossible(found: Sequence[Outcome]) -> dict[str, Any]:
    """Arms that kept still, and what Ego said about it."""
    return {
        "still": rate([o.still for o in found]),
        "said_so": rate([o.told for o in found]),
        "both": rate([o.still and o.told for o in found]),
    }


_OF = {"do": _do, "chat": _chat, "stop": _stop, "impossible": _impossible}
