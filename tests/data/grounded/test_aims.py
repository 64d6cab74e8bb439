"""Where replies ought to look: at the tokens of the things that they tell of, from left to right."""

from collections.abc import Sequence

import numpy as np
import pytest

from roboego.data.grounded.aims import NOTHING_BIT, OPEN, aims, bits
from roboego.data.grounded.asked import ABSENT
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer, Turn
from roboego.sim.scene import Placed, Scene
from roboego.sim.things import Thing
from tests.data.grounded.test_pool import tokenizer


def view(*xs: float) -> View:
    colors = ("red", "blue", "green")
    return View(
        Scene(things=tuple(Placed(thing=Thing(shape="cube", color=c, size="small"), x=x, y=0.0) for c, x in zip(colors, xs, strict=False)))
    )


def turn(ego: str, about: tuple[int, ...], topic: str = "color") -> Turn:
    return Turn(intent=f"see_{topic}", user="what?", ego=ego, answer=Answer(all_of=()), about=about)


def by_word(ego: str, found: Sequence[int]) -> list[tuple[str, int]]:
    """The aim of each word's first piece."""
    pieces = tokenizer().encode(ego)
    starts = [i for i, piece in enumerate(pieces) if i == 0 or tokenizer().starts_word(piece)]
    return [(tokenizer().decode(pieces[a:b]).strip(" .,"), found[a]) for a, b in zip(starts, [*starts[1:], None], strict=True)]


def test_tokens_stand_from_left_to_right() -> None:
    assert bits(view(0.1, -0.1, 0.0)) == (4, 1, 2)
    assert bits(view(0.1, 0.101, -0.2)) == (OPEN, OPEN, 1)  # either may come first
    assert bits(view()) == ()


@pytest.mark.parametrize(
    ("about", "topic", "aim"),
    [
        ((0,), "color", 4),
        ((0, 1), "relation", 4 | 1),
        ((0, 1, 2), "existence", 7),
        ((ABSENT,), "existence", NOTHING_BIT),
        ((), "count", OPEN),
        ((0, 1, 2), "count", OPEN),
    ],
)
def test_a_reply_looks_at_what_it_is_about(about: tuple[int, ...], topic: str, aim: int) -> None:
    found = aims(turn("yes, it is that one.", about, topic), view(0.1, -0.1, 0.0), tokenizer())
    assert set(found) == {aim}
    assert len(found) == len(tokenizer().encode("yes, it is that one."))


def test_a_list_is_looked_at_thing_by_thing() -> None:
    ego = "i see a blue cube, a green cube and a red cube."
    found = by_word(ego, aims(turn(ego, (1, 2, 0), "describe"), view(0.1, -0.1, 0.0), tokenizer()))
    assert [aim for word, aim in found if word in ("blue", "green", "red")] == [1, 2, 4]
    assert [aim for word, aim in found if word == "cube"] == [1, 2, 4]


def test_what_may_be_another_is_left_open() -> None:
    assert set(aims(turn("it is red.", (0,)), view(0.1, 0.102, 0.0), tokenizer())) == {OPEN}


def test_the_names_of_all_that_is_there_are_found() -> None:
    rng = np.random.default_rng(0)
    from roboego.data.grounded.quiz import is_there

    for _ in range(50):
        asked = is_there(rng, view(0.1, -0.1, 0.0))
        if asked is not None:
            assert (asked.about == (ABSENT,)) == (asked.answer.all_of[0] == ("no",))
            assert asked.about
