"""Episodes in which the arm is held up now and then: it stands, its expert would go on, and so it does when it is free again.

Experts take about as long for a motion each time. A model that has seen nothing else learns to stop when that time is over, wherever the
arm is.
"""
# T frames

from dataclasses import replace

import numpy as np

from roboego.data.episodes import Episode
from roboego.data.talk.grammar import Rng
from roboego.sim.tasks import Verb

HELD_UP, TIMES, FRAMES = 0.6, (1, 4), (3, 50)
"""Share of the episodes; how often, and for how long, from and below."""
_BEATS: tuple[Verb, ...] = ("wave", "nod")
"""What goes by time."""


def held_up(episode: Episode, rng: Rng) -> Episode:
    """The same, with some of its frames lasting longer: such in which a picture is taken, as it shows where the arm stands."""
    taken = [frame for frame, _ in episode.looks if frame < episode.done]
    if episode.task.verb in _BEATS or not taken or rng.random() >= HELD_UP:
        return episode
    lasts = np.ones(len(episode), np.int64)
    for frame in rng.choice(taken, int(rng.integers(*TIMES))):
        lasts[frame] += int(rng.integers(*FRAMES))
    when, begins = np.repeat(np.arange(len(episode)), lasts), np.cumsum(lasts) - lasts
    arrays = {name: getattr(episode, name)[when] for name in ("bins", "body", "touch", "held", "touched")}
    looks = tuple((int(begins[frame]), number) for frame, number in episode.looks)
    return replace(episode, **arrays, looks=looks, done=int(begins[episode.done]) if episode.done < len(begins) else len(when))
