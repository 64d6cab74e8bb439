"""Other people talking: the sentences that babble is mixed from."""

from pathlib import Path

import numpy as np

from roboego.data.acoustics.condition import Condition
from roboego.data.speech_bank import SpeechBank
from roboego.data.voices import LISTENERS
from roboego.data.voices.base import Sound

WORDS = 0.6
"""Share of babble that is made of sentences; the rest has no words."""
SENTENCES = (3, 9)
"""Different ones in one babble: at least, and fewer than."""
BANKS = tuple(f"{side}-train-{voice}" for side in ("user", "jumbled") for voice in LISTENERS)


class Crowd:
    """Draws training sentences of the speech banks in a folder; where there are none, babble has no words.

    Raises:
        InputError: a bank is damaged.
    """

    def __init__(self, folder: Path | None) -> None:
        there = folder is not None and any(any(folder.glob(f"{name}-*.jsonl")) for name in BANKS)
        self._bank = SpeechBank(folder, BANKS) if folder is not None and there else None

    def babble(self, condition: Condition, rng: np.random.Generator) -> list[Sound]:
        """What `roboego.data.acoustics.condition.apply` takes as babble: nothing where none is heard, or where it has no words."""
        if self._bank is None or condition.noise != "babble" or rng.random() >= WORDS:
            return []
        return [self._bank[int(rng.integers(len(self._bank)))].pcm for _ in range(int(rng.integers(*SENTENCES)))]
