"""What stands where on the table, drawn at random."""
# Metres; x to the right, y away from Ego, z up; the middle of the table's top is the origin.

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from roboego.errors import InputError
from roboego.sim.labels import DIGITS, LETTERS
from roboego.sim.things import COLORS, LABEL_CHARACTERS, LABEL_SHAPES, SHAPES, SIZES, Thing

REACH_X_M, REACH_Y_M = 0.21, 0.15
"""Things are placed at most so far from the middle, to the sides and to the front and back."""
UPON_M = 0.02
"""How far to the right of what it is inside or on top of a thing counts as being."""
APART_M = 0.055
"""Free space between two things: the gripper's fingers come down in it."""
MOST_THINGS = 6
LABELS = {"cube": 2, "box": 3}
"""How many characters labels have at most. Three fit on a big cube too, but so drawn out that they are hard to read."""
_TRIES = 200
_LABELLED, _SOFT, _HEAVY, _STACKED, _INSIDE = 0.4, 0.3, 0.25, 0.25, 0.35


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A thing and where it is.

    Attributes:
        x, y: its middle; what is inside or on top of another thing has that thing's.
        turn: radians around the vertical.
        inside, on: the place in the scene's things of what it is inside or on top of; None: it stands on the table.
    """

    thing: Thing
    x: float
    y: float
    turn: float = 0.0
    inside: int | None = None
    on: int | None = None

    @property
    def below(self) -> int | None:
        """The thing that it is inside or on top of."""
        return self.on if self.inside is None else self.inside

    @property
    def across(self) -> float:
        """By which things are told from left to right, in metres: what is inside or on top of another comes right after it."""
        return self.x if self.below is None else self.x + UPON_M


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A table with things.

    Attributes:
        things: what is below others stands before them.
        light: how bright and from which side (-1 left to 1 right) it comes.
        camera: how far the camera is moved from its place [3], in metres.
        table: the table's red, green and blue.
    Raises:
        InputError: too many things, or one stands on what comes after it or cannot carry it.
    """

    things: tuple[Placed, ...] = ()
    light: tuple[float, float] = (0.8, 0.0)
    camera: tuple[float, float, float] = (0.0, 0.0, 0.0)
    table: tuple[float, float, float] = (0.62, 0.52, 0.42)

    def __post_init__(self) -> None:
        if len(self.things) > MOST_THINGS:
            raise InputError(f"a table has at most {MOST_THINGS} things, not {len(self.things)}")
        for i, placed in enumerate(self.things):
            below = placed.below
            if below is None:
                continue
            if not 0 <= below < i:
                raise InputError(f"thing {i} is in or on thing {below}, which has to come before it")
            carrier = self.things[below].thing
            if not (placed.thing.fits_into(carrier) if placed.inside is not None else placed.thing.stands_on(carrier)):
                raise InputError(f"a {placed.thing} cannot be {'inside' if placed.inside is not None else 'on top of'} a {carrier}")

    def height_m(self, i: int) -> float:
        """z of the bottom of thing `i`."""
        placed = self.things[i]
        if placed.below is None:
            return 0.0
        under = self.things[placed.below].thing
        return self.height_m(placed.below) + (0.004 if placed.inside is not None else under.height_m)


def sample_scene(rng: np.random.Generator, count: int | None = None, *, plain: bool = False, labelled: bool = False) -> Scene:
    """A table with so many things (by default 0 to 6), no two of the same colour, shape and size.

    Args:
        plain: the light, the camera and the table are as usual; nothing is labelled, soft or heavy.
        labelled: there are only things that can have a label, and all have one.
    """
    count = int(rng.integers(0, MOST_THINGS + 1)) if count is None else count
    things = _laid(rng, [partial(_thing, rng, plain, labelled)] * count)
    return Scene(things=things) if plain else _looked_at(rng, things)


