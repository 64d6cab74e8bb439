"""Phrases about the table, for sentences that carry other people's words ("repeat after me")."""

from roboego.data.talk.grammar import Rng, patterns, pick
from roboego.data.talk.world.scenery import SCENERY

_PHRASES = patterns(
    "{the}",
    "{the}",
    "{a}",
    "{a} and {a}",
    "{the} {rel} {the}",
    "{number} {color} {many}",
    "{color} and {color}",
    "{number} and {number}",
    "{the} is {place}",
    "{the} is {rel} {the}",
    "i see {a}",
    "there is {a} on the table",
    "my {shape} is {color}",
    "{day} comes before {day}",
    "{size} and {size} {many}",
    "i like {the}",
    "push {the} {way}",
    "hello, my name is {name}",
    "the {shape} is {feel}",
    "{name} has {a}",
    "we are friends",
    "it is a good day",
    "i am a robot",
    "{number}, {number}, {number}",
    "{color}, {color}, {color}",
)


def phrase(rng: Rng) -> str:
    """A short phrase or sentence of one to about nine words, without a full stop."""
    return pick(rng, _PHRASES).sample(rng, SCENERY)


def phrase_words() -> set[str]:
    return {word for p in _PHRASES for word in p.words(SCENERY)}
