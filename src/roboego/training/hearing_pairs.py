"""Voices as they are heard, in noise and in rooms, each beside the voice alone: what the codec learns hearing from."""
# B crops, N samples

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from roboego.data.acoustics.condition import Condition, apply, draw_condition
from roboego.data.acoustics.noise import NOISES, make_noise, scaled_noise
from roboego.data.acoustics.signal import active_level, from_db
from roboego.data.acoustics.voice_change import change_voice, draw_speaker
from roboego.data.crowd import SENTENCES, WORDS
from roboego.data.speech_bank import SpeechBank
from roboego.data.voices.base import Sound
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE

NOISE_ODDS = tuple({"babble": 5.0, "street": 1.2}.get(noise, 0.7) for noise in NOISES)
"""How often each kind is drawn: other people's voices are the hardest to tell from the user's."""
SNR_DB = (2.0, 22.0)
QUIET_DB = (-45.0, -20.0)
"""Level of the noise where nobody speaks, as if under speech of this level."""
ROOMY = 0.75
"""Share of the drawn rooms that are kept."""
ENDS = 0.12
"""Chance that a sentence is the last one of its crop."""
PAUSES_S = (0.1, 0.4, 1.5)
"""Typical pauses between sentences, with the odds of each."""
PAUSE_ODDS = (0.5, 0.3, 0.2)
KEPT = {"babble": 16}
"""Different noises of a kind in a batch, 3 if it is not here; more crops than that hear the same ones from elsewhere on."""


@dataclass(frozen=True, kw_only=True)
class HearingTraining:
    """What hearing is learned from.

    Attributes:
        shares: share of sentences drawn from each bank.
        changed: banks whose sentences get a speaker drawn at random.
        crops, crop_frames: batch size and length of its crops.
        clean: share of crops in which nothing but the voice is heard.
        silent: share of crops in which nobody speaks.
        validation_sentences: of each bank, that no crop comes from.
    """

    folder: Path
    shares: tuple[tuple[str, float], ...]
    changed: tuple[str, ...] = ()
    crops: int = 96
    crop_frames: int = 48
    clean: float = 0.33
    silent: float = 0.04
    validation_sentences: int = 24
    seed: int = 0


class Pairs:
    """Implements `roboego.training.ahead.ByStep`: crops as they are heard, and the voices alone, both int16 [B, N]."""

    def __init__(self, training: HearingTraining) -> None:
        self.config = training
        self.banks = [SpeechBank(training.folder, (name,)) for name, _ in training.shares]
        shares = np.asarray([share for _, share in training.shares])
        self.shares = shares / shares.sum()

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.config.seed, step])
        noises: dict[str, list[Sound]] = {}
        pairs = [self._pair(rng, noises) for _ in range(self.config.crops)]
        heard, alone = (torch.from_numpy(_int16(np.stack(part))) for part in zip(*pairs, strict=True))
        return heard, alone

    def _pair(self, rng: np.random.Generator, noises: dict[str, list[Sound]]) -> tuple[Sound, Sound]:
        silent = rng.random() < self.config.silent
        alone = np.zeros(self.config.crop_frames * FRAME_SAMPLES, np.float32) if silent else self._talk(rng)
        return (alone, alone) if rng.random() < self.config.clean else self.heard(alone, _drawn(rng), rng, noises)

    def heard(
        self, alone: Sound, condition: Condition, rng: np.random.Generator, noises: dict[str, list[Sound]] | None = None
    ) -> tuple[Sound, Sound]:
        """A voice under a condition, and the voice alone through the same microphone.

        Args:
            noises: those that were made, by kind, to be heard again; new ones join them. By default a new one is made.
        """
        heard = apply(Condition(room=condition.room), alone, rng) if condition.room is not None else alone
        if condition.noise is not None and condition.snr_db is not None:
            noise = self._noise(condition.noise, len(alone), rng, {} if noises is None else noises)
            level = active_level(heard) or from_db(rng.uniform(*QUIET_DB))
            heard = np.clip(heard + scaled_noise(noise, level, condition.snr_db), -1, 1)
        heard = apply(replace(condition, room=None, noise=None, snr_db=None), heard, rng)
        tone = Condition(tilt_db=condition.tilt_db, low_cut_hz=condition.low_cut_hz, offset=condition.offset)
        return heard, apply(tone, alone, rng)

    def _talk(self, rng: np.random.Generator) -> Sound:
        """Sentences and pauses, as loud as a user may be, beginning anywhere in a sentence."""
        length = self.config.crop_frames * FRAME_SAMPLES
        out, at, loudness = np.zeros(length, np.float32), int(rng.integers(-2 * SAMPLE_RATE, SAMPLE_RATE)), rng.uniform(-16, 4)
        while at < length:
            said = self._sentence(rng)
            said = said * np.float32(from_db(loudness) * 0.5 / max(float(np.abs(said).max()), 1e-3))
            part = said[max(-at, 0) :][: length - max(at, 0)]
            out[max(at, 0) :][: len(part)] += part
            if rng.random() < ENDS:
                break
            at += len(said) + int(rng.choice(PAUSES_S, p=PAUSE_ODDS) * SAMPLE_RATE * rng.uniform(0.5, 1.5))
        return np.clip(out, -1, 1)

    def _sentence(self, rng: np.random.Generator) -> Sound:
        which = int(rng.choice(len(self.banks), p=self.shares))
        bank = self.banks[which]
        pcm = bank[int(rng.integers(0, max(len(bank) - self.config.validation_sentences, 1)))].pcm
        return change_voice(pcm, draw_speaker(rng))[0] if self.config.shares[which][0] in self.config.changed else pcm

    def _noise(self, kind: str, length: int, rng: np.random.Generator, made: dict[str, list[Sound]]) -> Sound:
        kept = made.setdefault(kind, [])
        if len(kept) == KEPT.get(kind, 3):
            return np.roll(kept[int(rng.integers(len(kept)))], int(rng.integers(length)))
        others = [self._sentence(rng) for _ in range(int(rng.integers(*SENTENCES)))] if kind == "babble" and rng.random() < WORDS else []
        kept.append(make_noise(kind, length, rng, sentences=others))
        return kept[-1]


def _drawn(rng: np.random.Generator) -> Condition:
    """A condition at whose end the voice is as loud as before, and in which Ego is not heard: its voice is a voice too."""
    while True:
        drawn = replace(draw_condition(rng), echo_db=None, echo_delay_s=None, level_db=0.0, drift_db=0.0)
        if drawn.room is not None and rng.random() >= ROOMY:
            drawn = replace(drawn, room=None)
        if drawn.noise is not None or rng.random() < 0.5:
            noise = str(rng.choice(NOISES, p=np.divide(NOISE_ODDS, sum(NOISE_ODDS))))
            drawn = replace(drawn, noise=noise, snr_db=float(rng.uniform(*SNR_DB)))
        if not drawn.is_clean:
            return drawn


def _int16(pcm: Sound) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.clip(np.round(pcm * 32767), -32768, 32767).astype(np.int16)
