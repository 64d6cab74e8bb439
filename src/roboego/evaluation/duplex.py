"""The suite `duplex`: scenes in which who speaks when matters, judged on Ego's sound, text and events.

The kinds follow Full-Duplex-Bench v1 (pauses, turns, backchannels, interruptions; arXiv 2503.04721), with words to somebody else and Ego's
own echo beside them: a model that always talks would pass its turns and interruptions.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from roboego.data.dialogue import with_pause
from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.data.talk.asides import backchannel, open_ends
from roboego.data.talk.sampling import sample_aside, sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import Sound, Spoken, Voice
from roboego.data.word_times import with_word_times
from roboego.evaluation.material import level
from roboego.evaluation.partners import Partner
from roboego.evaluation.simulated_user import Leak, SimulatedUser
from roboego.evaluation.talk import Question, Talked, converse, judged, rate, times
from roboego.metrics.turns import Segment, stop_latency_s, voiced_segments
from roboego.runtime.frame import Cut, ReplyStarted
from roboego.streams.alphabet import words
from roboego.timebase import FRAME_SAMPLES, seconds_to_samples

Kind = Literal["turn", "pause", "barge_in", "stop", "backchannel", "aside", "echo"]
KINDS: tuple[Kind, ...] = get_args(Kind)
IN_TIME_S = 1.0
"""A turn taken later than this was not taken in time."""
SILENT_S = 0.4
"""How soon after the interrupting phrase Ego is to be silent."""
LONG_ANSWER = 8
"""Words of an answer that there is time to come in to."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a user does, and what should come of it.

    Attributes:
        turns: what is said, with the right answers; those that want none have an empty one.
        sounds: the same, spoken. meanwhile, leak: as of `SimulatedUser`.
    """

    kind: Kind
    voice: str
    turns: tuple[Turn, ...]
    sounds: tuple[Sound, ...]
    meanwhile: dict[int, float] = field(default_factory=dict)
    leak: Leak | None = None

    def user(self) -> SimulatedUser:
        return SimulatedUser(turns=self.sounds, meanwhile=self.meanwhile, leak=self.leak)


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


def scenes(kind: Kind, voice: str, count: int, *, seed: int = 0) -> list[Scene]:
    """Held-out scenes of a kind."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    speaker = open_voice(voice)
    return [_scene(kind, voice, speaker, rng) for _ in range(count)]


def _scene(kind: Kind, voice: str, speaker: Voice, rng: np.random.Generator) -> Scene:
    def spoken(text: str) -> Spoken:
        return with_word_times(speaker.say(text, rng))

    def heard(*said: Spoken) -> tuple[Sound, ...]:
        return tuple(level(s.pcm) for s in said)

    if kind == "aside":
        text = sample_aside(rng, "test")
        return Scene(kind=kind, voice=voice, turns=(_unanswered(text),), sounds=heard(spoken(text)))
    if kind in ("turn", "pause", "echo"):
        turn = _one(rng, lambda t: kind == "turn" or (kind == "pause" and bool(open_ends(t.user))) or _is_long(t))
        said = spoken(turn.user)
        if kind == "pause":
            said = with_pause(said, seconds_to_samples(rng.uniform(0.3, 1.0)), rng)
        return Scene(kind=kind, voice=voice, turns=(turn,), sounds=heard(said), leak=Leak() if kind == "echo" else None)
    first = _one(rng, _is_long)
    if kind == "backchannel":
        second = _unanswered(backchannel(rng))
    elif kind == "stop":
        second = sample_exchange(rng, "test", turns=1, intent="stop").turns[0]
    else:
        second = _one(rng, lambda t: t.intent not in ("stop", "again", "slower", "louder"))
    after = float(rng.uniform(0.5, 1.2))
    return Scene(
        kind=kind,
        voice=voice,
        turns=(first, second),
        sounds=heard(*(spoken(t.user) for t in (first, second))),
        meanwhile={1: after},
    )


def _one(rng: np.random.Generator, fits: Callable[[Turn], bool]) -> Turn:
    """A held-out turn that stands alone."""
    while True:
        turn = sample_exchange(rng, "test", turns=1).turns[0]
        if fits(turn):
            return turn


def _is_long(turn: Turn) -> bool:
    return len(words(turn.ego)) >= LONG_ANSWER


def _unanswered(text: str) -> Turn:
    return Turn(intent="none", user=text, ego="", answer=Answer(all_of=()))


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
    judge = {"turn": _turn, "pause": _pause, "barge_in": _interruption, "stop": _interruption}.get(scene.kind, _undisturbed)
    values = judge(scene, user, talked, questions)
    written = " | ".join(q.written for q in questions)
    return Outcome(kind=scene.kind, voice=scene.voice, user=" | ".join(t.user for t in scene.turns), written=written, **values)


def _turn(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Taken in time, and not before the user had ended."""
    (q,) = questions
    return {"good": q.latency_s is not None and q.latency_s <= IN_TIME_S, "right": q.right, "latency_s": q.latency_s}


def _pause(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Not taken in the pause."""
    (q,) = questions
    return {"good": not q.early, "right": q.right, "latency_s": q.latency_s}


def _interruption(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """Silent soon after the phrase; the new request answered."""
    phrase = _voiced(scene, user, 1)
    if phrase is None:
        return {"good": None}
    stopped = stop_latency_s(phrase, voiced_segments(talked.ego))
    last = questions[1]
    return {
        "good": None if stopped is None else stopped <= SILENT_S,
        "stop_s": stopped,
        "yield_s": None if stopped is None else stopped + phrase.seconds(),
        "right": last.right if scene.kind == "barge_in" and stopped is not None else None,
        "latency_s": last.latency_s if scene.kind == "barge_in" else None,
    }


def _undisturbed(scene: Scene, user: SimulatedUser, talked: Talked, questions: list[Question]) -> dict[str, Any]:
    """What asks nothing gets no reply and breaks none off: of its own accord Ego says one thing at most, and all of it."""
    last = user.went[-1].start if len(user.went) == len(scene.turns) else None
    if last is None:
        return {"good": None}
    events = [e for t, f in enumerate(talked.frames) if t * FRAME_SAMPLES >= last for e in f.events]
    allowed = 1 if scene.kind == "echo" else 0
    replies = sum(isinstance(e, ReplyStarted) for e in events)
    good = replies <= allowed and not any(isinstance(e, Cut) for e in events)
    if scene.kind == "backchannel":
        speaks = any(s.start < last < s.end for s in voiced_segments(talked.ego))
        return {"good": good if speaks else None, "right": questions[0].right if speaks else None}
    return {"good": good, "right": questions[0].right if scene.kind == "echo" else None}


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
