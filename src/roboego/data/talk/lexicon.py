"""The words that fill the slots: names, numbers, days, opposites, things and their properties."""

from roboego.streams.alphabet import number_words

NAMES = (
    "anna", "tom", "maria", "david", "emma", "peter", "lucy", "james", "sarah", "ben",
    "julia", "max", "nina", "paul", "laura", "sam", "clara", "leo", "rosa", "oscar",
    "alice", "felix", "helen", "victor", "irene", "martin", "sophie", "daniel", "grace", "henry",
)  # fmt: skip

NUMBERS = tuple(number_words(n) for n in range(21))
"""zero .. twenty."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")

SHAPES = ("cube", "ball", "cylinder", "cone", "bowl", "box")
SHAPES_MANY = ("cubes", "balls", "cylinders", "cones", "bowls", "boxes")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "black", "white")
SIZES = ("small", "big")

OPPOSITES = (
    ("big", "small"), ("left", "right"), ("front", "back"), ("black", "white"), ("hard", "soft"), ("heavy", "light"),
    ("hot", "cold"), ("up", "down"), ("open", "closed"), ("fast", "slow"), ("loud", "quiet"), ("yes", "no"),
    ("day", "night"), ("high", "low"), ("new", "old"), ("good", "bad"), ("happy", "sad"), ("long", "short"),
    ("full", "empty"), ("near", "far"), ("wet", "dry"), ("early", "late"), ("first", "last"), ("over", "under"),
    ("inside", "outside"), ("more", "less"), ("push", "pull"), ("stop", "go"), ("always", "never"), ("true", "false"),
    ("clean", "dirty"), ("strong", "weak"), ("thick", "thin"), ("easy", "hard"), ("win", "lose"), ("give", "take"),
    ("begin", "end"), ("rough", "smooth"), ("morning", "evening"),
)  # fmt: skip


def _opposites() -> dict[str, tuple[str, ...]]:
    """Both ways round; a word may have several ("hard": soft, easy)."""
    both: dict[str, tuple[str, ...]] = {}
    for a, b in OPPOSITES:
        both[a] = (*both.get(a, ()), b)
        both[b] = (*both.get(b, ()), a)
    return both


OPPOSITES_OF = _opposites()

SPELLABLE = (
    *SHAPES[:2], "cone", "bowl", "box", *COLORS, *SIZES, "left", "right", "front", "back", "middle",
    *NUMBERS[:11], "robot", "ego", "table", "arm", "hand", "camera", "day", "night", "hot", "cold", "hard", "soft", "heavy", "light",
    "push", "touch", "point", "stop", "go", "hello", "yes", "no",
    "monday", "friday", "sunday", "anna", "tom", "emma", "peter", "lucy", "ben", "max", "paul", "leo", "alice", "felix", "grace", "henry",
)  # fmt: skip
"""Words that Ego spells: at most six letters."""

SINGLE_WORDS = tuple(
    dict.fromkeys((
        *SHAPES, *COLORS, *SIZES, *NUMBERS, *DAYS, *OPPOSITES_OF, *NAMES, "robot", "table", "arm", "hand", "camera", "gripper", "middle",
        "thing", "object", "label", "letter", "word", "number", "color", "shape", "place", "name", "friend", "hello", "goodbye", "thanks",
        "please", "today", "tomorrow", "yesterday", "week", "point", "touch", "wave", "nod", "pick", "put", "hold", "home", "behind",
        "next", "top", "speak", "listen", "look", "see", "feel", "hear", "remember", "repeat", "count", "spell", "wait",
    ))
)  # fmt: skip
"""Words to repeat or remember, alone or in a row."""


def with_article(phrase: str) -> str:
    """ "orange cube" -> "an orange cube"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
