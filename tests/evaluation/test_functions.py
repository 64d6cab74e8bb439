"""The suite `functions`: calls are answered, and judged by name, arguments and what is told of the result. What Ego writes is scripted."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from roboego.data.talk.answer import Answer, Calling, Exchange, Turn
from roboego.data.talk.clock import told_rightly
from roboego.data.talk.declared import NEW_NAMES, TIME, TIMER, named
from roboego.data.talk.sampling import split_of
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.evaluation.functions import DECLARED, WRONG, CallingPartner, Declared, Outcome, Visit, measure, outcomes, summary, visits
from roboego.evaluation.partners import EnginePartner, EngineTalks
from roboego.evaluation.talk import Talked, converse
from roboego.runtime.frame import Frame
from roboego.streams.calls import Function, announcement, parse_call
from tests.tiny import obedient_loaded

FRAME = 1_920
TEN = Turn(
    intent="time",
    user="what time is it?",
    ego="it is ten past three.",
    answer=told_rightly(15, 10),
    call=Calling(text="time", result="three ten pm", moment="let me see."),
)
FIVE = Turn(
    intent="timer",
    user="a timer for five minutes, please.",
    ego="okay, a timer for five minutes.",
    answer=Answer(all_of=(("five minutes",),)),
    call=Calling(text="kitchen timer, minutes five", result="okay", at_once=True),
)
ENDED = Turn(
    intent="timer_ends", user="", ego="your five minutes are over.", read="the timer has ended.", answer=Answer(all_of=(("five minutes",),))
)
NO_CLOCK = replace(TEN, ego="i have no clock.", answer=Answer(all_of=(("no clock",),), none_of=("past", "three")), call=None)


class Scripted(EnginePartner):
    """A model that writes what it is told to: of each conversation a call (or none) and a reply for each turn of the user's.

    The reply waits for the result, if there is a call.
    """

    def __init__(self, script: Mapping[int, list[tuple[str, str]]]) -> None:
        super().__init__(obedient_loaded(window=600), slots=len(script))
        self.script = script
        self.calling: CallingPartner | None = None

    def open(self, count: int) -> "ScriptedTalks":
        return ScriptedTalks(self, count)


class ScriptedTalks(EngineTalks):
    """Its conversations, in which nothing is to be heard of Ego."""

    def __init__(self, partner: Scripted, count: int) -> None:
        super().__init__(partner.engine, count)
        self.partner = partner
        self.due = {i: list(enumerate(turns)) for i, turns in partner.script.items()}
        self.after: dict[int, str] = {}
        self.answered: set[int] = set()

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        found = super().step(heard)
        for i, frame in found.items():
            if self.due[i] or i in self.after:
                self._write(i, frame)
        return {i: replace(frame, speech=np.zeros(FRAME, np.float32)) for i, frame in found.items()}

    def _write(self, i: int, frame: Frame) -> None:
        assert self.partner.calling is not None
        session, user = self.sessions[i], self.partner.calling.users[i]
        tokenizer, call = session.engine.loaded.tokenizer, session.layout.text.call
        assert tokenizer is not None
        assert call is not None
        reading = frame.read_text or session.to_read
        if i in self.after:
            if i in self.answered and not reading:
                session.say(self.after.pop(i))
            elif reading:
                self.answered.add(i)
        elif self.due[i] and len(user.went) > self.due[i][0][0] and user.clock > user.went[self.due[i][0][0]].end and not reading:
            calls, reply = self.due[i].pop(0)[1]
            session.say([call, *tokenizer.encode(calls)] if calls else reply)
            if calls:
                self.after[i] = reply
                self.answered.discard(i)


def visit(declared: Declared, functions: tuple[Function, ...], *turns: Turn) -> Visit:
    tone = (0.2 * np.sin(np.arange(3 * FRAME) / 20)).astype(np.float32)
    sounds = tuple(np.zeros(FRAME, np.float32) if turn.read else tone for turn in turns)
    exchange = Exchange(intent=turns[0].intent, turns=turns, functions=functions)
    return Visit(exchange=exchange, declared=declared, sounds=sounds, result_s=0.1)


def had(script: Mapping[int, list[tuple[str, str]]], group: list[Visit], frames: int) -> list[tuple[list[Outcome], Talked]]:
    partner = Scripted(script)
    partner.calling = CallingPartner(partner, group)
    users = partner.calling.users
    talked = converse(partner.calling, users, longest=frames)
    return [(outcomes(v, user, t), t) for v, user, t in zip(group, users, talked, strict=True)]


def test_calls_are_answered_and_judged() -> None:
    new = (named("tell_time"), named("kitchen_timer"))
    group = [
        visit("own", (TIME, TIMER), TEN),
        visit("new", new, FIVE, ENDED),
        visit("new", new, FIVE),
        visit("none", (), NO_CLOCK),
        visit("none", (), NO_CLOCK),
    ]
    script = {
        0: [("time", "it is three ten.")],
        1: [("kitchen timer, minutes five", "okay, five minutes."), ("", "your five minutes are over.")],
        2: [("kitchen timer, minutes nine", "okay, five minutes.")],
        3: [("", "sorry, i have no clock.")],
        4: [("", "it is ten past three.")],
    }
    found = had(script, group, 420)
    (time,), (timer, ended), (wrong,), (honest,), (liar,) = (turns for turns, _ in found)
    assert (time.called, time.told, time.made_up, time.calls) == (True, True, None, ("time",))
    assert (timer.called, timer.told, ended.kind, ended.called, ended.told) == (True, True, "timer_ends", None, True)
    assert (wrong.called, wrong.told) == (False, True)
    assert (honest.told, honest.made_up, liar.told, liar.made_up) == (True, False, False, True)
    read = ["".join(frame.read_text for frame in talked.frames).strip() for _, talked in found]
    assert read[0] == f"{announcement((TIME, TIMER))} three ten pm"
    assert read[1] == f"{announcement(new)} okay the timer has ended."
    assert read[2] == f"{announcement(new)} {WRONG}"
    assert read[3:] == ["", ""]
    told = summary([turn for turns, _ in found for turn in turns])
    assert [told["called_rightly"][name]["rate"] for name in ("own", "new")] == [1.0, 0.5]
    assert (told["told_rightly"]["time"]["rate"], told["timer_ends_told"]["rate"]) == (1.0, 1.0)
    assert (told["nothing_made_up"]["none"]["rate"], told["nothing_made_up"]["others"]["of"]) == (0.5, 0)
    assert told["said_that_it_cannot"]["rate"] == 0.5


def test_visits_are_held_out_and_the_same_each_time() -> None:
    made = visits("heart", 8)
    assert [v.declared for v in made] == [name for name in DECLARED for _ in range(2)]
    for i, one in enumerate(made):
        turn = one.exchange.turns[0]
        assert turn.intent == ("time", "timer")[i % 2]
        assert split_of(turn.user) == "test"
        assert (turn.call is not None) == (one.declared in ("own", "new"))
        if turn.call is not None:
            called = parse_call(turn.call.text, one.exchange.functions).name
            assert (called in ("time", "timer")) == (one.declared == "own")
            assert one.declared == "own" or called in NEW_NAMES[turn.intent]
        assert [len(sound) > FRAME for sound in one.sounds] == [bool(t.user) for t in one.exchange.turns]
    again = visits("heart", 2)
    assert [v.exchange for v in made[:2]] == [v.exchange for v in again]
    assert all(np.array_equal(a, b) for x, y in zip(made, again, strict=False) for a, b in zip(x.sounds, y.sounds, strict=True))


def test_a_model_that_writes_nothing_has_called_nothing_and_made_nothing_up() -> None:
    told, kept = measure(Scripted({i: [] for i in range(8)}), ["heart"], 8)
    assert (told["called_rightly"]["own"]["rate"], told["nothing_made_up"]["none"]["rate"]) == (0.0, 1.0)
    assert told["said_that_it_cannot"]["rate"] == 0.0
    assert {sample.suite for sample in kept} == {"functions"}
    assert len(told["wrong"]) >= 8


def test_a_model_without_its_tokenizer_is_told() -> None:
    loaded = replace(obedient_loaded(), tokenizer=None)
    with pytest.raises(InputError, match="tokenizer"):
        CallingPartner(EnginePartner(loaded, slots=1), [visit("none", (), NO_CLOCK)])
