"""The embedded codec: small enough for one CPU core, trained by this package's own recipe."""
# B batch (slots), N samples, T frames, K codebooks, F frequencies, J = 8 T hops, D channels, W code width

import copy
import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.codecs.embedded.layers import Blocks, Past
from roboego.codecs.embedded.quantizer import ResidualQuantizer
from roboego.errors import ShapeError
from roboego.timebase import FRAME_SAMPLES


@dataclass
class StreamState:
    """The past of one direction: samples that windows still overlap, and the convolutions' histories."""

    samples_BN: Tensor
    past: Past

    def reset(self, mask_B: Tensor) -> None:
        for tensor in (self.samples_BN, *self.past):
            tensor[mask_B] = 0


class Encoder(nn.Module):
    """Sound -> latent vectors, one a frame."""

    window: Tensor

    def __init__(self, config: EmbeddedCodecConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.window), persistent=False)
        self.into = nn.Linear(config.bins, config.fine_width)
        self.fine = Blocks(config.encoder_fine, config.fine_width, config.fine_hidden, config.kernel)
        self.pool = nn.Linear(config.fine_width * config.hops, config.coarse_width)
        self.coarse = Blocks(config.encoder_coarse, config.coarse_width, config.coarse_hidden, config.kernel)
        self.norm = nn.LayerNorm(config.coarse_width)
        self.out = nn.Linear(config.coarse_width, config.code_width)

    def initial_state(self, batch: int) -> StreamState:
        overlap = self.into.weight.new_zeros(batch, self.config.window - self.config.hop)
        return StreamState(overlap, self.fine.initial_past(batch) + self.coarse.initial_past(batch))

    def step(self, pcm_BN: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """Sound [B, N], N a multiple of 1920 -> latents [B, T, W]."""
        c = self.config
        padded = torch.cat([state.samples_BN, pcm_BN], dim=1)
        windows_BJN = padded.unfold(1, c.window, c.hop) * self.window
        magnitude_BJF = torch.fft.rfft(windows_BJN).abs()
        x = self.into(torch.log(magnitude_BJF + 1e-3))
        fine, coarse = state.past[: c.encoder_fine], state.past[c.encoder_fine :]
        x, fine = self.fine.step(x, fine)
        x = self.pool(x.reshape(len(x), -1, c.hops * c.fine_width))
        x, coarse = self.coarse.step(x, coarse)
        return self.out(self.norm(x)), StreamState(padded[:, -(c.window - c.hop) :], fine + coarse)


class Decoder(nn.Module):
    """Latent vectors, one a frame -> sound."""

    window: Tensor

    def __init__(self, config: EmbeddedCodecConfig) -> None:
        super().__init__()
        self.config = config
        # Periodic Hann windows on both sides: at a hop of a quarter window their product sums to a constant 1.5.
        self.register_buffer("window", torch.hann_window(config.window) / 1.5, persistent=False)
        self.into = nn.Linear(config.code_width, config.coarse_width)
        self.coarse = Blocks(config.decoder_coarse, config.coarse_width, config.coarse_hidden, config.kernel)
        self.spread = nn.Linear(config.coarse_width, config.fine_width * config.hops)
        self.fine = Blocks(config.decoder_fine, config.fine_width, config.fine_hidden, config.kernel)
        self.norm = nn.LayerNorm(config.fine_width)
        self.out = nn.Linear(config.fine_width, 2 * config.bins)

    def initial_state(self, batch: int) -> StreamState:
        overlap = self.into.weight.new_zeros(batch, self.config.window - self.config.hop)
        return StreamState(overlap, self.coarse.initial_past(batch) + self.fine.initial_past(batch))

    def step(self, latent_BTW: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """Latents [B, T, W] -> sound [B, T * 1920], `delay_samples` late."""
        c = self.config
        coarse, fine = state.past[: c.decoder_coarse], state.past[c.decoder_coarse :]
        x, coarse = self.coarse.step(self.into(latent_BTW), coarse)
        x = self.spread(x).reshape(len(x), -1, c.fine_width)
        x, fine = self.fine.step(x, fine)
        log_magnitude, phase = self.out(self.norm(x)).chunk(2, dim=-1)
        spectrum_BJF = torch.polar(log_magnitude.clamp(max=6.0).exp(), phase)
        windows_BJN = torch.fft.irfft(spectrum_BJF, n=c.window) * self.window
        pcm, tail = overlap_add(windows_BJN, c.hop, state.samples_BN)
        return pcm, StreamState(tail, coarse + fine)


def overlap_add(windows_BJN: Tensor, hop: int, tail_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Sums windows `hop` apart onto the unfinished samples of the past.

    Args:
        windows_BJN: [B, J, window], window a multiple of `hop`.
        tail_BN: [B, window - hop] samples begun before.
    Returns:
        Finished samples [B, J * hop] and the new tail.
    """
    batch, count, window = windows_BJN.shape
    parts = window // hop
    blocks = windows_BJN.reshape(batch, count, parts, hop)
    total = windows_BJN.new_zeros(batch, count + parts - 1, hop)
    for part in range(parts):
        total[:, part : part + count] += blocks[:, :, part]
    total[:, : parts - 1] += tail_BN.reshape(batch, parts - 1, hop)
    return total[:, :count].reshape(batch, -1), total[:, count:].reshape(batch, -1)


class EmbeddedCodec(nn.Module):
    """Implements `roboego.codecs.base.Codec`."""

    def __init__(self, config: EmbeddedCodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quantizer = ResidualQuantizer(config.codebooks, config.entries, config.code_width)
        self.decoder = Decoder(config)
        self.hearing = Encoder(config) if config.hearing else None

    def listener(self) -> "EmbeddedCodec":
        """This codec, with the encoder for what is heard in the place of the other. They share weights."""
        if self.hearing is None:
            return self
        listener = copy.copy(self)
        listener._modules = {**self._modules, "encoder": self.hearing}
        return listener

    @property
    def codebooks(self) -> int:
        return self.config.codebooks

    @property
    def entries(self) -> int:
        return self.config.entries

    @property
    def delay_samples(self) -> int:
        return self.config.delay_samples

    @property
    def device(self) -> torch.device:
        return self.quantizer.codebooks.device

    @property
    def fingerprint(self) -> str:
        """Of the encoders and the codebooks: of what codes mean. A decoder that renders the same codes better keeps it."""
        return self._fingerprint("decoder.")

    @property
    def speech_fingerprint(self) -> str:
        """The same without the encoder for what is heard: what hearing is learned from."""
        return self._fingerprint("decoder.", "hearing.")

    def _fingerprint(self, *left_out: str) -> str:
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            if name.startswith(left_out):
                continue
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def initial_encoder_state(self, batch: int) -> StreamState:
        return self.encoder.initial_state(batch)

    def initial_decoder_state(self, batch: int) -> StreamState:
        return self.decoder.initial_state(batch)

    def encode_chunk(self, pcm_BN: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """Sound [B, N], N a multiple of 1920 -> codes [B, T, K] and the next state."""
        if pcm_BN.ndim != 2 or pcm_BN.shape[1] % FRAME_SAMPLES or pcm_BN.shape[1] == 0:
            raise ShapeError(
                f"sound must be [B, N] with N a positive multiple of {FRAME_SAMPLES}, not {tuple(pcm_BN.shape)}; pad it with zeros"
            )
        latent, state = self.encoder.step(pcm_BN, state)
        return self.quantizer.encode(latent.flatten(0, 1)).reshape(*latent.shape[:2], -1), state

    def decode_chunk(self, codes_BTK: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """Codes [B, T, K] -> sound [B, T * 1920] and the next state."""
        if codes_BTK.ndim != 3 or codes_BTK.shape[2] != self.codebooks:
            raise ShapeError(f"codes must be [B, T, {self.codebooks}], not {tuple(codes_BTK.shape)}")
        latent = self.quantizer.decode(codes_BTK.flatten(0, 1)).reshape(*codes_BTK.shape[:2], -1)
        return self.decoder.step(latent, state)

    @torch.no_grad()
    def encode_step(self, pcm_BN: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        codes, state = self.encode_chunk(pcm_BN, state)
        return codes[:, 0], state

    @torch.no_grad()
    def decode_step(self, codes_BK: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        return self.decode_chunk(codes_BK[:, None], state)

    @torch.no_grad()
    def encode(self, pcm_BN: Tensor) -> Tensor:
        return self.encode_chunk(pcm_BN, self.initial_encoder_state(len(pcm_BN)))[0]

    @torch.no_grad()
    def decode(self, codes_BTK: Tensor) -> Tensor:
        return self.decode_chunk(codes_BTK, self.initial_decoder_state(len(codes_BTK)))[0]
