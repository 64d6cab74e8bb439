"""The time and timers: what is declared matters, calls are understood, results are told, and nothing is made up."""

import numpy as np
import pytest

from roboego.data.talk import Exchange, Turn, is_right, sample_calling, sample_exchange, split_of
from roboego.data.talk.clock import HOURS, MINUTES, by_numbers, by_the_clock, length, told_rightly
from roboego.data.talk.declared import NEW_NAMES, OTHERS, TIME, TIME_NAMES, TIMER, TIMER_NAMES, declared, named, of_kind
from roboego.data.talk.intents.functions import NOT_DONE, timer_end
from roboego.streams.alphabet import normalize, words
from roboego.streams.calls import FunctionCall, announcement, parse_call

OURS = (TIME, TIMER)


def exchanges(count: int, seed: int = 0, split: str = "train", **how: object) -> list[Exchange]:
    rng = np.random.default_rng(seed)
    return [sample_exchange(rng, split, **how) for _ in range(count)]  # type: ignore[arg-type]


def last_turns(intent: str, count: int, functions: tuple, split: str = "train") -> list[Turn]:
    found = exchanges(count, split=split, turns=1, intent=intent, functions=functions)
    assert all(exchange.functions == functions for exchange in found)
    return [exchange.turns[0] for exchange in found]


@pytest.mark.parametrize(
    ("hour", "minute", "told", "numbers"),
    [
        (15, 10, "ten past three", "three ten"),
        (15, 0, "three o'clock", "three o'clock"),
        (0, 5, "five past twelve", "twelve oh five"),
        (12, 45, "quarter to one", "twelve forty five"),
        (23, 30, "half past eleven", "eleven thirty"),
        (9, 12, "nine twelve", "nine twelve"),
    ],
)
def test_times_as_people_tell_them(hour: int, minute: int, told: str, numbers: str) -> None:
    assert (by_the_clock(hour, minute), by_numbers(hour, minute)) == (told, numbers)


