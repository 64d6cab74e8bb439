"""What the user says in `roboego demo`: a short conversation, one sound file a turn."""

from pathlib import Path

import numpy as np
import soundfile

from roboego.data.voices import open_voice
from roboego.evaluation.material import level
from roboego.sound.files import appearing
from roboego.timebase import SAMPLE_RATE, seconds_to_samples

VOICE = "joe"
TURNS = (
    "hello ego, can you hear me?",
    "just so you know, my name is sarah.",
    "what is three plus four?",
    "what is the opposite of big?",
    "please tell me what my name is.",
    "thank you, goodbye.",
)
PAUSE_S = 0.6
"""Before each turn: people do not answer at once."""


def make_clips(folder: Path, seed: int = 0) -> list[Path]:
    """Speaks the turns into `folder` as flac files, in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    voice, rng = open_voice(VOICE), np.random.default_rng(seed)
    paths = []
    for i, text in enumerate(TURNS, start=1):
        pcm = np.pad(level(voice.say(text, rng).pcm), (seconds_to_samples(PAUSE_S), 0))
        path = folder / f"{i:02d}.flac"
        with appearing(path) as temporary:
            soundfile.write(temporary, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        paths.append(path)
    return paths
