"""Training of the embedded codec: reconstruction of several voices, and phones in the first codebooks.

Mimi (Moshi, arXiv 2410.00037) gives its first codebook meaning by distilling a self-supervised model. Here every sentence was synthesised
with known phone times, so the codes are asked for the phones directly: what the language model hears is then close to what was said.
"""
# B crops, N samples, T frames, W code width, P phone slots a frame, S phone classes

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.data.alignment.phones import PHONES
from roboego.data.alignment.recognizer import PhoneRecognizer
from roboego.training.codec_crops import PHONE_SLOTS, Batch, CodecTraining, Crops, CropSource
from roboego.training.codec_losses import SpectralLoss
from roboego.training.codec_quantizer import QuantizerTrainer
from roboego.training.loop import Metrics
from roboego.training.phone_recognizer import FeatureLoss


class _Module(nn.Module):
    def __init__(self, config: EmbeddedCodecConfig) -> None:
        super().__init__()
        self.codec = EmbeddedCodec(config)
        self.phones = nn.ModuleList(
            nn.Sequential(nn.Linear(config.code_width, 256), nn.GELU(), nn.Linear(256, PHONE_SLOTS * (len(PHONES) + 1))) for _ in range(2)
        )


class CodecTask:
    """Implements `roboego.training.loop.Task`.

    Args:
        crops: what it learns from; by default the training's banks.
    """

    def __init__(
        self,
        codec: EmbeddedCodecConfig,
        training: CodecTraining,
        recognizer: PhoneRecognizer | None = None,
        *,
        crops: CropSource | None = None,
        device: torch.device | None = None,
    ) -> None:
        torch.manual_seed(training.seed)
        self.config = training
        self.module = _Module(codec).to(device)
        self.quantizer = QuantizerTrainer(self.module.codec.quantizer)
        self.spectral = SpectralLoss(device)
        self.features = FeatureLoss(recognizer.to(device)) if recognizer is not None else None
        self.crops = crops or Crops(training, device)

    def batch(self, step: int) -> Batch:
        return self.crops.batch(step)

    def loss(self, batch: Batch, step: int) -> tuple[Tensor, Metrics]:
        pcm_BN, phones_BTP, used_B = batch
        codec = self.module.codec
        latent, _ = codec.encoder.step(pcm_BN, codec.initial_encoder_state(len(pcm_BN)))
        quantized, first, second, commitment = self.quantizer(latent, used_B)
        out, _ = codec.decoder.step(quantized, codec.initial_decoder_state(len(pcm_BN)))
        delay = codec.delay_samples
        spectral = self.spectral(out[:, delay:], pcm_BN[:, :-delay], step)
        losses, right = [], []
        for head, vector in zip(self.module.phones, (first, second), strict=True):
            logits = head(vector).unflatten(-1, (PHONE_SLOTS, -1))
            losses.append(F.cross_entropy(logits.flatten(0, -2), phones_BTP.flatten(), ignore_index=-100))
            scored = phones_BTP > 0
            right.append((logits.argmax(-1) == phones_BTP)[scored].float().mean())
        features = self.features(out[:, delay:], pcm_BN[:, :-delay]) if self.features is not None else spectral.new_zeros(())
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
        return self.crops.validate(self.module.codec, self.spectral)

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return ()

    def extra_state(self) -> dict[str, Any]:
        return self.quantizer.state()

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self.quantizer.load_state(state)
