"""Functions that a session may declare: those that tell the time and set a timer, by many names, and others that Ego has no use for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from roboego.data.talk.grammar import Rng, chance, pick
from roboego.streams.calls import Function


def _taking(name: str, description: str = "", /, **parameters: str) -> Function:
    """A function with parameters of these types, none of them required."""
    properties: dict[str, Any] = {parameter: {"type": kind} for parameter, kind in parameters.items()}
    return Function(name=name, description=description, parameters={"type": "object", "properties": properties} if properties else {})


TIME = _taking("time", "the local time.")
TIMER = _taking("timer", "rings when so much time has passed.", minutes="integer", seconds="integer")
TIME_NAMES = ("time", "get_time", "clock", "local_time", "current_time", "read_clock")
"""By which it is declared that Ego can tell the time; the first as often as all others."""
TIMER_NAMES = ("timer", "set_timer", "start_timer", "countdown", "new_timer", "egg_timer")
"""The same of the timer."""
NEW_NAMES = {"time": ("tell_time", "wall_clock"), "timer": ("kitchen_timer", "make_timer")}
"""Names that no training has."""
_TIME_TOLD = ("the local time.", "tells the time.", "what time it is.", "the time of day.")
_TIMER_TOLD = (
    "rings when so much time has passed.", "sets a timer.", "starts a timer.", "tells you when the time is over.", "counts down.",
)  # fmt: skip
OTHERS = (
    _taking("get_weather", "the weather of a city.", city="string"),
    _taking("play_music", "plays a song.", song="string"),
    _taking("open_door"),
    _taking("light", "turns the light on or off.", on="boolean"),
    _taking("send_message", "", name="string", text="string"),
    _taking("search", "looks something up.", words="string"),
    _taking("translate", "", text="string", language="string"),
    _taking("volume", "how loud the radio is.", level="integer"),
    _taking("news"),
    _taking("recipe", "how to cook something.", dish="string"),
    _taking("lock_door", "locks the front door."),
    _taking("room_temperature", "how warm it is in here."),
    _taking("battery", "how full the battery is."),
    _taking("take_photo", "takes a picture."),
    _taking("joke", "tells a joke."),
    _taking("dictionary", "what a word means.", word="string"),
    _taking("add_to_list", "puts something on the shopping list.", item="string"),
    _taking("find_place", "", name="string"),
    _taking("next_train", "when the next train leaves.", station="string"),
    _taking("heating", "", degrees="integer"),
    _taking("call_taxi"),
    _taking("dance", "moves the robot to music."),
)
MOST_OTHERS = 2
"""Functions that are declared beside those that Ego has a use for, at most."""
USEFUL = (("time", "timer"), ("time", "timer"), ("time", "timer"), ("time",), ("timer",), ())
"""Which of those are declared, each of these as often."""
_BARE = 0.25
"""Chance that a function is declared without saying what it does."""


def named(name: str, described: str = "") -> Function:
    """The time or the timer under one of its names."""
    of = TIME if name in (*TIME_NAMES, *NEW_NAMES["time"]) else TIMER
    return replace(of, name=name, description=described)


def declared(rng: Rng, useful: Sequence[str] | None = None) -> tuple[Function, ...]:
    """Functions as a session may declare them, in any order; at least one.

    Args:
        useful: "time" and "timer", or what of them is to be there; by default any of `USEFUL`.
    """
    kinds = pick(rng, USEFUL) if useful is None else useful
    found = [named(_name(rng, kind), _told(rng, kind)) for kind in kinds]
    fewest = 0 if found else 1
    for i in rng.permutation(len(OTHERS))[: int(rng.integers(fewest, MOST_OTHERS + 1))]:
        found.append(replace(OTHERS[i], description="") if chance(rng, _BARE) else OTHERS[i])
    return tuple(found[i] for i in rng.permutation(len(found)))


def of_kind(functions: Sequence[Function], kind: str) -> Function | None:
    """Which of the functions tells the time ("time") or sets a timer ("timer"); None if none does."""
    names = {"time": TIME_NAMES, "timer": TIMER_NAMES}[kind]
    return next((function for function in functions if function.name in (*names, *NEW_NAMES[kind])), None)


def _name(rng: Rng, kind: str) -> str:
    first, *others = TIME_NAMES if kind == "time" else TIMER_NAMES
    return first if chance(rng, 0.5) else pick(rng, others)


def _told(rng: Rng, kind: str) -> str:
    return "" if chance(rng, _BARE) else pick(rng, _TIME_TOLD if kind == "time" else _TIMER_TOLD)
