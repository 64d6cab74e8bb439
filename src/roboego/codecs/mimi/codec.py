"""Mimi as a `Codec`: sound <-> codes frame by frame, with the hub's weights."""
# B batch (slots), N samples, T frames, K codebooks, D latent width

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from roboego.codecs.conv import CausalConv1d, CausalConvTranspose1d, ConvConfig, ConvState
from roboego.codecs.mimi import seanet, weights
from roboego.codecs.mimi.config import MimiConfig
from roboego.codecs.mimi.quantizer import SplitQuantizer
from roboego.codecs.mimi.transformer import StreamingTransformer, TransformerState
from roboego.errors import CheckpointError, InputError, ShapeError
from roboego.timebase import FRAME_SAMPLES

CHUNK_FRAMES = 25
"""Frames that the whole-file forms take at a time: memory stays flat however long the file."""


@dataclass(slots=True)
class MimiState:
    """The past of one direction. Steps update it in place."""

    seanet: seanet.ChainState
    transformer: TransformerState
    resample: ConvState

    def reset(self, mask_B: Tensor) -> None:
        """Puts the slots where `mask_B` [B] (bool) is true back to before their first frame."""
        self.seanet.reset(mask_B)
        self.transformer.reset(mask_B)
        self.resample.reset(mask_B)


