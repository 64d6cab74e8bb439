"""Things on the table: what they are, how large, and how they feel."""

from dataclasses import dataclass
from typing import Literal, get_args

from roboego.errors import InputError

Shape = Literal["cube", "ball", "cylinder", "cone", "bowl", "box"]
Size = Literal["small", "big"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
SIZES: tuple[Size, ...] = get_args(Size)
COLORS = {
    "red": (0.80, 0.08, 0.08),
    "green": (0.10, 0.58, 0.16),
    "blue": (0.10, 0.22, 0.80),
    "yellow": (0.93, 0.82, 0.10),
    "purple": (0.48, 0.12, 0.58),
    "orange": (0.95, 0.45, 0.05),
    "black": (0.07, 0.07, 0.07),
    "white": (0.93, 0.93, 0.93),
}
"""By name, as red, green and blue from 0 to 1."""
CONTAINERS: tuple[Shape, ...] = ("bowl", "box")
"""Other things fit inside these."""
FLAT: tuple[Shape, ...] = ("cube", "cylinder")
"""Other things can stand on these."""
WALL_M = 0.004
LABEL_SHAPES: tuple[Shape, ...] = ("cube", "box")
"""These can have a label on the side that faces Ego."""
LABEL_CHARACTERS = 3
SMALL_LABEL_CHARACTERS = 2
"""On a small cube: three would be too narrow for the camera."""

_RADIUS_M = {"small": 0.019, "big": 0.028}
_CONTAINER_RADIUS_M = {"small": 0.042, "big": 0.050}
_DENSITY = 500.0
_HEAVY = 5.0


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing.

    Attributes:
        label: one to three letters or digits on its side; "" if it has none.
        soft: it gives when it is held. heavy: it weighs five times as much as it looks.
    Raises:
        InputError: there is no such thing.
    """

    shape: Shape
    color: str
    size: Size
    label: str = ""
    soft: bool = False
    heavy: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("shape", self.shape, SHAPES), ("color", self.color, tuple(COLORS)), ("size", self.size, SIZES)):
            if value not in known:
                raise InputError(f"no {name} {value!r}: choose one of {', '.join(known)}")
        if self.label and (self.shape not in LABEL_SHAPES or len(self.label) > self.most_characters or not self.label.isalnum()):
            raise InputError(
                f"a label is one to {LABEL_CHARACTERS} letters or digits on a {' or '.join(LABEL_SHAPES)}, at most "
                f"{SMALL_LABEL_CHARACTERS} on a small cube, not {self.label!r} on a {self}"
            )

    @property
    def most_characters(self) -> int:
        """Of a label on it."""
        return SMALL_LABEL_CHARACTERS if (self.shape, self.size) == ("cube", "small") else LABEL_CHARACTERS

    @property
    def holds(self) -> bool:
        """Whether other things fit inside it."""
        return self.shape in CONTAINERS

    @property
    def radius_m(self) -> float:
        """Half of its width."""
        return (_CONTAINER_RADIUS_M if self.holds else _RADIUS_M)[self.size]

    @property
    def height_m(self) -> float:
        match self.shape:
            case "bowl" | "box":
                return 0.75 * self.radius_m
            case "cone":
                return 2.6 * self.radius_m
            case _:
                return 2 * self.radius_m

    @property
    def mass_kg(self) -> float:
        solid = 0.4 if self.holds or self.shape == "cone" else 1.0  # how much of the block around it
        return solid * _DENSITY * (2 * self.radius_m) ** 2 * self.height_m * (_HEAVY if self.heavy else 1.0)

    def fits_into(self, other: "Thing") -> bool:
        """Whether it fits inside the other thing, with the gripper's fingers around it."""
        return other.holds and not self.holds and self.radius_m + 0.008 < other.radius_m - WALL_M

    def stands_on(self, other: "Thing") -> bool:
        """Whether it can stand on top of the other thing."""
        return other.shape in FLAT and self.shape != "ball" and self.radius_m <= other.radius_m + 0.001

    def __str__(self) -> str:
        return f"{self.size} {self.color} {self.shape}"
