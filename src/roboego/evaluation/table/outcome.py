"""What came of an episode at the table."""

from dataclasses import dataclass

from roboego.data.talk.answer import is_right
from roboego.evaluation.table.episode import Episode
from roboego.metrics.motion import STILL_M_S, begins, rests
from roboego.metrics.turns import voiced_segments, within
from roboego.sim.tasks import Verb
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds, samples_to_seconds

SPOKE_S = 0.24
"""Ego that is heard for so long while the arm moves speaks while it moves."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One episode.

    Attributes:
        user, written: what was said to Ego, or happened, and what it wrote.
        reached: what was to happen meanwhile did; true where nothing was to.
        done: the task was done. still: neither hand nor fingers ever moved.
        answered: what Ego wrote to the request is what it should write. told: the same of what it wrote after what happened meanwhile, or
            to the request where nothing did.
        spoke: it was heard while the arm moved.
        began_s, done_s: from the request's end to the first motion, and until the task was done.
        halt_s: from the end of what happened meanwhile until the arm was at rest for good; None if it did not come to rest.
    """

    kind: str
    voice: str
    verb: Verb | None
    user: str
    written: str
    reached: bool
    done: bool
    still: bool
    answered: bool
    told: bool
    spoke: bool
    began_s: float | None = None
    done_s: float | None = None
    halt_s: float | None = None


def outcome(episode: Episode) -> Outcome:
    """Judges an episode that is over."""
    plan, at = episode.plan, episode.happened_at
    before, after = episode.written(0, at), "" if at is None else episode.written(at)
    told = after if plan.meanwhile is not None else before
    return Outcome(
        kind=plan.kind,
        voice=plan.voice,
        verb=plan.verb,
        user=plan.text if plan.meanwhile is None else f"{plan.text} | {plan.meanwhile.told}",
        written=" | ".join(part for part in (before, after) if part),
        reached=plan.meanwhile is None or at is not None,
        done=episode.done_at is not None,
        still=not episode.moved,
        answered=bool(before) and is_right(plan.answers[0], before),
        told=bool(told) and is_right(plan.answers[-1], told),
        spoke=_spoke(episode),
        **_times(episode),
    )


def _times(episode: Episode) -> dict[str, float | None]:
    """What the arm does after step t it does in the frame from (t + 1) * 80 ms on."""
    asked, happened = episode.said_by(0), episode.said_by(1)
    found: dict[str, float | None] = {}
    if asked is not None:
        began = begins(episode.speeds, episode.user.went[0].start // FRAME_SAMPLES)
        found["began_s"] = None if began is None else frames_to_seconds(began + 1) - samples_to_seconds(asked)
        found["done_s"] = None if episode.done_at is None else frames_to_seconds(episode.done_at + 1) - samples_to_seconds(asked)
    if happened is not None:
        rest = rests(episode.speeds)
        found["halt_s"] = None if rest is None else frames_to_seconds(rest + 1) - samples_to_seconds(happened)
    return found


def _spoke(episode: Episode) -> bool:
    voice = voiced_segments(episode.talked.ego)
    moving = (t + 1 for t, speed in enumerate(episode.speeds) if speed >= STILL_M_S)
    heard = sum(s.seconds() for t in moving for s in within(voice, t * FRAME_SAMPLES, (t + 1) * FRAME_SAMPLES))
    return heard >= SPOKE_S


def in_time(found: Outcome, most_s: float) -> bool | None:
    """Whether the arm came to rest in time; None where nobody can tell: it was not asked to, or had done all it had to do by then."""
    rested = found.halt_s is not None and found.halt_s <= most_s
    return None if not found.reached or (rested and found.done) else rested
