"""The suite `talk`: spoken questions of the Talk part, their answers, who took the floor when, and silence kept."""
# N samples on the user's clock; what Ego plays in its step t stands one frame later, since the frame had to be captured first

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from roboego.data.talk.answer import Exchange, is_right
from roboego.data.voices.base import Sound
from roboego.evaluation.partners import Partner
from roboego.evaluation.simulated_user import SimulatedUser, User
from roboego.evaluation.surroundings import QUIET, Surroundings
from roboego.metrics.intervals import bootstrap_median, wilson
from roboego.metrics.turns import voiced_segments
from roboego.metrics.wer import error_rate, word_errors
from roboego.runtime.frame import Frame
from roboego.timebase import FRAME_SAMPLES, samples_to_seconds

LONGEST_FRAMES = 1_500

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One turn of a user's, and what came of it.

    Attributes:
        heard: what Ego wrote down of it meanwhile; "" from a model without captions.
        asked: the user came to say it; not so where Ego did not fall silent in time.
        right: whether what Ego wrote before the user's next turn answers it.
        latency_s: from the user's last voiced sample to Ego's first after it; None if Ego did not speak.
        early: Ego began to speak before the user had ended.
    """

    intent: str
    user: str
    expected: str
    written: str
    right: bool
    latency_s: float | None
    early: bool
    heard: str = ""
    asked: bool = True


@dataclass
class Talked:
    """A conversation as it was recorded."""

    user: Sound
    ego: Sound
    frames: list[Frame] = field(default_factory=list)


def converse(partner: Partner, users: Sequence[User], *, longest: int = LONGEST_FRAMES) -> list[Talked]:
    """Lets each user have a conversation of its own, all of them together, as fast as possible."""
    heard: list[list[Sound]] = [[] for _ in users]
    said: list[list[Sound]] = [[np.zeros(FRAME_SAMPLES, np.float32)] for _ in users]
    frames: list[list[Frame]] = [[] for _ in users]
    with partner.open(len(users)) as talks:
        for _ in range(longest):
            talking = [i for i, user in enumerate(users) if not user.done]
            if not talking:
                break
            for i in talking:
                heard[i].append(users[i].speak())
            for i, frame in talks.step({i: heard[i][-1] for i in talking}).items():
                frames[i].append(frame)
                said[i].append(frame.speech)
                users[i].hear(frame.speech)
    return [
        Talked(user=np.concatenate(h), ego=np.concatenate(s)[: len(h) * FRAME_SAMPLES], frames=f)
        for h, s, f in zip(heard, said, frames, strict=True)
    ]


def judged(exchange: Exchange, user: SimulatedUser, talked: Talked) -> list[Question]:
    """Every turn of an exchange, judged on Ego's text and sound. Turns that were never asked are wrong and have no reply."""
    ego = [s.start for s in voiced_segments(talked.ego)]
    questions = []
    for i, (turn, went) in enumerate(zip(exchange.turns[: len(user.went)], user.went, strict=True)):
        own = voiced_segments(user.turns[i])
        end = went.start + (own[-1].end if own else len(user.turns[i]))
        stop = user.went[i + 1].start if i + 1 < len(user.went) else len(talked.user)
        meanwhile = [f for t, f in enumerate(talked.frames) if went.start <= t * FRAME_SAMPLES < stop]
        written, heard = ("".join(texts).strip() for texts in ([f.text for f in meanwhile], [f.heard for f in meanwhile]))
        starts = [s for s in ego if went.start < s < stop]
        early = bool(starts) and starts[0] < end
        latency = samples_to_seconds(starts[0] - end) if starts and not early else None
        right = is_right(turn.answer, written)
        questions.append(
            Question(
                intent=turn.intent,
                user=turn.user,
                expected=turn.ego,
                written=written,
                right=right,
                latency_s=latency,
                early=early,
                heard=heard,
            )
        )
    return questions + [
        Question(intent=t.intent, user=t.user, expected=t.ego, written="", right=False, latency_s=None, early=False, asked=False)
        for t in exchange.turns[len(user.went) :]
    ]


