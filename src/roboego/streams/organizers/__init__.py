"""Organizers: Conversation <-> FrameGrid."""

from roboego.streams.organizers.base import Organizer
from roboego.streams.organizers.text_first import TextFirst
from roboego.streams.organizers.weights import WeightConfig

__all__ = ["Organizer", "TextFirst", "WeightConfig"]
