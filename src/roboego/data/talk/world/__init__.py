"""Sentences about the table (Seeing, Doing, Feeling, taking turns): text alone, for hearing and speaking the words of the whole world."""

from roboego.data.talk.world.asking import ASKING
from roboego.data.talk.world.scenery import SCENERY
from roboego.data.talk.world.telling import TELLING

__all__ = ["ASKING", "SCENERY", "TELLING"]
