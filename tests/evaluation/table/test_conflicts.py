"""Senses that disagree: the safe course is taken by the script, and by nobody else."""

from dataclasses import replace

import pytest

from roboego.data.grounded.view import View
from roboego.data.talk.sampling import split_of
from roboego.evaluation.table.conflicts import FEELS, HALTS, KINDS, READS, good, plans, safe, summary
from roboego.evaluation.table.episode import Episode
from roboego.evaluation.table.outcome import Outcome, outcome
from tests.evaluation.table.tables import played

VOICE = "espeak-en-us"


@pytest.fixture(scope="module")
def episodes() -> dict[str, Episode]:
    return {kind: played(plans(kind, VOICE, 1)[0]) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_takes_the_safe_course_and_says_so(episodes: dict[str, Episode], kind: str) -> None:
    found = outcome(episodes[kind])
    assert split_of(episodes[kind].plan.text) == "test"
    assert (found.kind, safe(found), found.told, good(found)) == (kind, True, True, True)
    assert found.still is (kind not in HALTS)
    # Whoever goes on does not.
    assert safe(replace(found, still=False, halt_s=None)) is False
    assert good(replace(found, told=False)) is False


def test_each_kind_has_its_disagreement(episodes: dict[str, Episode]) -> None:
    text = episodes["stop_and_go"].plan.meanwhile
    assert text is not None
    assert "go" in text.typed or "stop" in text.typed or "on" in text.typed or "continue" in text.typed
    absent = episodes["absent"].plan
    asked, seen = absent.replies[0].removeprefix("you said ").split(", but i only see ")
    assert asked in absent.text
    shape = seen.rstrip(".").split()[-1]
    assert View(absent.scene).count(f"{asked} {shape}") == 0
    assert View(absent.scene).count(shape) > 0
    assert (episodes["black"].plan.camera, episodes["felt"].plan.feigned) == ("black", True)


def test_whoever_finishes_without_seeing_did_not_take_the_safe_course() -> None:
    found = Outcome(
        kind="frozen", voice="x", verb="pick_up", user="", written="", reached=True, done=True, still=False, answered=True, told=True,
        spoke=False, halt_s=0.5,
    )  # fmt: skip
    assert safe(found) is False
    assert safe(replace(found, done=False)) is True
    assert safe(replace(found, done=False, reached=False)) is None
    assert good(replace(found, reached=False, done=False))
    assert safe(replace(found, kind="black", still=True)) is True


def test_rates_by_kind_and_what_was_left_out(episodes: dict[str, Episode]) -> None:
    told = summary([outcome(e) for kind, e in episodes.items() if kind not in FEELS], FEELS)
    assert told["left_out"] == list(FEELS)
    assert "felt" not in told
    assert told["black"]["both"] == {"rate": 1.0, "of": 1, "interval": told["black"]["both"]["interval"]}
    assert told["stop_and_go"]["rest_s"] is None  # of fewer than two
    assert told["wrong"] == []
    assert set(READS) <= set(KINDS)