def test_a_time_is_told_rightly_in_any_usual_way_and_no_other_time_is() -> None:
    assert is_right(told_rightly(15, 15), "It's 3:15.")
    assert is_right(told_rightly(15, 15), "it is a quarter past three.")
    assert is_right(told_rightly(15, 15), "15:15")
    assert not is_right(told_rightly(10, 20), "it is ten twenty five.")
    assert not is_right(told_rightly(3, 5), "it is twenty five past three.")
    every = [(h, m) for h in range(HOURS // 2) for m in range(0, MINUTES, 5)]
    for told in (by_the_clock, by_numbers):
        for hour, minute in every[::29]:
            right = [(h, m) for h, m in every if is_right(told_rightly(h, m), f"it is {told(hour, minute)}.")]
            assert right == [(hour, minute)]


def test_lengths_of_time() -> None:
    assert [length(1), length(5), length(seconds=1), length(2, 30)] == [
        "one minute", "five minutes", "one second", "two minutes and thirty seconds",
    ]  # fmt: skip


def test_what_is_declared_can_be_read_and_has_names_that_do_not_clash() -> None:
    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(100):
        functions = declared(rng)
        assert 1 <= len(functions) <= 4
        assert len({f.name for f in functions}) == len(functions)
        assert normalize(announcement(functions)) == announcement(functions)
        kinds.append((of_kind(functions, "time") is not None, of_kind(functions, "timer") is not None))
        assert not {f.name for f in functions} & {name for names in NEW_NAMES.values() for name in names}
    assert {kinds.count(kind) > 5 for kind in ((True, True), (True, False), (False, True), (False, False))} == {True}
    assert of_kind(declared(rng, ("timer",)), "timer") is not None
    assert not {f.name for f in OTHERS} & {*TIME_NAMES, *TIMER_NAMES}
    assert named("kitchen_timer", "rings.").properties == TIMER.properties


def test_the_time_is_called_and_told_as_it_was_read() -> None:
    failed = 0
    for turn in last_turns("time", 80, OURS):
        assert turn.call is not None
        assert parse_call(turn.call.text, OURS) == FunctionCall(name="time", arguments={})
        assert normalize(turn.call.result) == turn.call.result
        assert not turn.call.at_once
        assert len(words(turn.call.moment)) >= 3
        assert is_right(turn.answer, turn.ego)
        failed += turn.answer == NOT_DONE
        if turn.answer != NOT_DONE and not turn.call.result.startswith(("time", "hour", "the time")):
            minutes = turn.call.result.split()[-1] if turn.call.result[-2:] not in ("am", "pm") else turn.call.result.split()[-2]
            assert minutes.strip(".") in (*words(turn.ego), "zero")
    assert 2 < failed < 25


def test_a_timer_is_called_with_its_length_and_confirmed_at_once() -> None:
    failed = 0
    for turn in last_turns("timer", 80, OURS):
        assert turn.call is not None
        assert turn.call.at_once
        call = parse_call(turn.call.text, OURS)
        ((unit, number),) = call.arguments.items()
        told = length(**{unit: int(number)})
        assert told in turn.ego.replace(",", "")
        assert set(told.split()[:-1]) <= set(words(turn.user))
        failed += bool(turn.call.after)
        assert is_right(turn.answer, f"{turn.ego} {turn.call.after}")
        assert (turn.answer == NOT_DONE) == bool(turn.call.after)
    assert 2 < failed < 25


@pytest.mark.parametrize("intent", ["time", "timer"])
@pytest.mark.parametrize("functions", [(), OTHERS[:2]])
def test_nothing_is_made_up_without_a_function_for_it(intent: str, functions: tuple) -> None:
    for turn in last_turns(intent, 20, functions):
        assert turn.call is None
        assert is_right(turn.answer, turn.ego)
        assert not is_right(turn.answer, {"time": "it is ten past three.", "timer": "okay, a timer for five minutes."}[intent])
    other = tuple(f for f in OURS if of_kind((f,), intent) is None)
    assert all(turn.call is None for turn in last_turns(intent, 3, other))


def test_the_name_that_was_declared_is_called() -> None:
    functions = named("tell_time"), named("make_timer")
    calls = {turn.call.text.split(",")[0] for kind in ("time", "timer") for turn in last_turns(kind, 5, functions) if turn.call}
    assert calls == {"tell time", "make timer"}


def test_a_timer_that_was_set_may_end_and_is_told_then() -> None:
    rng = np.random.default_rng(0)
    ended = 0
    for exchange in exchanges(40, turns=2, intent="timer", functions=OURS):
        asked = [turn for turn in exchange.turns if turn.user]
        assert (exchange.intent, len(asked), asked[-1].intent) == ("timer", 2, "timer")
        for i, turn in enumerate(exchange.turns):
            if not turn.read:
                continue
            ended += 1
            assert turn.intent == "timer_ends"
            set_before = [t for t in exchange.turns[:i] if t.intent == "timer" and t.call is not None and not t.call.after]
            assert any(is_right(t.answer, turn.ego) for t in set_before)
            assert is_right(turn.answer, turn.ego)
            assert split_of(turn.ego) == "train"
            assert normalize(turn.read) == turn.read
    assert ended > 8
    read, said, answer = timer_end(rng, "one minute")
    assert "are" not in words(f"{read} {said}")
    assert not is_right(answer, "the timer of two minutes has ended.")


def test_what_ego_says_of_it_in_training_is_of_the_training_split() -> None:
    for exchange in exchanges(40, intent="time", functions=OURS) + exchanges(40, intent="timer", functions=OURS):
        for turn in exchange.turns:
            said = [turn.ego, *((turn.call.moment, turn.call.after) if turn.call else ())]
            assert {split_of(text) for text in said if text} == {"train"}
            assert not turn.user or split_of(turn.user) == "train"


def test_exchanges_with_functions_mostly_end_with_what_they_are_for() -> None:
    rng = np.random.default_rng(0)
    found = [sample_calling(rng, "train") for _ in range(80)]
    assert all(exchange.functions for exchange in found)
    assert 45 < sum(exchange.intent in ("time", "timer") for exchange in found) < 80
    assert 25 < sum(any(turn.call for turn in exchange.turns) for exchange in found) < 70
    assert not any(turn.call or turn.read for exchange in exchanges(60) for turn in exchange.turns)
