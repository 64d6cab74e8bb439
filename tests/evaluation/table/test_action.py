"""The figures of the suite `action`."""

from dataclasses import replace

from roboego.evaluation.report import figures_of
from roboego.evaluation.table.action import good, summary
from roboego.evaluation.table.outcome import Outcome

DONE = Outcome(
    kind="do", voice="x", verb="push", user="", written="", reached=True, done=True, still=False, answered=True, told=True,
    spoke=True, began_s=0.3, done_s=2.0,
)  # fmt: skip
STOPPED = replace(DONE, kind="stop", done=False, halt_s=0.3)
REFUSED = replace(DONE, kind="impossible", done=False, still=True)


def test_what_was_done_of_each_verb_speaking_and_silent() -> None:
    told = summary([DONE, replace(DONE, verb="touch", done=False, done_s=None, spoke=False), replace(DONE, began_s=0.5)])["do"]
    assert (told["done"]["rate"], told["done"]["of"]) == (2 / 3, 3)
    assert {verb: r["rate"] for verb, r in told["by_verb"].items()} == {"touch": 0.0, "push": 1.0}
    assert (told["speaking"]["done"]["rate"], told["silent"]["done"]["rate"]) == (1.0, 0.0)
    assert told["began_s"]["median"] == 0.3
    assert told["done_s"]["of"] == 2


def test_who_was_stopped_and_who_came_to_an_end_by_itself() -> None:
    late, never = replace(STOPPED, halt_s=0.9), replace(STOPPED, halt_s=None)
    ended, before = replace(STOPPED, done=True, halt_s=0.1), replace(STOPPED, reached=False, halt_s=None)
    found = [STOPPED, late, never, ended, before]
    told = summary(found)["stop"]
    assert (told["rested"]["rate"], told["rested"]["of"], told["not_reached"], told["never_rested"]) == (1 / 3, 3, 2, 1)
    assert [good(o) for o in found] == [True, False, False, True, True]


def test_what_cannot_be_done_is_to_be_refused_without_motion() -> None:
    moved, mute = replace(REFUSED, still=False), replace(REFUSED, told=False)
    told = summary([REFUSED, moved, mute])["impossible"]
    assert [told[name]["rate"] for name in ("still", "said_so", "both")] == [2 / 3, 2 / 3, 1 / 3]
    assert [good(o) for o in (REFUSED, moved, mute)] == [True, False, False]


def test_who_was_asked_meanwhile_goes_on_and_answers() -> None:
    asked = replace(DONE, kind="chat")
    found = [asked, replace(asked, told=False), replace(asked, done=False), replace(asked, reached=False, done=True)]
    told = summary(found)["chat"]
    assert (told["done"]["of"], told["both"]["rate"], told["not_reached"]) == (3, 1 / 3, 1)
    assert [good(o) for o in found] == [True, False, False, True]


def test_every_figure_comes_with_its_interval() -> None:
    found = summary([DONE, replace(DONE, began_s=0.5, done_s=3.0), STOPPED, REFUSED])
    names = {figure.name for figure in figures_of(found)}
    assert {"do done", "do by verb push", "do speaking done", "do began median", "stop rested", "impossible both"} <= names
    assert found["wrong"] == []
