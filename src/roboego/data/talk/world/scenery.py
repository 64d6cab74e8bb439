"""What stands on the table and where, as slots for patterns."""

from roboego.data.talk.grammar import Pattern, Slots
from roboego.data.talk.lexicon import COLORS, DAYS, LETTERS, NAMES, NUMBERS, SHAPES, SHAPES_MANY, SIZES

_SPOKEN_LETTERS = tuple(c for c in LETTERS if c not in "ai")
_CONSONANT_COLORS = tuple(c for c in COLORS if c != "orange")

SCENERY: Slots = {
    "color": COLORS,
    "shape": SHAPES,
    "many": SHAPES_MANY,
    "size": SIZES,
    "number": NUMBERS[:11],
    "count": NUMBERS[2:7],
    "letter": _SPOKEN_LETTERS,
    "digit": NUMBERS[:10],
    "name": NAMES,
    "day": DAYS,
    "plain_color": _CONSONANT_COLORS,
    "thing": Pattern("[{size}] {color} {shape}|{color} {shape}|{size} {shape}|{shape}"),
    "things": Pattern("[{size}] {color} {many}|{many}|{color} {many}|{color} things|things"),
    "the": Pattern("the [{size}] {color} {shape}|the {color} {shape}|the {shape}|the {size} {shape}"),
    "it": Pattern("it|that|the {color} one|the {size} one|the {shape}"),
    "a": Pattern("a {plain_color} {shape}|an orange {shape}|a {size} {color} {shape}|a {shape}|a {size} {shape}"),
    "rel": Pattern("to the left of|to the right of|left of|right of|in front of|behind|next to|on top of|inside|near"),
    "to_rel": Pattern("next to|into|on top of|in front of|behind|to the left of|to the right of|inside"),
    "place": Pattern(
        "on the (left|right)|on the (left|right) side|in front|in the (front|back|middle)|at the (front|back)|in the middle of the table"
        "|on the table|at the back of the table"
    ),
    "way": Pattern("[a bit|a little] to the (left|right)|away [from (me|you)]|closer [to (me|you)]|(left|right)|towards (me|you)"),
    "label": Pattern(
        "{letter}|{digit}|{letter} {digit}|{letter} {letter}|{letter} {letter} {digit}|{digit} {digit}|{letter} {digit} {letter}"
    ),
    "feel": ("hard", "soft", "heavy", "light", "rough", "smooth", "warm", "cold"),
    "act": Pattern(
        "point (at|to) {the}|touch {the}|push {the} {way}|push {the}|pick up {the}|pick {the} up|take {the}|lift {the}|grab {the}"
        "|put {the} {to_rel} {the}|put {it} {to_rel} {the}|place {the} {to_rel} {the}|put {it} down|put down {the}|move {the} {way}"
        "|(give|hand) me {the}|hand {the} over|hand over {the}|bring me {the}|wave [at me|to me|to {name}|your hand]|nod [your head|twice]"
        "|go [back] home|move your arm home|open your (hand|gripper)|close your (hand|gripper)|let go of {the}|hold {the}|look at {the}"
        "|drop {the} {to_rel} {the}|stack {the} on {the}|show me {the}|leave {the} where it is"
    ),
    "acting": Pattern(
        "pointing (at|to) {the}|touching {the}|pushing {the} {way}|picking up {the}|lifting {the}|putting {the} {to_rel} {the}"
        "|putting {the} down|handing you {the}|moving {the} {way}|waving [at you]|nodding|going home|opening my (hand|gripper)"
        "|closing my (hand|gripper)|holding {the}|looking at {the}|reaching for {the}|placing {the} {to_rel} {the}|letting go of {the}"
    ),
    "act_ego": Pattern(
        "point at {the}|touch {the}|push {the} {way}|pick up {the}|put {the} {to_rel} {the}|put it down|give you {the}|wave|go home"
        "|open my hand|look at {the}"
    ),
}
"""Slots that name things, places, actions and what they feel like; they refer to each other."""
