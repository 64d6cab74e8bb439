"""Which organizer, and how it is set."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Organization:
    """How streams are organized.

    Attributes:
        kind: text ahead of speech, each word as it is said, or listening and speaking in turn.
        spk_delay: frames from text to speech of "text-first".
        chunk: frames of a turn of "time-division".
        masks: frames in which nothing is to be decided count little or not; without, all count alike.
    """

    kind: Literal["text-first", "word-aligned", "time-division"] = "text-first"
    spk_delay: int = 2
    chunk: int = 12
    masks: bool = True
