"""How people talk with Ego in synthetic dialogues: pauses, gaps, interruptions, asides, and how fast Ego answers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How a dialogue goes: probabilities, and ranges in seconds.

    Attributes:
        reaction_frames: odds of waiting 0, 1, 2, ... whole frames after the frame in which the user ended: long
            enough for the last word's caption to be written, which the answer may take up.
        pause: chance that the user pauses inside a sentence, where it cannot be over, and for how long.
        trailing: chance that the user first trails off in the middle of the sentence, and how long it takes to begin again.
        aside: chance that the user first says something to somebody else, which Ego leaves alone.
        gap_s: from Ego's end to the user's next turn; `lull` is the chance of a long one instead.
        offer: chance, between two turns, of a silence so long that Ego asks, `offer_s` after the last sound, whether help is needed.
        left: chance that the user says nothing after the last answer until Ego asks that, and then nothing for `unbroken_s`: Ego asks
            once.
        interruption: chance that the user's next turn comes while Ego speaks; Ego falls silent `yield_s` after it began, and at the
            latest `yield_end_s` after its end. With the chance `late` it takes as long as `late_s`, as one who has to hear more of it:
            who never does may go on through all that was not understood at once.
        backchannel: chance that the user says something short while Ego speaks, which goes on.
        result_s: from the end of a call that Ego wrote to the result's first token, if nothing else is read meanwhile.
        told_frames: odds of waiting 0, 1, 2, ... whole frames after the one in which the last token of what is to be told was read.
        moment_s: how long Ego waits for a result before it says that it waits.
        hasty: chance that the user begins to speak while Ego still reads what it may call.
        reminded: chance that between two turns Ego reads once more what it may call, which asks for nothing.
    """

    lead_s: tuple[float, float] = (0.3, 2.5)
    reaction_frames: tuple[float, ...] = (0.0, 0.0, 0.0, 0.1, 0.6, 0.3)
    pause: float = 0.25
    pause_s: tuple[float, float] = (0.25, 1.2)
    trailing: float = 0.05
    trailing_s: tuple[float, float] = (1.2, 3.5)
    aside: float = 0.1
    gap_s: tuple[float, float] = (0.3, 2.0)
    lull: float = 0.12
    lull_s: tuple[float, float] = (3.0, 9.0)
    offer: float = 0.03
    left: float = 0.05
    offer_s: tuple[float, float] = (15.0, 16.0)
    unbroken_s: tuple[float, float] = (4.0, 40.0)
    interruption: float = 0.18
    yield_s: tuple[float, float] = (0.4, 0.8)
    yield_end_s: float = 0.16
    late: float = 0.35
    late_s: tuple[float, float] = (0.8, 1.6)
    backchannel: float = 0.15
    result_s: tuple[float, float] = (0.1, 3.0)
    told_frames: tuple[float, ...] = (0.1, 0.5, 0.3, 0.1)
    moment_s: tuple[float, float] = (0.9, 1.1)
    hasty: float = 0.4
    reminded: float = 0.1
    tail_s: tuple[float, float] = (0.8, 3.0)


CALM = Manners(pause=0.0, trailing=0.0, aside=0.0, offer=0.0, left=0.0, interruption=0.0, backchannel=0.0, hasty=0.0, reminded=0.0)
"""One speaks after the other, and nothing else happens."""
LIVELY = Manners(interruption=0.6, backchannel=0.3, yield_s=(0.3, 0.7))
"""The user hardly ever lets Ego finish."""
