"""What the user says in `roboego demo`: a short conversation, one sound file a turn."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from roboego.data.dialogue import with_pause
from roboego.data.voices import open_voice
from roboego.evaluation.material import level
from roboego.sound.files import appearing
from roboego.timebase import SAMPLE_RATE, seconds_to_samples

VOICE = "joe"


@dataclass(frozen=True)
class Turn:
    """What is said.

    Attributes:
        pause_s: a pause where the sentence cannot be over.
        into_s: it begins so long after Ego's voice, while Ego speaks; None waits until Ego has ended.
    """

    text: str
    pause_s: float = 0.0
    into_s: float | None = None

    def file(self, i: int) -> str:
        """The name of the i-th turn's file, which says when it begins (`roboego.commands.demo`)."""
        return f"{i:02d}.flac" if self.into_s is None else f"{i:02d}+{self.into_s}.flac"


TURNS = (
    Turn("hello ego, can you hear me?"),
    Turn("just so you know, my name is sarah."),
    Turn("what is three plus four?", pause_s=0.7),
    Turn("please tell me what my name is."),
    Turn("please count from one to eight."),
    Turn("right.", into_s=1.0),
    Turn("can you count from five to twelve?"),
    Turn("what day comes after monday?", into_s=1.0),
    Turn("thank you, goodbye."),
)
"""A pause, a word of attention and an interruption are among them."""
PAUSE_S = 0.6
"""Before each turn that waits for Ego: people do not answer at once."""


def make_clips(folder: Path, seed: int = 6) -> list[Path]:
    """Speaks the turns into `folder` as flac files, in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    voice, rng = open_voice(VOICE), np.random.default_rng(seed)
    paths = []
    for i, turn in enumerate(TURNS, start=1):
        spoken = voice.say(turn.text, rng)
        if turn.pause_s:
            spoken = with_pause(spoken, seconds_to_samples(turn.pause_s), rng)
        pcm = level(spoken.pcm)
        if turn.into_s is None:
            pcm = np.pad(pcm, (seconds_to_samples(PAUSE_S), 0))
        path = folder / turn.file(i)
        with appearing(path) as temporary:
            soundfile.write(temporary, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        paths.append(path)
    return paths