def ask(
    partner: Partner,
    spoken: Sequence[tuple[Exchange, Sequence[Sound]]],
    *,
    progress: Progress = lambda done, total: None,
    look: Callable[[Sequence[Question], Talked], None] = lambda questions, talked: None,
    around: Surroundings = QUIET,
) -> list[Question]:
    """Puts exchanges, spoken by somebody, to a partner.

    Args:
        look: told of every conversation as it is over.
        around: where they are spoken; each conversation has a seed of its own.
    """
    questions: list[Question] = []
    for first in range(0, len(spoken), partner.slots):
        group = spoken[first : first + partner.slots]
        users = [_heard(sounds, replace(around, seed=first + i)) for i, (_, sounds) in enumerate(group)]
        for (exchange, _), user, talked in zip(group, users, converse(partner, users), strict=True):
            asked = judged(exchange, user, talked)
            look(asked, talked)
            questions += asked
        progress(min(first + partner.slots, len(spoken)), len(spoken))
    return questions


def _heard(turns: Sequence[Sound], around: Surroundings) -> SimulatedUser:
    heard_as, background = around.heard(turns)
    return SimulatedUser(turns=turns, heard_as=heard_as, background=background)


def keeps_silent(partner: Partner, backgrounds: Sequence[Sound]) -> list[bool]:
    """Whether Ego stays quiet, in text and sound, while nobody speaks."""
    kept = []
    for first in range(0, len(backgrounds), partner.slots):
        group = backgrounds[first : first + partner.slots]
        written, said = [""] * len(group), [[np.zeros(0, np.float32)] for _ in group]
        with partner.open(len(group)) as talks:
            for t in range(min(len(b) for b in group) // FRAME_SAMPLES):
                heard = {i: b[t * FRAME_SAMPLES : (t + 1) * FRAME_SAMPLES] for i, b in enumerate(group)}
                for i, frame in talks.step(heard).items():
                    written[i] += frame.text
                    said[i].append(frame.speech)
        kept += [not w.strip() and not voiced_segments(np.concatenate(s)) for w, s in zip(written, said, strict=True)]
    return kept


def summary(questions: Sequence[Question], silences: Sequence[bool]) -> dict[str, Any]:
    """Rates with 95% intervals, latencies, and the answers by intent."""
    latencies = [q.latency_s for q in questions if q.latency_s is not None]
    interval = bootstrap_median(latencies) if len(latencies) > 1 else None
    captions = [word_errors(q.user, q.heard) for q in questions if q.asked]
    by_intent = {name: [q.right for q in questions if q.intent == name] for name in sorted({q.intent for q in questions})}
    return {
        "questions": len(questions),
        "asked": sum(q.asked for q in questions),
        "answered_right": rate([q.right for q in questions]),
        "took_floor_early": rate([q.early for q in questions]),
        "no_reply": rate([q.latency_s is None and not q.early for q in questions]),
        "latency_s": {
            "median": float(np.median(latencies)) if latencies else None,
            "p90": float(np.quantile(latencies, 0.9)) if latencies else None,
            "median_interval": [interval.low, interval.high] if interval else None,
        },
        "captions": error_rate(captions) if any(q.heard for q in questions) else None,
        "silences_kept": rate(silences),
        "right_by_intent": {name: {"right": sum(values), "of": len(values)} for name, values in by_intent.items()},
    }


def rate(values: Sequence[bool]) -> dict[str, Any]:
    """A share with its 95% interval."""
    if not values:
        return {"rate": None, "of": 0}
    interval = wilson(sum(values), len(values))
    return {"rate": sum(values) / len(values), "of": len(values), "interval": [interval.low, interval.high]}


def times(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Median with its 95% interval, and the 90% quantile, of the times that are known; None of fewer than two."""
    known = [v for v in values if v is not None]
    if len(known) < 2:
        return None
    found = bootstrap_median(known)
    return {
        "median": float(np.median(known)),
        "p90": float(np.quantile(known, 0.9)),
        "median_interval": [found.low, found.high],
        "of": len(known),
    }
