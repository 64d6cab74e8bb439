"""How people talk with Ego in synthetic dialogues: pauses, gaps, interruptions, and how fast Ego answers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How a dialogue goes: probabilities, and ranges in seconds.

    Attributes:
        reaction_frames: odds of waiting 0, 1, 2, ... whole frames after the frame in which the user ended: long
            enough for the last word's caption to be written, which the answer may take up.
        pause: chance that the user pauses inside a sentence, and for how long.
        gap_s: from Ego's end to the user's next turn; `lull` is the chance of a long one instead.
        interruption: chance that the user's next turn comes while Ego speaks; Ego falls silent after `yield_s`.
    """

    lead_s: tuple[float, float] = (0.3, 2.5)
    reaction_frames: tuple[float, ...] = (0.0, 0.0, 0.0, 0.1, 0.6, 0.3)
    pause: float = 0.2
    pause_s: tuple[float, float] = (0.25, 1.0)
    gap_s: tuple[float, float] = (0.3, 2.0)
    lull: float = 0.15
    lull_s: tuple[float, float] = (3.0, 9.0)
    interruption: float = 0.15
    yield_s: tuple[float, float] = (0.35, 0.7)
    tail_s: tuple[float, float] = (0.8, 3.0)
