"""The phone recognizer's training, and what its layers see of a sound as a loss: a codec must keep it for the sound to be understood.

Spectral losses alone average formants away; a loss on a recognizer's features (as in deep feature losses for speech enhancement, arXiv
1806.10522) asks for the cues that tell phones apart.
"""
# B crops, N samples, J hops of 10 ms, C channels, S phone classes

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.data.alignment.phones import phone_classes
from roboego.data.alignment.recognizer import HOP, PhoneRecognizer
from roboego.data.speech_bank import SpeechBank
from roboego.timebase import SAMPLE_RATE
from roboego.training.loop import Metrics
from roboego.training.noisy_crops import add_noise, crop


class FeatureLoss:
    """Mean absolute difference of a frozen recognizer's features, each layer relative to the spread of its features."""

    def __init__(self, recognizer: PhoneRecognizer) -> None:
        self.recognizer = recognizer.eval().requires_grad_(False)

    def __call__(self, out_BN: Tensor, target_BN: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.recognizer.features(target_BN)
        given = self.recognizer.features(out_BN)
        return torch.stack([(a - b).abs().mean() / b.std().clamp(min=1e-3) for a, b in zip(given, wanted, strict=True)]).mean()


@dataclass(frozen=True, kw_only=True)
class RecognizerTraining:
    """What the recognizer learns from: crops of `seconds` from banks with phone times, a share of them noisy."""

    crops: int = 16
    seconds: float = 1.2
    noise_share: float = 0.3
    seed: int = 0


class RecognizerTask:
    """Implements `roboego.training.loop.Task`."""

    def __init__(self, banks: list[SpeechBank], training: RecognizerTraining, *, device: torch.device | None = None) -> None:
        torch.manual_seed(training.seed)
        self.device = device or torch.device("cpu")
        self.module = PhoneRecognizer().to(self.device)
        self.banks, self.config = banks, training

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.config.seed, step])
        length = round(self.config.seconds * SAMPLE_RATE)
        hops = length // HOP + 1
        pcm_BN, phones_BJ = np.zeros((self.config.crops, length), np.float32), np.zeros((self.config.crops, hops), np.int64)
        for b in range(self.config.crops):
            bank = self.banks[rng.integers(len(self.banks))]
            spoken = bank[int(rng.integers(len(bank)))]
            pcm, start = crop(spoken.pcm, length, rng)
            pcm_BN[b] = add_noise(pcm, rng, (0.0, 30.0)) if rng.random() < self.config.noise_share else pcm
            phones_BJ[b] = phone_classes(spoken.phones, start + np.arange(hops) * HOP)
        return torch.from_numpy(pcm_BN).to(self.device), torch.from_numpy(phones_BJ).to(self.device)

    def loss(self, batch: tuple[Tensor, Tensor], step: int) -> tuple[Tensor, Metrics]:
        pcm_BN, phones_BJ = batch
        logits = self.module(pcm_BN)
        right = (logits.argmax(1) == phones_BJ)[phones_BJ > 0].float().mean()
        return F.cross_entropy(logits, phones_BJ, ignore_index=-100), {"right": float(right)}

    def after_step(self, step: int) -> None: ...

    def validate(self, step: int) -> Metrics:
        return {}

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return ()

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None: ...
