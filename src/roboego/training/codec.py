"""Training of the embedded codec: reconstruction of several voices, and phones in the first codebooks.

Mimi (Moshi, arXiv 2410.00037) gives its first codebook meaning by distilling a self-supervised model. Here every sentence was synthesised
with known phone times, so the codes are asked for the phones directly: what the language model hears is then close to what was said.
"""
# B crops, N samples, T frames, W code width, P phone slots a frame, S phone classes

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.data.speech_bank import SpeechBank
from roboego.timebase import FRAME_SAMPLES
from roboego.training.codec_losses import SpectralLoss
from roboego.training.codec_quantizer import QuantizerTrainer
from roboego.training.loop import Metrics
from roboego.training.phone_recognizer import FeatureLoss, PhoneRecognizer
from roboego.training.phones import PHONES, add_noise, crop, phone_classes

PHONE_SLOTS = 4
"""Phone targets a frame: one every 20 ms."""


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


class _Module(nn.Module):
    def __init__(self, config: EmbeddedCodecConfig) -> None:
        super().__init__()
        self.codec = EmbeddedCodec(config)
        self.phones = nn.ModuleList(
            nn.Sequential(nn.Linear(config.code_width, 256), nn.GELU(), nn.Linear(256, PHONE_SLOTS * (len(PHONES) + 1))) for _ in range(2)
        )


class CodecTask:
    """Implements `roboego.training.loop.Task`."""

    def __init__(self, codec: EmbeddedCodecConfig, training: CodecTraining, recognizer: PhoneRecognizer | None = None) -> None:
        torch.manual_seed(training.seed)
        self.config = training
        self.module = _Module(codec)
        self.quantizer = QuantizerTrainer(self.module.codec.quantizer)
        self.spectral = SpectralLoss()
        self.features = FeatureLoss(recognizer) if recognizer is not None else None
        self.banks = [SpeechBank(training.folder, (name,)) for name, _ in training.shares]
        shares = np.asarray([share for _, share in training.shares])
        self.shares = shares / shares.sum()

    # -- data --------------------------------------------------------------------------------

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Sound [B, N], phone classes [B, T, P] (-100: not scored) and codebooks to decode from [B]."""
        rng = np.random.default_rng([self.config.seed, step])
        length = self.config.crop_frames * FRAME_SAMPLES
        pcm_BN = np.zeros((self.config.crops, length), np.float32)
        phones_BTP = np.full((self.config.crops, self.config.crop_frames, PHONE_SLOTS), -100, np.int64)
        for b in range(self.config.crops):
            bank = self.banks[rng.choice(len(self.banks), p=self.shares)]
            pcm_BN[b], phones_BTP[b] = self._crop(bank, int(rng.integers(0, len(bank) - self.config.validation_sentences)), rng)
        used_B = np.where(rng.random(self.config.crops) < self.config.dropout_share, rng.integers(1, 9, self.config.crops), 8)
        return torch.from_numpy(pcm_BN), torch.from_numpy(phones_BTP), torch.from_numpy(used_B)

    def _crop(self, bank: SpeechBank, i: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        spoken = bank[i]
        pcm, start = crop(spoken.pcm, self.config.crop_frames * FRAME_SAMPLES, rng)
        if rng.random() < self.config.noise_share:
            pcm = add_noise(pcm, rng, (5.0, 30.0))
        times = start - self.config.phone_lookback + np.arange(self.config.crop_frames * PHONE_SLOTS) * (FRAME_SAMPLES // PHONE_SLOTS) + 240
        return np.clip(pcm, -1, 1), phone_classes(spoken.phones, times).reshape(-1, PHONE_SLOTS)

    # -- learning ----------------------------------------------------------------------------

    def loss(self, batch: tuple[Tensor, Tensor, Tensor], step: int) -> tuple[Tensor, Metrics]:
        pcm_BN, phones_BTP, used_B = batch
        codec = self.module.codec
        latent, _ = codec.encoder.step(pcm_BN, codec.initial_encoder_state(len(pcm_BN)))
        quantized, first, second, commitment = self.quantizer(latent, used_B)
        out, _ = codec.decoder.step(quantized, codec.initial_decoder_state(len(pcm_BN)))
        delay = codec.delay_samples
        spectral = self.spectral(out[:, delay:], pcm_BN[:, :-delay])
        losses, right = [], []
        for head, vector in zip(self.module.phones, (first, second), strict=True):
            logits = head(vector).unflatten(-1, (PHONE_SLOTS, -1))
            losses.append(F.cross_entropy(logits.flatten(0, -2), phones_BTP.flatten(), ignore_index=-100))
            scored = phones_BTP > 0
            right.append((logits.argmax(-1) == phones_BTP)[scored].float().mean())
        features = self.features(out[:, delay:], pcm_BN[:, :-delay]) if self.features is not None else torch.zeros(())
        total = (
            spectral
            + self.config.feature_weight * features
            + self.config.commitment * commitment
            + self.config.phone_weight * (losses[0] + losses[1])
        )
        return total, {
            "spectral": spectral.detach(),
            "features": features.detach(), "commitment": commitment.detach(), "phone_loss": losses[1].detach(),
            "phones_right_1": right[0], "phones_right_2": right[1], "entries_used": self.quantizer.usage(),
        }  # fmt: skip

    def after_step(self, step: int) -> None:
        self.quantizer.update()

    def validate(self, step: int) -> Metrics:
        """Spectral loss on sentences that no crop comes from."""
        found = {}
        codec = self.module.codec
        for (name, _), bank in zip(self.config.shares, self.banks, strict=True):
            values = []
            for i in range(len(bank) - self.config.validation_sentences, len(bank), 4):
                pcm = torch.from_numpy(bank[i].pcm)[None]
                pcm = F.pad(pcm, (0, FRAME_SAMPLES + (-pcm.shape[1]) % FRAME_SAMPLES))
                out = codec.decode(codec.encode(pcm))
                values.append(float(self.spectral(out[:, codec.delay_samples :], pcm[:, : -codec.delay_samples])))
            found[name] = float(np.mean(values))
        return found

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return ()

    def extra_state(self) -> dict[str, Any]:
        return self.quantizer.state()

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self.quantizer.load_state(state)
