"""What every codec offers: sound <-> codes, frame by frame, with explicit state."""
# B batch (slots), K codebooks, T frames, N = T * 1920 samples

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor


class CodecState(Protocol):
    """The past that a streaming encoder or decoder needs. A value: `step` returns a new one, or the same one updated in place."""

    def reset(self, mask_B: Tensor) -> None:
        """Puts the slots where `mask_B` [B] (bool) is true back to the initial state (silence before the first frame)."""


@runtime_checkable
class Codec(Protocol):
    """A neural audio codec on the 80 ms grid.

    States are the codec's own kind of `CodecState`. Streaming equals offline: `encode` and `decode` give what `encode_step` and
    `decode_step` give frame by frame, to float tolerance.
    """

    @property
    def codebooks(self) -> int:
        """K: codes a frame."""

    @property
    def entries(self) -> int:
        """Codes of each codebook: 0 .. entries - 1."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of the weights that decide what codes mean: a model refuses a codec whose codes it was not trained with.

        A codec may leave out its decoder, so that a better one for the same codes takes its place.
        """

    @property
    def delay_samples(self) -> int:
        """Algorithmic delay beyond the frame itself: by how many samples `decode(encode(x))` lags behind `x`."""

    @property
    def device(self) -> torch.device:
        """Where its weights are, and what it is given has to be."""

    def listener(self) -> "Codec":
        """The codec by which Ego hears: itself, or one that gives a voice among noise the codes that the voice alone would have."""

    def initial_encoder_state(self, batch: int) -> CodecState: ...

    def initial_decoder_state(self, batch: int) -> CodecState: ...

    def encode_step(self, pcm_BN: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One frame of sound [B, 1920] in [-1, 1] -> codes [B, K] (int64) and the next state."""

    def decode_step(self, codes_BK: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One frame of codes [B, K] -> sound [B, 1920] and the next state."""

    def encode(self, pcm_BN: Tensor) -> Tensor:
        """Sound [B, N] (N a multiple of 1920) -> codes [B, T, K]."""

    def decode(self, codes_BTK: Tensor) -> Tensor:
        """Codes [B, T, K] -> sound [B, T * 1920]."""
