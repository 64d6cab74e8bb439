"""Crops of spoken sentences, with their phones: what the codec learns from."""
# B crops, N samples, T frames, P phone slots a frame

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.data.alignment.phones import phone_classes
from roboego.data.speech_bank import SpeechBank
from roboego.timebase import FRAME_SAMPLES
from roboego.training.codec_losses import SpectralLoss
from roboego.training.loop import Metrics
from roboego.training.noisy_crops import add_noise, crop

PHONE_SLOTS = 4
"""Phone targets a frame: one every 20 ms."""

Batch = tuple[Tensor, Tensor, Tensor]
"""Sound [B, N], phone classes [B, T, P] (-100: not scored) and codebooks to decode from [B]."""


@dataclass(frozen=True, kw_only=True)
class CodecTraining:
    """What the codec learns from.

    Attributes:
        crops, crop_frames: batch size and length of its crops.
        shares: share of crops drawn from each bank.
        phone_weight: of the phone loss on the first codebook, and again on the sum of the first two.
        feature_weight: of the phone recognizer's features, if there is one.
        phone_lookback: samples by which phone targets lie before the frame's slots, so that a phone's end has been heard.
        noise_share: share of crops with noise added (5 to 30 dB), the phones staying as they are.
        dropout_share: share of crops decoded from fewer codebooks.
    """

    folder: Path
    shares: tuple[tuple[str, float], ...]
    crops: int = 16
    crop_frames: int = 12
    phone_weight: float = 0.5
    feature_weight: float = 2.0
    phone_lookback: int = 600
    commitment: float = 0.25
    noise_share: float = 0.2
    dropout_share: float = 0.25
    validation_sentences: int = 24
    seed: int = 0


class CropSource(Protocol):
    """Where crops come from."""

    def batch(self, step: int) -> Batch:
        """The batch of a step."""

    def validate(self, codec: EmbeddedCodec, spectral: SpectralLoss) -> Metrics:
        """How well a codec does on sound that is in no batch."""


class Crops:
    """Batches that are a pure function of the step, and sentences that no crop comes from."""

    def __init__(self, training: CodecTraining, device: torch.device | None = None) -> None:
        self.config, self.device = training, device or torch.device("cpu")
        self.banks = [SpeechBank(training.folder, (name,)) for name, _ in training.shares]
        shares = np.asarray([share for _, share in training.shares])
        self.shares = shares / shares.sum()

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng([self.config.seed, step])
        length = self.config.crop_frames * FRAME_SAMPLES
        pcm_BN = np.zeros((self.config.crops, length), np.float32)
        phones_BTP = np.full((self.config.crops, self.config.crop_frames, PHONE_SLOTS), -100, np.int64)
        for b in range(self.config.crops):
            bank = self.banks[rng.choice(len(self.banks), p=self.shares)]
            pcm_BN[b], phones_BTP[b] = self._crop(bank, int(rng.integers(0, len(bank) - self.config.validation_sentences)), rng)
        used_B = np.where(rng.random(self.config.crops) < self.config.dropout_share, rng.integers(1, 9, self.config.crops), 8)
        pcm, phones, used = (torch.from_numpy(a).to(self.device) for a in (pcm_BN, phones_BTP, used_B))
        return pcm, phones, used

    def _crop(self, bank: SpeechBank, i: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        spoken = bank[i]
        pcm, start = crop(spoken.pcm, self.config.crop_frames * FRAME_SAMPLES, rng)
        if rng.random() < self.config.noise_share:
            pcm = add_noise(pcm, rng, (5.0, 30.0))
        times = start - self.config.phone_lookback + np.arange(self.config.crop_frames * PHONE_SLOTS) * (FRAME_SAMPLES // PHONE_SLOTS) + 240
        return np.clip(pcm, -1, 1), phone_classes(spoken.phones, times).reshape(-1, PHONE_SLOTS)

    def validate(self, codec: EmbeddedCodec, spectral: SpectralLoss) -> Metrics:
        """Spectral loss on the sentences kept back, by bank."""
        found = {}
        for (name, _), bank in zip(self.config.shares, self.banks, strict=True):
            values = []
            for i in range(len(bank) - self.config.validation_sentences, len(bank), 4):
                pcm = torch.from_numpy(bank[i].pcm)[None].to(self.device)
                pcm = F.pad(pcm, (0, FRAME_SAMPLES + (-pcm.shape[1]) % FRAME_SAMPLES))
                out = codec.decode(codec.encode(pcm))
                values.append(float(spectral(out[:, codec.delay_samples :], pcm[:, : -codec.delay_samples])))
            found[name] = float(np.mean(values))
        return found
