"""The suite `duplex`: scenes in which who speaks when matters, judged on Ego's sound, text and events.

The kinds follow Full-Duplex-Bench v1 (pauses, turns, backchannels, interruptions; arXiv 2503.04721), with what else people do beside them
(`duplex_scenes`): a model that always talks would pass its turns and interruptions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from roboego.data.talk.answer import Exchange
from roboego.evaluation.duplex_scenes import KINDS, Kind, Scene
from roboego.evaluation.partners import Partner
from roboego.evaluation.simulated_user import SimulatedUser
from roboego.evaluation.talk import Question, Talked, converse, judged, rate, times
from roboego.metrics.turns import Segment, joined, stop_latency_s, voiced_segments, within
from roboego.runtime.frame import Cut, Event, ReplySpoken, ReplyStarted
from roboego.timebase import FRAME_SAMPLES, samples_to_seconds

IN_TIME_S = 1.0
"""A turn taken later than this was not taken in time."""
SILENT_S = 0.4
"""How soon after the interrupting phrase Ego is to be silent."""
WITHIN_S = 0.6
"""Pauses up to this long lie within what Ego says: it counts, spells and lists."""
OFFER_S = (14.0, 18.0)
"""After so much silence Ego is to ask whether help is needed, once."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a scene.

    Attributes:
        good: what its kind asks for; None where it did not come to that (Ego was not speaking when it should have been interrupted).
        right: whether the last request that wants an answer got it; None if there is none.
        latency_s: from the user's last sound to Ego's answer; stop_s, yield_s: from the interrupting phrase's end, and from its
            first sound, to Ego's silence.
    """

    kind: Kind
    voice: str
    user: str
    written: str
    good: bool | None
    right: bool | None = None
    latency_s: float | None = None
    stop_s: float | None = None
    yield_s: float | None = None


def play(partner: Partner, plan: Sequence[Scene], *, progress: Progress = lambda done, total: None) -> list[tuple[Outcome, Talked]]:
    """Plays the scenes to a partner, as many at once as it takes."""
    found: list[tuple[Outcome, Talked]] = []
    for first in range(0, len(plan), partner.slots):
        group = plan[first : first + partner.slots]
        users = [scene.user() for scene in group]
        for scene, user, talked in zip(group, users, converse(partner, users), strict=True):
            found.append((outcome(scene, user, talked), talked))
        progress(min(first + partner.slots, len(plan)), len(plan))
    return found


def outcome(scene: Scene, user: SimulatedUser, talked: Talked) -> Outcome:
    """Judges a scene."""
    exchange = Exchange(intent=scene.turns[-1].intent, turns=scene.turns)
    questions = judged(exchange, user, talked)
    values = JUDGES[scene.kind](scene, user, talked, questions)
    written = " | ".join(q.written for q in questions)
    return Outcome(kind=scene.kind, voice=scene.voice, user=" | ".join(t.user for t in scene.turns), written=written, **values)


def _turn(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Taken in time, and not before the user had ended."""
    (q,) = questions
    return {"good": q.latency_s is not None and q.latency_s <= IN_TIME_S, "right": q.right, "latency_s": q.latency_s}


