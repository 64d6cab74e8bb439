import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.streams.alphabet import normalize
from roboego.streams.calls import Function, FunctionCall, announcement, parse_call, readable, written_call

TIMER = Function(
    name="set_timer",
    description="Rings after some minutes!",
    parameters={
        "type": "object",
        "properties": {
            "minutes": {"type": "number"},
            "label": {"type": "string"},
            "label_color": {"enum": ["red", "sea green", 3]},
            "loud": {"type": "boolean"},
            "days": {"type": "array"},
        },
        "required": ["minutes"],
    },
)
CLOCK = Function(name="get-time2")
BOTH = (TIMER, CLOCK)


def test_ego_is_told_of_them() -> None:
    assert announcement(()) == ""
    assert announcement(BOTH) == (
        "you can call set timer, minutes, label, label color, loud, days. rings after some minutes. you can call get time two."
    )


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("get time two", "get-time2", {}),
        ("get time two.", "get-time2", {}),
        ("set timer, minutes five", "set_timer", {"minutes": 5}),
        ("set timer, label tea for two, minutes twenty one", "set_timer", {"label": "tea for two", "minutes": 21}),
        ("set timer, minutes minus one point zero five", "set_timer", {"minutes": -1.05}),
        ("set timer, minutes one, label color sea green, loud yes", "set_timer", {"minutes": 1, "label_color": "sea green", "loud": True}),
        ("set timer, minutes one, label color three", "set_timer", {"minutes": 1, "label_color": 3}),
        ('{"name": "set_timer", "arguments": {"minutes": 2, "days": [1]}}', "set_timer", {"minutes": 2, "days": [1]}),
    ],
)
def test_a_call_is_understood(text: str, name: str, arguments: dict) -> None:
    call = parse_call(text, BOTH)
    assert call == FunctionCall(name=name, arguments=arguments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("make coffee", "'make coffee', which is not among the functions: set_timer, get-time2"),
        ("set timer", r"without those it needs \(\['minutes'\]\)"),
        ("set timer, five", "begins with none"),
        ("set timer, minutes many", "must be a number"),
        ("set timer, minutes one point", "must be a number"),
        ("set timer, minutes one point eleven", "must be a number"),
        ("set timer, minutes one, loud perhaps", "yes or no"),
        ("set timer, minutes one, label color blue", "one of"),
        ("set timer, minutes one, days one", "only JSON"),
        ("{", "no JSON"),
        ("{}", "without a name"),
        ('{"name": "set_timer", "arguments": []}', "without a name"),
        ('{"name": "get-time2", "arguments": {"zone": 1}}', r"does not take \(\['zone'\]\)"),
    ],
)
def test_what_cannot_be_understood_is_told(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_call(text, BOTH)


@given(st.integers(-999, 999), st.sampled_from(["tea", "a red cup"]), st.booleans())
def test_written_calls_are_understood(minutes: int, label: str, loud: bool) -> None:
    call = FunctionCall(name="set_timer", arguments={"minutes": minutes, "label": label, "loud": loud})
    assert parse_call(written_call(call), BOTH) == call


@pytest.mark.parametrize(
    ("result", "read"),
    [
        ("It is 5 o'clock!", "it is five o'clock."),
        ("12", "twelve"),
        (
            json.dumps({"temperature": -3, "sky": "Clear", "rain": False, "then": None}),
            "temperature minus three, sky clear, rain no, then nothing",
        ),
        (json.dumps(["a", 2.5]), "a, two point five"),
    ],
)
def test_results_are_read_as_text(result: str, read: str) -> None:
    assert readable(result) == read
    assert normalize(read) == read


@pytest.mark.parametrize(
    ("name", "parameters"), [("", {}), ("a b", {}), ("größe", {}), ("f", {"type": "array"}), ("f", {"properties": {"a": 1}})]
)
def test_functions_that_are_none(name: str, parameters: dict) -> None:
    with pytest.raises(InputError):
        Function(name=name, parameters=parameters)
