"""How an arm moved: when it began, when it came to rest, by its speed in each frame."""
# T frames of 80 ms

from collections.abc import Sequence

STILL_M_S = 0.03
"""Slower than this is no motion."""
RESTS_FRAMES = 6
"""So long (0.48 s) an arm keeps still that has come to rest; a shorter stop is a pause."""


def begins(speeds_T: Sequence[float], first: int = 0) -> int | None:
    """The first frame from `first` on in which the arm moves; None if it keeps still.

    Args:
        speeds_T: the greatest speed of hand or fingers in each frame, metres a second.
    """
    return next((t for t in range(first, len(speeds_T)) if speeds_T[t] >= STILL_M_S), None)


def rests(speeds_T: Sequence[float]) -> int | None:
    """The frame from whose beginning on the arm keeps still to the end; None if it does not do so for `RESTS_FRAMES`.

    Args:
        speeds_T: as of `begins`.
    """
    moving = [t for t, speed in enumerate(speeds_T) if speed >= STILL_M_S]
    first = moving[-1] + 1 if moving else 0
    return first if len(speeds_T) - first >= RESTS_FRAMES else None


def frames_moving(speeds_T: Sequence[float]) -> int:
    """In how many frames the arm moves. Argument as of `begins`."""
    return sum(speed >= STILL_M_S for speed in speeds_T)