class MimiCodec(nn.Module):
    """Implements `roboego.codecs.base.Codec`. No delay: a frame's sound comes back in the same frame.

    Args:
        config: the shape.
        codebooks: K, more than the semantic ones and at most `config.num_quantizers`.
    Raises:
        CheckpointError: `codebooks` is out of that range.
    """

    def __init__(self, config: MimiConfig, codebooks: int = 8) -> None:
        super().__init__()
        fewest, most = config.num_semantic_quantizers + 1, config.num_quantizers
        if not fewest <= codebooks <= most:
            raise CheckpointError(f"codebooks must be from {fewest} to {most}, not {codebooks}")
        self.config = config
        self._codebooks = codebooks
        self._fingerprint: str | None = None
        width, stride = config.hidden_size, config.latent_stride
        self.encoder = seanet.encoder(config)
        self.encoder_transformer = StreamingTransformer(config)
        down = ConvConfig(channels_in=width, channels_out=width, kernel=2 * stride, stride=stride, bias=False, padding="replicate")
        self.downsample = CausalConv1d(down)
        self.quantizer = SplitQuantizer(config, codebooks)
        groups = config.upsample_groups
        up = ConvConfig(channels_in=width, channels_out=width, kernel=2 * stride, stride=stride, groups=groups, bias=False)
        self.upsample = CausalConvTranspose1d(up)
        self.decoder_transformer = StreamingTransformer(config)
        self.decoder = seanet.decoder(config)
        self.requires_grad_(False)

    @classmethod
    def from_folder(cls, path: str | Path, codebooks: int = 8) -> Self:
        """Opens a folder in the hub's format: config.json and model.safetensors, as of kyutai/mimi.

        Raises:
            CheckpointError: a file is missing, damaged, or of another model.
        """
        folder = Path(path)
        config = MimiConfig.from_file(folder / "config.json")
        tensors = weights.read_tensors(folder / "model.safetensors")
        with torch.device("meta"):  # nothing to initialise: every tensor comes from the file
            codec = cls(config, codebooks)
        try:
            codec.load_state_dict(weights.rename(tensors, config, codebooks), assign=True)
        except RuntimeError as error:
            problem = str(error).splitlines()[-1].strip()
            raise CheckpointError(f"{folder}: config.json and model.safetensors do not belong together ({problem})") from error
        codec._fingerprint = weights.fingerprint(tensors)
        return codec

    @property
    def codebooks(self) -> int:
        return self._codebooks

    @property
    def entries(self) -> int:
        return self.config.codebook_size

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the checkpoint's tensors, all its codebooks included; of the random weights if none was loaded."""
        return self._fingerprint or weights.fingerprint(self.state_dict())

    @property
    def delay_samples(self) -> int:
        return 0

    @property
    def device(self) -> torch.device:
        return self.downsample.conv.weight.device

    def listener(self) -> "MimiCodec":
        """Itself: it hears as it records."""
        return self

    def initial_encoder_state(self, batch: int, frames: int = 1) -> MimiState:
        """Nothing heard yet, for chunks of at most `frames` frames."""
        transformer = self.encoder_transformer.initial_state(batch, frames * self.config.latent_stride)
        return MimiState(self.encoder.initial_state(batch), transformer, self.downsample.initial_state(batch))

    def initial_decoder_state(self, batch: int, frames: int = 1) -> MimiState:
        """Nothing said yet, for chunks of at most `frames` frames."""
        transformer = self.decoder_transformer.initial_state(batch, frames * self.config.latent_stride)
        return MimiState(self.decoder.initial_state(batch), transformer, self.upsample.initial_state(batch))

    @torch.no_grad()
    def latents_chunk(self, pcm_BN: Tensor, state: MimiState) -> tuple[Tensor, MimiState]:
        """Sound [B, T * 1920] -> what the quantizer is given, [B, T, D], and the next state.

        Raises:
            ShapeError: N is not a positive multiple of 1920, more frames than the state was made for, or another batch.
            InputError: integer samples.
        """
        check_sound(pcm_BN, batch=len(state.transformer.position_B))
        x_BCT, _ = self.encoder.step(pcm_BN[:, None].to(self.downsample.conv.weight.dtype), state.seanet)
        x_BTD, _ = self.encoder_transformer.step(x_BCT.transpose(1, 2), state.transformer)
        latent_BDT, _ = self.downsample.step(x_BTD.transpose(1, 2), state.resample)
        return latent_BDT.transpose(1, 2), state

    @torch.no_grad()
    def encode_chunk(self, pcm_BN: Tensor, state: MimiState) -> tuple[Tensor, MimiState]:
        """Sound [B, T * 1920] in [-1, 1] -> codes [B, T, K] (int64) and the next state. Raises as `latents_chunk` does."""
        latent_BTD, state = self.latents_chunk(pcm_BN, state)
        return self.quantizer.encode(latent_BTD), state

    @torch.no_grad()
    def decode_chunk(self, codes_BTK: Tensor, state: MimiState) -> tuple[Tensor, MimiState]:
        """Codes [B, T, K] -> sound [B, T * 1920] (float32) and the next state.

        Raises:
            ShapeError: not [B, T, K], more frames than the state was made for, or another batch.
            InputError: a code is outside 0 .. entries - 1 (looked at on the CPU only: elsewhere the look would stall the device).
        """
        self.check_codes(codes_BTK, batch=len(state.transformer.position_B))
        x_BDT, _ = self.upsample.step(self.quantizer.decode(codes_BTK).transpose(1, 2), state.resample)
        x_BTD, _ = self.decoder_transformer.step(x_BDT.transpose(1, 2), state.transformer)
        pcm_B1N, _ = self.decoder.step(x_BTD.transpose(1, 2), state.seanet)
        return pcm_B1N[:, 0].float(), state

    def encode_step(self, pcm_BN: Tensor, state: MimiState) -> tuple[Tensor, MimiState]:
        """One frame of sound [B, 1920] in [-1, 1] -> codes [B, K] (int64) and the next state."""
        if pcm_BN.shape[-1] != FRAME_SAMPLES:
            raise ShapeError(f"a step takes sound [B, {FRAME_SAMPLES}], not {list(pcm_BN.shape)}; use encode for whole files")
        codes_BTK, state = self.encode_chunk(pcm_BN, state)
        return codes_BTK[:, 0], state

    def decode_step(self, codes_BK: Tensor, state: MimiState) -> tuple[Tensor, MimiState]:
        """One frame of codes [B, K] -> sound [B, 1920] and the next state."""
        return self.decode_chunk(codes_BK.unsqueeze(1), state)

    def latents(self, pcm_BN: Tensor) -> Tensor:
        """Sound [B, N] (N a multiple of 1920) -> what the quantizer is given, [B, T, D]."""
        check_sound(pcm_BN, batch=len(pcm_BN))
        state = self.initial_encoder_state(len(pcm_BN), CHUNK_FRAMES)
        return torch.cat([self.latents_chunk(chunk, state)[0] for chunk in pieces(pcm_BN, CHUNK_FRAMES * FRAME_SAMPLES)], dim=1)

    def encode(self, pcm_BN: Tensor) -> Tensor:
        """Sound [B, N] (N a multiple of 1920) -> codes [B, T, K]."""
        check_sound(pcm_BN, batch=len(pcm_BN))
        state = self.initial_encoder_state(len(pcm_BN), CHUNK_FRAMES)
        return torch.cat([self.encode_chunk(chunk, state)[0] for chunk in pieces(pcm_BN, CHUNK_FRAMES * FRAME_SAMPLES)], dim=1)

    def decode(self, codes_BTK: Tensor) -> Tensor:
        """Codes [B, T, K] -> sound [B, T * 1920]."""
        self.check_codes(codes_BTK, batch=len(codes_BTK))
        state = self.initial_decoder_state(len(codes_BTK), CHUNK_FRAMES)
        return torch.cat([self.decode_chunk(chunk, state)[0] for chunk in pieces(codes_BTK, CHUNK_FRAMES)], dim=1)

    def check_codes(self, codes_BTK: Tensor, *, batch: int) -> None:
        """Raises as `decode_chunk` does."""
        if codes_BTK.dim() != 3 or (len(codes_BTK), codes_BTK.shape[2]) != (batch, self.codebooks) or not codes_BTK.shape[1]:
            raise ShapeError(f"codes must be [{batch}, T, {self.codebooks}] with T at least 1, not {list(codes_BTK.shape)}")
        if codes_BTK.is_cpu and not 0 <= int(codes_BTK.min()) <= int(codes_BTK.max()) < self.entries:
            raise InputError(f"codes must be from 0 to {self.entries - 1}: replace padding and other special ids before decoding")


def pieces(x: Tensor, length: int) -> list[Tensor]:
    """The tensor cut along its second dimension; the last piece may be shorter."""
    return [x[:, start : start + length] for start in range(0, x.shape[1], length)]


def check_sound(pcm_BN: Tensor, *, batch: int) -> None:
    """Raises ShapeError unless sound is [batch, N], N a positive multiple of 1920, and InputError unless it is floating point."""
    if pcm_BN.dim() != 2 or len(pcm_BN) != batch or pcm_BN.shape[1] % FRAME_SAMPLES or not pcm_BN.shape[1]:
        wanted = f"[{batch}, N] with N a positive multiple of {FRAME_SAMPLES}"
        raise ShapeError(f"sound must be {wanted}, not {list(pcm_BN.shape)}; fill the last frame up with zeros")
    if not pcm_BN.is_floating_point():
        raise InputError(f"sound must be floating point in [-1, 1], not {pcm_BN.dtype}; divide integers by their full scale")
