"""A small phone recognizer, trained in minutes: what its layers see of a sound is what a codec must keep for it to be understood.

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

from roboego.data.speech_bank import SpeechBank
from roboego.timebase import SAMPLE_RATE
from roboego.training.codec_losses import mel_matrix
from roboego.training.loop import Metrics
from roboego.training.phones import PHONES, add_noise, crop, phone_classes

HOP = SAMPLE_RATE // 100
WINDOW = 600
MELS = 64


class PhoneRecognizer(nn.Module):
    """Log-mel spectrum -> dilated convolutions that see 250 ms on either side -> phone classes, every 10 ms."""

    window: Tensor
    mel: Tensor

    def __init__(self, width: int = 128, dilations: tuple[int, ...] = (1, 2, 4, 8, 1)) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("mel", mel_matrix(WINDOW // 2 + 1, MELS), persistent=False)
        self.into = nn.Conv1d(MELS, width, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2 * d, dilation=d) for d in dilations)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in dilations)
        self.out = nn.Conv1d(width, len(PHONES) + 1, 1)

    def features(self, pcm_BN: Tensor) -> list[Tensor]:
        """What each layer sees [B, C, J]."""
        magnitude = torch.stft(pcm_BN.float(), WINDOW, HOP, window=self.window, return_complex=True).abs()
        level = torch.log(torch.einsum("bfj,fm->bmj", magnitude, self.mel) + 1e-2)
        x = F.gelu(self.into(level))
        found = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + F.gelu(norm(layer(x)))
            found.append(x)
        return found

    def forward(self, pcm_BN: Tensor) -> Tensor:
        """Logits [B, S, J]."""
        logits: Tensor = self.out(self.features(pcm_BN)[-1])
        return logits


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
