"""The suite `functions`: people who ask for the time and for timers, where Ego can call what tells it, and where it cannot.

Some sessions declare the functions by the names of our own, some by names that no training has, some declare others that are of no use
here, and some none at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, get_args

import numpy as np

from roboego.data.talk.answer import Answer, Exchange, Turn, is_right
from roboego.data.talk.declared import NEW_NAMES, OTHERS, TIME, TIMER, named
from roboego.data.talk.grammar import pick
from roboego.data.talk.intents.functions import NOT_DONE
from roboego.data.talk.sampling import sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.evaluation.material import level
from roboego.evaluation.partners import EnginePartner, EngineTalks
from roboego.evaluation.report import Sample
from roboego.evaluation.simulated_user import Patience, SimulatedUser
from roboego.evaluation.talk import Question, Talked, converse, judged, rate, times
from roboego.runtime.frame import CallWritten, Frame
from roboego.streams.calls import Function, FunctionCall, announcement, parse_call
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds, seconds_to_frames_up

Declared = Literal["own", "new", "others", "none"]
"""Which functions a session has: by the names of our own, by names that no training has, others, or none."""
DECLARED: tuple[Declared, ...] = get_args(Declared)
KINDS = ("time", "timer")
RESULT_S = (0.1, 2.0)
"""How long a result takes."""
FIRST_S, QUIET_S, NO_ANSWER_S = 1.0, 2.5, 8.0
"""The user's patience: before it begins, once Ego has read what it may call; after Ego has fallen silent; without an answer."""
LOOKED_AT = 2
"""Conversations of each kind, and of each outcome, that are kept to look at."""
WRONG = "error, that cannot be called."
"""What Ego reads of a call other than the one that was due."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A conversation to be had.

    Attributes:
        sounds: what the user says, turn by turn; a frame of silence where Ego reads something instead.
        result_s: how long results take.
    """

    exchange: Exchange
    declared: Declared
    sounds: tuple[Sound, ...]
    result_s: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a turn.

    Attributes:
        calls: what Ego called, as it reads.
        called: whether it called what was due, with the right arguments, and nothing else; None where nothing was due.
        told: whether all that it said is right, what it may not say included.
        made_up: whether it called or told something though there was nothing to call; None where there was.
        failed: the call did not succeed, through no fault of Ego's.
    """

    kind: str
    declared: Declared
    user: str
    written: str
    calls: tuple[str, ...]
    called: bool | None
    told: bool
    made_up: bool | None
    failed: bool
    latency_s: float | None


def measure(partner: EnginePartner, voices: Sequence[str], count: int) -> tuple[dict[str, Any], list[Sample]]:
    """Figures of about so many conversations, the voices one after another, and some of them to look at.

    Raises:
        InputError: as of `play`.
    """
    found = play(partner, [visit for i, voice in enumerate(voices) for visit in visits(voice, -(-count // len(voices)), seed=i)])
    kept: dict[str, list[Sample]] = {}
    for turns, talked in found:
        title = f"{turns[0].kind}, {turns[0].declared}: {'as it should be' if all(map(_is_good, turns)) else 'not as it should be'}"
        note = " ".join(f"user: {turn.user} called: {' | '.join(turn.calls) or '-'} Ego: {turn.written}" for turn in turns)
        kept.setdefault(title, []).append(Sample(suite="functions", title=title, note=note, talked=talked))
    every = [turn for turns, _ in found for turn in turns]
    wrong = [turn.__dict__ for turn in every if not _is_good(turn)]
    return summary(every) | {"voices": list(voices), "wrong": wrong}, [s for samples in kept.values() for s in samples[:LOOKED_AT]]


def _is_good(turn: Outcome) -> bool:
    return turn.told and turn.called is not False and not turn.made_up


def visits(voice: str, count: int, *, seed: int = 0) -> list[Visit]:
    """So many held-out conversations; what is asked for and what is declared, in turn."""
    rng, speaker = np.random.default_rng([seed, 29]), open_voice(voice)
    made = []
    for i in range(count):
        declared = DECLARED[i // len(KINDS) % len(DECLARED)]
        exchange = sample_exchange(rng, "test", 1, intent=KINDS[i % len(KINDS)], functions=_functions(declared, rng))
        silence = np.zeros(FRAME_SAMPLES, np.float32)
        sounds = tuple(silence if turn.read else level(speaker.say(turn.user, rng).pcm) for turn in exchange.turns)
        made.append(Visit(exchange=exchange, declared=declared, sounds=sounds, result_s=float(rng.uniform(*RESULT_S))))
    return made


def _functions(declared: Declared, rng: np.random.Generator) -> tuple[Function, ...]:
    match declared:
        case "own":
            return TIME, TIMER
        case "new":
            return tuple(named(pick(rng, NEW_NAMES[kind]), of.description) for kind, of in zip(KINDS, (TIME, TIMER), strict=True))
        case "others":
            return tuple(OTHERS[i] for i in rng.permutation(len(OTHERS))[:2])
        case "none":
            return ()


def play(partner: EnginePartner, plan: Sequence[Visit]) -> list[tuple[list[Outcome], Talked]]:
    """Has the conversations, as many at once as the partner takes.

    Raises:
        InputError: the model came without its tokenizer, or reads nothing.
    """
    found = []
    for first in range(0, len(plan), partner.slots):
        group = plan[first : first + partner.slots]
        calling = CallingPartner(partner, group)
        for visit, user, talked in zip(group, calling.users, converse(calling, calling.users), strict=True):
            found.append((outcomes(visit, user, talked), talked))
    return found


class CallingPartner:
    """A model in the engine, each of whose conversations is a visit: functions are declared, results come, prompts are read.

    Attributes:
        users: who visits.
    """

    def __init__(self, inner: EnginePartner, group: Sequence[Visit]) -> None:
        self.inner, self.group, self.slots = inner, group, inner.slots
        self.users = [SimulatedUser(turns=visit.sounds, patience=self._patience(visit)) for visit in group]

    def open(self, count: int) -> "CallingTalks":
        return CallingTalks(self.inner.open(count), self.group, self.users)

    def _patience(self, visit: Visit) -> Patience:
        tokenizer, told = self.inner.engine.loaded.tokenizer, announcement(visit.exchange.functions)
        if tokenizer is None:
            raise InputError("the suite functions needs a model with its tokenizer: put tokenizer.json into its folder")
        return Patience(first=FIRST_S + frames_to_seconds(len(tokenizer.encode(told))), quiet=QUIET_S, no_answer=NO_ANSWER_S)


class CallingTalks:
    """The visits that go on together."""

    def __init__(self, inner: EngineTalks, group: Sequence[Visit], users: Sequence[SimulatedUser]) -> None:
        self.inner, self.group, self.users = inner, group, users
        self._frame = 0
        self._prompted = [0] * len(group)
        self._due: list[tuple[int, int, str]] = []
        for session, visit in zip(inner.sessions, group, strict=True):
            if told := announcement(visit.exchange.functions):
                session.read(told)

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        for i in heard:
            self._prompt(i)
        for due, i, text in [result for result in self._due if result[0] <= self._frame and result[1] in heard]:
            self.inner.sessions[i].read(text)
            self._due.remove((due, i, text))
        found = self.inner.step(heard)
        for i, frame in found.items():
            for event in frame.events:
                if isinstance(event, CallWritten):
                    later = seconds_to_frames_up(self.group[i].result_s)
                    self._due.append((self._frame + later, i, _result(self.group[i].exchange, self.users[i], event.text)))
        self._frame += 1
        return found

    def _prompt(self, i: int) -> None:
        """Has Ego read what a turn that has just begun gives it to read."""
        turns, began = self.group[i].exchange.turns, len(self.users[i].went)
        for turn in turns[self._prompted[i] : began]:
            if turn.read:
                self.inner.sessions[i].read(turn.read)
        self._prompted[i] = began

    def __enter__(self) -> Self:
        self.inner.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.inner.__exit__(kind, error, trace)


def _result(exchange: Exchange, user: SimulatedUser, text: str) -> str:
    """What Ego reads of a call."""
    turn = exchange.turns[len(user.went) - 1] if user.went else None
    if turn is None or turn.call is None or _call(text, exchange.functions) != _call(turn.call.text, exchange.functions):
        return WRONG
    return turn.call.result


def _call(text: str, functions: Sequence[Function]) -> FunctionCall | None:
    """A call as it is understood; None if it is not."""
    try:
        return parse_call(text, functions)
    except InputError:
        return None


def outcomes(visit: Visit, user: SimulatedUser, talked: Talked) -> list[Outcome]:
    """Judges a conversation, turn by turn. A turn that did not come about is told wrongly."""
    stops = [went.start for went in user.went[1:]] + [len(talked.user)] * (len(visit.exchange.turns) + 1)
    starts = [went.start for went in user.went] + [len(talked.user)] * len(visit.exchange.turns)
    found = zip(visit.exchange.turns, judged(visit.exchange, user, talked), starts, stops, strict=False)
    return [_outcome(visit, turn, question, tuple(_calls(talked, start, stop))) for turn, question, start, stop in found]


def _calls(talked: Talked, start: int, stop: int) -> Iterator[str]:
    """The calls that were written from one sample of the user's clock to another."""
    for t, frame in enumerate(talked.frames):
        if start <= t * FRAME_SAMPLES < stop:
            yield from (event.text for event in frame.events if isinstance(event, CallWritten))