def rearranged(rng: np.random.Generator, scene: Scene) -> Scene:
    """The same things in other colours and at other places, the light, the camera and the table drawn anew."""
    return _looked_at(rng, _laid(rng, [partial(_recolored, rng, placed.thing) for placed in scene.things]))


def _laid(rng: np.random.Generator, makers: Sequence[Callable[[], Thing]]) -> tuple[Placed, ...]:
    things: list[Placed] = []
    while len(things) < len(makers):
        thing = makers[len(things)]()
        if all(_name(p.thing) != _name(thing) for p in things):
            placed = _placed(rng, thing, things)
            things = [] if placed is None else [*things, placed]  # a table that is too full is laid anew
    return tuple(things)


def _recolored(rng: np.random.Generator, thing: Thing) -> Thing:
    return replace(thing, color=str(rng.choice(list(COLORS))))


def _looked_at(rng: np.random.Generator, things: tuple[Placed, ...]) -> Scene:
    return Scene(
        things=things,
        light=(float(rng.uniform(0.55, 1.0)), float(rng.uniform(-1, 1))),
        camera=tuple(float(v) for v in rng.uniform(-0.025, 0.025, 3)),  # type: ignore[arg-type]
        table=tuple(float(v) for v in np.clip(rng.uniform(0.35, 0.75) + rng.uniform(-0.1, 0.1, 3), 0, 1)),  # type: ignore[arg-type]
    )


def sample_label(rng: np.random.Generator, most: int = LABEL_CHARACTERS) -> str:
    """Letters or digits, one to `most` of them."""
    length = int(rng.integers(1, most + 1))
    return "".join(str(rng.choice(list(LETTERS if rng.random() < 0.6 else DIGITS))) for _ in range(length))


def free_place(rng: np.random.Generator, thing: Thing, things: list[Placed]) -> tuple[float, float] | None:
    """Where on the table it can stand with room for the gripper around; None if no such place is found."""
    for _ in range(_TRIES):
        x, y = float(rng.uniform(-REACH_X_M, REACH_X_M)), float(rng.uniform(-REACH_Y_M, REACH_Y_M))
        if all(math.hypot(p.x - x, p.y - y) > p.thing.radius_m + thing.radius_m + APART_M for p in things):
            return x, y
    return None


def _name(thing: Thing) -> tuple[str, str, str]:
    return thing.shape, thing.color, thing.size


def _thing(rng: np.random.Generator, plain: bool, labelled: bool) -> Thing:
    shapes = LABEL_SHAPES if labelled else SHAPES
    thing = Thing(
        shape=shapes[int(rng.integers(len(shapes)))],
        color=str(rng.choice(list(COLORS))),
        size=SIZES[int(rng.integers(len(SIZES)))],
    )
    if plain:
        return thing
    label = sample_label(rng, LABELS[thing.shape]) if thing.shape in LABELS and (labelled or rng.random() < _LABELLED) else ""
    return replace(thing, label=label, soft=not thing.holds and bool(rng.random() < _SOFT), heavy=bool(rng.random() < _HEAVY))


def _placed(rng: np.random.Generator, thing: Thing, things: list[Placed]) -> Placed | None:
    turn = float(rng.uniform(-0.3, 0.3)) if thing.shape in ("cube", "box") else 0.0
    free = [i for i in range(len(things)) if all(p.below != i for p in things)]
    inside = [i for i in free if thing.fits_into(things[i].thing)]
    on = [i for i in free if thing.stands_on(things[i].thing) and things[i].below is None]
    if inside and rng.random() < _INSIDE:
        below = things[int(rng.choice(inside))]
        return Placed(thing=thing, x=below.x, y=below.y, turn=turn, inside=things.index(below))
    if on and rng.random() < _STACKED:
        below = things[int(rng.choice(on))]
        return Placed(thing=thing, x=below.x, y=below.y, turn=turn, on=things.index(below))
    place = free_place(rng, thing, things)
    return None if place is None else Placed(thing=thing, x=place[0], y=place[1], turn=turn)
