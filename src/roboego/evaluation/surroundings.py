"""What a simulated user's microphone hears beside it, and how: noise that goes on between the turns, a room, a telephone."""
# N samples

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roboego.data.acoustics.condition import apply, preset
from roboego.data.acoustics.noise import make_noise, scaled_noise
from roboego.data.acoustics.signal import active_level
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import seconds_to_samples

BACKGROUND_S = 60.0
"""After so long the noise begins again."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A condition of `roboego.data.acoustics.condition.preset`, and what it leaves open.

    Attributes:
        others: the sentences of which babble is mixed; without any it has no words.
    Raises:
        InputError: no condition has the name, or it is an echo (which scenes of that kind have).
    """

    name: str = "clean"
    seed: int = 0
    others: Sequence[Sound] = ()

    def __post_init__(self) -> None:
        if preset(self.name).echo_db is not None:
            raise InputError(f"surroundings have no echo, which is a scene of the suite duplex: choose another name than {self.name!r}")

    def heard(self, turns: Sequence[Sound]) -> tuple[list[Sound], Sound | None]:
        """The turns as the microphone has them, each as long as before, and the noise [N] around them; None where there is none."""
        condition, rng = preset(self.name), np.random.default_rng([self.seed, 17])
        voice = replace(condition, noise=None, snr_db=None)
        heard = list(turns) if condition.is_clean else [apply(voice, turn, rng) for turn in turns]
        if condition.noise is None or condition.snr_db is None:
            return heard, None
        noise = make_noise(condition.noise, seconds_to_samples(BACKGROUND_S), rng, sentences=self.others)
        return heard, scaled_noise(noise, max(active_level(turn) for turn in heard), condition.snr_db)


QUIET = Surroundings()