def _outcome(visit: Visit, turn: Turn, question: Question, calls: tuple[str, ...]) -> Outcome:
    functions, called, made_up = visit.exchange.functions, None, None
    if turn.call is not None:
        due = _call(turn.call.text, functions)
        called = [_call(text, functions) for text in calls] == [due]
    elif not turn.read:
        made_up = bool(calls) or not is_right(Answer(all_of=(), none_of=turn.answer.none_of), question.written)
    return Outcome(
        kind=turn.intent,
        declared=visit.declared,
        user=turn.user or turn.read,
        written=question.written,
        calls=calls,
        called=called,
        told=question.right,
        made_up=made_up,
        failed=turn.answer == NOT_DONE,
        latency_s=question.latency_s,
    )


def summary(found: Sequence[Outcome]) -> dict[str, Any]:
    """Rates with 95% intervals: called rightly, by name; told rightly; nothing made up where there is nothing to call."""
    due = [o for o in found if o.called is not None]
    without = [o for o in found if o.made_up is not None]
    return {
        "called_rightly": {name: rate([bool(o.called) for o in due if o.declared == name]) for name in ("own", "new")},
        "told_rightly": {kind: rate([o.told for o in due if o.kind == kind and not o.failed]) for kind in KINDS},
        "failures_told": rate([o.told for o in due if o.failed]),
        "timer_ends_told": rate([o.told for o in found if o.kind == "timer_ends"]),
        "nothing_made_up": {name: rate([not o.made_up for o in without if o.declared == name]) for name in ("others", "none")},
        "said_that_it_cannot": rate([o.told for o in without]),
        "latency_s": times([o.latency_s for o in due]),
    }
