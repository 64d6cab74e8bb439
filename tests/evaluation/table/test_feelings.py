"""Questions about what the hand feels."""

import pytest

from roboego.data.talk.answer import is_right
from roboego.data.talk.sampling import split_of
from roboego.evaluation.table.abilities import Feel
from roboego.evaluation.table.feelings import CONDITIONS, KINDS, conditions, plans, summary, under
from roboego.evaluation.table.outcome import outcome
from tests.evaluation.table.tables import played

VOICE = "espeak-en-us"
FELT = Feel(shapes={"body": (11,), "touch": (2,)})


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_so_in_every_other_plan(kind: str) -> None:
    so, otherwise = plans(kind, VOICE, 2)  # type: ignore[arg-type]
    for plan in (so, otherwise):
        assert split_of(plan.text) == "test"
        assert is_right(plan.answers[0], plan.replies[0])
        assert plan.lead is not None
        assert plan.lead.thing == plan.about
    assert not is_right(so.answers[0], otherwise.replies[0]) or so.text != otherwise.text
    if kind in ("soft", "heavy"):
        assert so.about is not None
        assert otherwise.about is not None
        values = [getattr(p.scene.things[p.about or 0].thing, kind) for p in (so, otherwise)]
        assert values == [True, False]
        assert not is_right(so.answers[0], otherwise.replies[0])


def test_an_expert_puts_it_to_the_hand_before_it_is_asked_about() -> None:
    plan = under("no_body", plans("holding", VOICE, 1)[0])
    episode = played(plan, feel=FELT)
    found = outcome(episode)
    assert episode.table.held == plan.about
    assert (found.kind, found.told) == ("holding no_body", True)
    assert episode.user.went[0].start > 20 * 1_920  # not before the thing is held


def test_conditions_that_make_no_difference_are_left_out() -> None:
    assert conditions(()) == ["all"]
    assert conditions(("body", "touch")) == ["all", "no_touch", "no_body", "no_sense"]
    assert conditions(("body", "touch", "points", "picture")) == list(CONDITIONS)


def test_rates_under_each_condition() -> None:
    done = outcome(played(plans("touched", VOICE, 1)[0]))
    found = [
        type(done)(**{**done.__dict__, "kind": kind, "told": told})
        for kind, told in (("touched all", True), ("soft all", False), ("soft no_touch", False))
    ]
    told = summary(found)
    assert told["all"]["answered_right"]["rate"] == 0.5
    assert {kind: r["rate"] for kind, r in told["all"]["by_kind"].items()} == {"soft": 0.0, "touched": 1.0}
    assert told["no_touch"]["answered_right"]["rate"] == 0.0
    assert set(told) == {"all", "no_touch", "wrong"}
    assert [w["kind"] for w in told["wrong"]] == ["soft all"]
