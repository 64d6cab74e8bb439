"""The intents of the Talk part of the world, a family a module."""

from roboego.data.talk.intents import about, control, dates, functions, memory, numbers, social, spelling
from roboego.data.talk.intents.base import Context, Intent, Move

ALL: tuple[Intent, ...] = (
    *social.INTENTS,
    *about.INTENTS,
    *memory.INTENTS,
    *control.INTENTS,
    *numbers.INTENTS,
    *dates.INTENTS,
    *spelling.INTENTS,
    *functions.INTENTS,
)
BY_NAME: dict[str, Intent] = {intent.name: intent for intent in ALL}

__all__ = ["ALL", "BY_NAME", "Context", "Intent", "Move"]
