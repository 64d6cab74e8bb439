"""What is true of a scene, in words: names that fit one thing alone, places, relations, and what is too close to call."""
# Metres; axes as in `roboego.sim.scene`: x to the right, y away from Ego

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from roboego.data.talk.grammar import Rng, chance, pick
from roboego.data.talk.lexicon import with_article
from roboego.sim.scene import Placed, Scene
from roboego.sim.things import Thing

CLEAR_M = 0.05
"""Two things less far apart along an axis are neither left nor right of each other, nor in front or behind."""
NEXT_M, APART_M = 0.10, 0.17
"""Things with less than the first between them are next to each other, with more than the second they are not."""
SIDE_M, MIDDLE_M = (0.10, 0.06), (0.07, 0.045)
"""What counts as a side, and at most as the middle, along x and y."""
RELATIONS = ("left of", "right of", "in front of", "behind", "next to", "on top of", "inside")
PLACES = ("left", "right", "front", "back", "middle")
OPPOSITE = {"left of": "right of", "right of": "left of", "in front of": "behind", "behind": "in front of"}


@dataclass(frozen=True)
class View:
    """A scene as it is talked about."""

    scene: Scene

    @property
    def things(self) -> Sequence[Placed]:
        return self.scene.things

    def __len__(self) -> int:
        return len(self.scene.things)

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """Of each thing, the shortest names first: those that fit no other thing here, without an article."""
        return tuple(tuple(n for n in _names(p.thing) if self.count(n) == 1) for p in self.things)

    def called(self, rng: Rng, i: int) -> str:
        """A name of thing `i`, with its article: mostly the shortest one that there is."""
        options = self.names[i]
        return f"the {options[0] if chance(rng, 0.6) else pick(rng, options)}"

    def count(self, name: str) -> int:
        """How many things are called so."""
        return sum(name in _names(p.thing) for p in self.things)

    def where(self, i: int) -> tuple[str, ...]:
        """The places on the table that thing `i` is at; none where it is too close to call."""
        x, y = self.things[i].x, self.things[i].y
        found = [
            *(["left"] if x < -SIDE_M[0] else []),
            *(["right"] if x > SIDE_M[0] else []),
            *(["front"] if y < -SIDE_M[1] else []),
            *(["back"] if y > SIDE_M[1] else []),
        ]
        return tuple(found) or (("middle",) if abs(x) < MIDDLE_M[0] and abs(y) < MIDDLE_M[1] else ())

    def holds(self, i: int, relation: str, j: int) -> bool | None:
        """Whether thing `i` is in a relation to thing `j`; None where it is too close to call."""
        a, b = self.things[i], self.things[j]
        touching = a.below == j or b.below == i
        match relation:
            case "inside":
                return a.inside == j
            case "on top of":
                return a.on == j
            case "next to":
                gap = math.hypot(a.x - b.x, a.y - b.y) - a.thing.radius_m - b.thing.radius_m
                return None if touching or NEXT_M <= gap <= APART_M else gap < NEXT_M
        if touching:
            return None
        ahead = {"left of": b.x - a.x, "right of": a.x - b.x, "in front of": b.y - a.y, "behind": a.y - b.y}[relation]
        return None if abs(ahead) < CLEAR_M else ahead > 0

    def pairs(self) -> Iterator[tuple[int, int]]:
        """All pairs of two things."""
        return ((i, j) for i in range(len(self)) for j in range(len(self)) if i != j)

    def related(self, relation: str, j: int) -> list[int] | None:
        """All things in a relation to thing `j`; None where one of them is too close to call."""
        told = [self.holds(i, relation, j) for i in range(len(self)) if i != j]
        others = [i for i in range(len(self)) if i != j]
        return None if None in told else [i for i, holds in zip(others, told, strict=True) if holds]

    def at(self, place: str) -> list[int] | None:
        """All things at a place; None where one of them is too close to call."""
        where = [self.where(i) for i in range(len(self))]
        axis = ("left", "right") if place in ("left", "right") else ("front", "back")
        if place == "middle":
            return [i for i, found in enumerate(where) if found == ("middle",)] if all(where) else None
        for i, placed in enumerate(self.things):
            value, side = (placed.x, SIDE_M[0]) if axis[0] == "left" else (placed.y, SIDE_M[1])
            if place not in where[i] and 0.5 * side < (value if place in ("right", "back") else -value) <= side:
                return None
        return [i for i, found in enumerate(where) if place in found]


def _names(thing: Thing) -> tuple[str, ...]:
    """What a thing can be called, the shortest name first."""
    return (
        thing.shape,
        f"{thing.color} {thing.shape}",
        f"{thing.size} {thing.shape}",
        f"{thing.size} {thing.color} {thing.shape}",
    )


def full_name(thing: Thing) -> str:
    """ "a small red cube"."""
    return with_article(f"{thing.size} {thing.color} {thing.shape}")


def listed(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
