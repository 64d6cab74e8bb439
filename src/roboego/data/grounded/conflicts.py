"""What is said where senses disagree: a text says go while the user says stop; a thing is asked for in a colour that it does not have; the
camera shows nothing, or nothing new; the fingers feel what lies on the table."""

from typing import Literal

from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import patterns
from roboego.data.talk.lexicon import with_article
from roboego.sim.things import Thing

GO = patterns("(go on|keep going|carry on|go ahead|continue) [please].", "do not stop.", "(go|go on), do not stop.")
"""Texts that say go."""
SAID_STOP = "the text says go, but you said stop. i stop."
"""What Ego says when it reads one of them and hears "stop"."""


def in_another_color(view: View, color: str, shape: str) -> Thing | None:
    """What is there in place of a red cube: the only cube, if it is not red. None if there are several or none."""
    found = [placed.thing for placed in view.things if placed.thing.shape == shape]
    return found[0] if len(found) == 1 and found[0].color != color else None


def only_sees(color: str, there: Thing) -> tuple[str, Answer]:
    """What Ego says when it is asked for a thing in a color in which it is not there, and what counts as that."""
    name = f"{color} {there.shape}"
    answer = Answer(all_of=((f"no {name}", f"not see {with_article(name)}", f"no {color}", "only see"),), none_of=("i am",))
    return f"you said {color}, but i only see {with_article(f'{there.color} {there.shape}')}.", answer


Dead = Literal["frozen", "black"]
_ALSO: dict[Dead, tuple[str, ...]] = {"frozen": ("picture does not move", "picture does not change"), "black": ("dark",)}


def camera_is(dead: Dead) -> tuple[str, Answer]:
    """What Ego says when the camera's picture is frozen or black, and what counts as that."""
    return f"my camera is {dead}. i cannot see anything.", Answer(all_of=((dead, *_ALSO[dead], "cannot see", "not see"),))


def only_feels(thing: Thing) -> tuple[str, Answer]:
    """What Ego says when it feels in its hand what it sees on the table, and what counts as that."""
    told = f"i feel the {thing.color} {thing.shape} in my hand, but i see it on the table."
    return told, Answer(all_of=(("feel", "feels", "hand", "holding"), ("see", "table", "camera", "picture")))
