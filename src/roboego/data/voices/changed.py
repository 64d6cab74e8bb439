"""Many speakers from one engine: every sentence in a voice whose pitch, formants and tempo are drawn anew."""

from dataclasses import replace

import numpy as np

from roboego.data.acoustics.voice_change import changed_voice
from roboego.data.voices.base import Spoken, Voice


class ChangedVoice:
    """Another voice, heard as a speaker drawn for each sentence."""

    def __init__(self, voice: Voice, name: str) -> None:
        self.name, self._voice = name, voice

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        return replace(changed_voice(self._voice.say(text, rng), rng), voice=self.name)