def _not_early(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Not taken before the user had ended."""
    (q,) = questions
    return {"good": not q.early, "right": q.right, "latency_s": q.latency_s}


def _corrected(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Answered as corrected, and not before."""
    (q,) = questions
    return {"good": q.right and not q.early, "right": q.right, "latency_s": q.latency_s}


def _interruption(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Silent soon after the phrase; the new request answered. Where Ego had said all it had to say by then, nothing was interrupted."""
    phrase = _voiced(scene, user, 1)
    if phrase is None:
        return {"good": None}
    anew = (t for t, e in _events(talked, phrase.start) if isinstance(e, ReplyStarted))
    new = (next(anew, len(talked.frames)) + 1) * FRAME_SAMPLES  # what a frame says is played in the next one
    stopped = stop_latency_s(phrase, joined(within(voiced_segments(talked.ego), 0, new), WITHIN_S))
    if stopped is None or (stopped <= SILENT_S and _said_all(talked, phrase)):
        return {"good": None}
    last = questions[1]
    return {
        "good": stopped <= SILENT_S,
        "stop_s": stopped,
        "yield_s": stopped + phrase.seconds(),
        "right": last.right if scene.kind == "barge_in" else None,
        "latency_s": last.latency_s if scene.kind == "barge_in" else None,
    }


def _said_all(talked: Talked, phrase: Segment) -> bool:
    """Whether what Ego was saying when the phrase began came to its own end."""
    ends = (e for _, e in _events(talked, phrase.start) if isinstance(e, ReplySpoken | Cut | ReplyStarted))
    return isinstance(next(ends, None), ReplySpoken)


def _backchannel(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Goes on: what Ego says is not broken off, and nothing new is begun."""
    said = _voiced(scene, user, 1)
    if said is None or not any(s.start < said.start < s.end for s in joined(voiced_segments(talked.ego), WITHIN_S)):
        return {"good": None}
    broken = any(isinstance(e, Cut | ReplyStarted) for _, e in _events(talked, said.start))
    return {"good": not broken, "right": questions[0].right}


def _left_alone(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """No reply is begun, in text or in sound."""
    if not user.went:
        return {"good": None}
    begun = any(isinstance(e, ReplyStarted) for _, e in _events(talked, user.went[0].start))
    return {"good": not begun and not any(s.end > user.went[0].start for s in voiced_segments(talked.ego))}


def _echo(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """One reply, and all of it."""
    if not user.went:
        return {"good": None}
    events = [e for _, e in _events(talked, user.went[0].start)]
    replies = sum(isinstance(e, ReplyStarted) for e in events)
    return {"good": replies <= 1 and not any(isinstance(e, Cut) for e in events), "right": questions[0].right}


def _offer(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """After the answer, one question whether help is needed, in time, and no other."""
    said = joined(voiced_segments(talked.ego), 1.0)
    if not said or questions[0].latency_s is None:
        return {"good": None}
    waits = [samples_to_seconds(later.start - earlier.end) for earlier, later in pairwise(said)]
    return {"good": len(waits) == 1 and OFFER_S[0] <= waits[0] <= OFFER_S[1], "right": questions[0].right}


Judge = Callable[[Scene, SimulatedUser, Talked, list[Question]], dict[str, Any]]
JUDGES: dict[Kind, Judge] = {
    "turn": _turn,
    "pause": _not_early,
    "trailing": _not_early,
    "correction": _corrected,
    "barge_in": _interruption,
    "stop": _interruption,
    "backchannel": _backchannel,
    "aside": _left_alone,
    "echo": _echo,
    "offer": _offer,
}


def _events(talked: Talked, start: int) -> Iterator[tuple[int, Event]]:
    """The events from that sample on, each with the number of its frame."""
    return ((t, e) for t, f in enumerate(talked.frames) if t * FRAME_SAMPLES >= start for e in f.events)


def _voiced(scene: Scene, user: SimulatedUser, i: int) -> Segment | None:
    """Where the i-th thing was said, from its first voiced sample to its last; None if it was not."""
    if len(user.went) <= i:
        return None
    own = voiced_segments(scene.sounds[i])
    start = user.went[i].start
    return Segment(start=start + own[0].start, end=start + own[-1].end) if own else None


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Rates with 95% intervals and latencies, by kind of scene."""
    told = {}
    for kind in KINDS:
        found = [o for o in outcomes if o.kind == kind]
        if not found:
            continue
        counted = [o for o in found if o.good is not None]
        told[kind] = {
            "good": rate([bool(o.good) for o in counted]),
            "not_reached": len(found) - len(counted),
            "answered_right": rate([o.right for o in counted if o.right is not None]),
            "latency_s": times([o.latency_s for o in counted]),
            "stop_s": times([o.stop_s for o in counted]),
            "yield_s": times([o.yield_s for o in counted]),
        }
    return told | {"wrong": [asdict(o) for o in outcomes if o.good is False or o.right is False]}
