"""The codec's decoder trained on, encoder and codebooks left as they are: codes keep their meaning, and sound better."""

from typing import Any

import torch
from torch import Tensor, nn

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.data.alignment.recognizer import PhoneRecognizer
from roboego.errors import CheckpointError
from roboego.training.codec_crops import Batch, CodecTraining, Crops
from roboego.training.codec_losses import SpectralLoss
from roboego.training.loop import Metrics
from roboego.training.phone_recognizer import FeatureLoss


class DecoderTask:
    """Implements `roboego.training.loop.Task`; what is trained is the decoder of the given codec, in place."""

    def __init__(
        self,
        codec: EmbeddedCodec,
        training: CodecTraining,
        recognizer: PhoneRecognizer | None = None,
        *,
        device: torch.device | None = None,
    ) -> None:
        self.codec, self.config, self.crops = codec.requires_grad_(False).to(device), training, Crops(training, device)
        self.module: nn.Module = codec.decoder.requires_grad_(True)
        self.spectral = SpectralLoss(device)
        self.features = FeatureLoss(recognizer.to(device)) if recognizer is not None else None

    def batch(self, step: int) -> Batch:
        return self.crops.batch(step)

    def loss(self, batch: Batch, step: int) -> tuple[Tensor, Metrics]:
        pcm_BN, codec, delay = batch[0], self.codec, self.codec.delay_samples
        out, _ = codec.decode_chunk(codec.encode(pcm_BN), codec.initial_decoder_state(len(pcm_BN)))
        spectral = self.spectral(out[:, delay:], pcm_BN[:, :-delay], step)
        features = self.features(out[:, delay:], pcm_BN[:, :-delay]) if self.features is not None else spectral.new_zeros(())
        metrics: dict[str, Any] = {"spectral": spectral.detach(), "features": features.detach()}
        return spectral + self.config.feature_weight * features, metrics

    def after_step(self, step: int) -> None: ...

    def validate(self, step: int) -> Metrics:
        return self.crops.validate(self.codec, self.spectral)

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return ()

    def extra_state(self) -> dict[str, Any]:
        return {"codec": self.codec.fingerprint}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Raises a CheckpointError if the run was of another codec."""
        if state["codec"] != self.codec.fingerprint:
            raise CheckpointError(
                f"this run trains the decoder of codec {state['codec']}, not of {self.codec.fingerprint}; remove its folder to begin anew"
            )
