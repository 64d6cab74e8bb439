"""Organizers: Conversation <-> FrameGrid."""

from roboego.streams.organizers.base import Organizer
from roboego.streams.organizers.text_first import TextFirst
from roboego.streams.organizers.time_division import TimeDivision
from roboego.streams.organizers.weights import WeightConfig
from roboego.streams.organizers.word_aligned import WordAligned

__all__ = ["Organizer", "TextFirst", "TimeDivision", "WeightConfig", "WordAligned"]
