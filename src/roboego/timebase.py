"""The only home of the time grid: 24 kHz samples, frames of 1920 samples (80 ms), 12.5 frames a second."""

import math

SAMPLE_RATE = 24_000
"""Samples a second."""
FRAME_SAMPLES = 1_920
"""Samples a frame."""
FRAME_RATE = SAMPLE_RATE / FRAME_SAMPLES
"""Frames a second: 12.5."""
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
"""Seconds a frame: 0.08."""
FRAME_MS = 1_000 * FRAME_S
"""Milliseconds a frame: 80."""
FRAME_NS = 80_000_000
"""Nanoseconds a frame, exact: the period of the engine's clock."""


def frames_to_seconds(frames: int) -> float:
    """Time at which frame number `frames` starts, in seconds."""
    return frames * FRAME_SAMPLES / SAMPLE_RATE


def seconds_to_frames(seconds: float) -> int:
    """Number of the frame whose start lies nearest to `seconds`."""
    return round(seconds * SAMPLE_RATE / FRAME_SAMPLES)


def seconds_to_samples(seconds: float) -> int:
    """Number of the sample nearest to `seconds`."""
    return round(seconds * SAMPLE_RATE)


def samples_to_seconds(samples: int) -> float:
    """Time at which sample number `samples` stands, in seconds."""
    return samples / SAMPLE_RATE


def samples_to_frames(samples: int) -> int:
    """Frames needed to hold `samples` samples (the last may be partly empty)."""
    return -(-samples // FRAME_SAMPLES)


def seconds_to_frames_down(seconds: float) -> int:
    """Number of the frame during which the time `seconds` falls; a frame's own start, rounded as it may be, counts to it."""
    return math.floor(seconds * SAMPLE_RATE / FRAME_SAMPLES + 1e-6)


def seconds_to_frames_up(seconds: float) -> int:
    """Number of the first frame that does not start before `seconds`: the first step at which a sound that ends then has been heard."""
    return math.ceil(seconds * SAMPLE_RATE / FRAME_SAMPLES - 1e-6)
