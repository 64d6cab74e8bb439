"""Exercises in which Ego speaks while somebody else does: it says what it was given, and writes down what it hears all the same.

Dialogues hold little of it, the first second of an interruption. Without these exercises what was said into Ego's own speech was heard far
worse than the same words after it.
"""
# T frames

from dataclasses import replace

import numpy as np

from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.layout import TextLayout

SHORTEST = 12
"""Frames of the other that are heard at least."""


def overheard(said: FrameGrid, other: FrameGrid, text: TextLayout, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    """An exercise in mode "tts" [T] that hears one in mode "asr" from some frame on, and what a transcription writes meanwhile [T]."""
    start = int(rng.integers(1, max(2, len(said) - SHORTEST)))
    frames = min(len(other), len(said) - start)
    listen, captions = said.listen.copy(), np.full(len(said), text.wait, np.int32)
    listen[start : start + frames] = other.listen[:frames]
    captions[start : start + frames] = other.text[:frames]
    return replace(said, listen=listen), captions
