"""Where replies ought to look: at the tokens of the things that they tell of, from left to right."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from roboego.data.grounded.aims import NOTHING_BIT, OPEN, aim, aims
from roboego.data.grounded.asked import ABSENT
from roboego.data.grounded.quiz import is_there
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer, Turn
from roboego.sim.scene import Placed, Scene
from roboego.sim.things import Thing
from tests.data.grounded.test_pool import tokenizer


def things(*xs: float) -> tuple[Placed, ...]:
    colors = ("red", "blue", "green")
    return tuple(Placed(thing=Thing(shape="cube", color=c, size="small"), x=x, y=0.0) for c, x in zip(colors, xs, strict=False))


def turn(ego: str, about: tuple[int, ...], topic: str = "color") -> Turn:
    return Turn(intent=f"see_{topic}", user="what?", ego=ego, answer=Answer(all_of=()), about=about)


def by_word(ego: str, found: Sequence[int]) -> list[tuple[str, int]]:
    """The aim of each word's first piece."""
    pieces = tokenizer().encode(ego)
    starts = [i for i, piece in enumerate(pieces) if i == 0 or tokenizer().starts_word(piece)]
    return [(tokenizer().decode(pieces[a:b]).strip(" .,"), found[a]) for a, b in zip(starts, [*starts[1:], None], strict=True)]


def test_tokens_stand_from_left_to_right() -> None:
    assert [aim(things(0.1, -0.1, 0.0), (i,)) for i in range(3)] == [4, 1, 2]
    assert aim(things(), (ABSENT,)) == NOTHING_BIT
    assert aim(things(0.1, -0.1, 0.0), (0, 1, ABSENT)) == 4 | 1 | NOTHING_BIT


def test_what_may_be_told_in_either_order_is_left_open() -> None:
    assert [aim(things(0.1, 0.101, -0.2), (i,)) for i in range(3)] == [OPEN, OPEN, 1]
    assert aim(things(0.1, 0.101, -0.2), (0, 1)) == 4 | 2  # but not where both are meant


def test_what_is_inside_comes_right_after_it() -> None:
    box, ball = (Placed(thing=Thing(shape=shape, color="red", size="big"), x=0.0, y=0.0) for shape in ("box", "ball"))
    table = (box, replace(ball, inside=0), *things(-0.1))
    assert [aim(table, (i,)) for i in range(3)] == [2, 4, 1]


def test_what_cannot_be_seen_has_no_token_and_what_is_held_comes_last() -> None:
    assert [aim(things(0.1, -0.1, 0.0), (i,), seen=(900, 0, 900)) for i in range(3)] == [2, OPEN, 1]
    assert [aim(things(0.1, -0.1, 0.0), (i,), held=1) for i in range(3)] == [2, 4, 1]


@pytest.mark.parametrize(
    ("about", "topic", "aim"),
    [
        ((0,), "color", 4),
        ((0, 1), "relation", 4 | 1),
        ((0, 1, 2), "existence", 7),
        ((ABSENT,), "existence", NOTHING_BIT),
        ((0, 2, ABSENT), "count", 4 | 2 | NOTHING_BIT),
        ((), "size", OPEN),
        ((0, 1, 2), "place", OPEN),
    ],
)
def test_a_reply_looks_at_what_it_is_about(about: tuple[int, ...], topic: str, aim: int) -> None:
    found = aims(turn("yes, it is that one.", about, topic), things(0.1, -0.1, 0.0), tokenizer())
    assert set(found) == {aim}
    assert len(found) == len(tokenizer().encode("yes, it is that one."))


def test_a_list_is_looked_at_thing_by_thing() -> None:
    ego = "i see a blue cube, a green cube and a red cube."
    found = by_word(ego, aims(turn(ego, (1, 2, 0), "describe"), things(0.1, -0.1, 0.0), tokenizer()))
    assert [aim for word, aim in found if word in ("blue", "green", "red")] == [1, 2, 4]
    assert [aim for word, aim in found if word == "cube"] == [1, 2, 4]


def test_what_may_be_another_is_left_open() -> None:
    assert set(aims(turn("it is red.", (0,)), things(0.1, 0.102, 0.0), tokenizer())) == {OPEN}


def test_the_names_of_all_that_is_there_are_found() -> None:
    rng, view = np.random.default_rng(0), View(Scene(things=things(0.1, -0.1, 0.0)))
    for _ in range(50):
        asked = is_there(rng, view)
        if asked is not None:
            assert (asked.about == (ABSENT,)) == (asked.answer.all_of[0] == ("no",))
            assert asked.about
