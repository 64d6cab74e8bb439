"""Shape of the embedded codec."""

from dataclasses import dataclass

from roboego.errors import InputError
from roboego.strict import check_at_least
from roboego.timebase import FRAME_SAMPLES


@dataclass(frozen=True, kw_only=True)
class EmbeddedCodecConfig:
    """Causal STFT -> ConvNeXt -> residual VQ -> ConvNeXt -> inverse STFT (after Vocos, arXiv 2306.00814, and SoundStream, 2107.03312).

    Attributes:
        window: samples of an STFT window.
        hop: samples between windows; the frame of 1920 samples holds `1920 / hop` of them.
        fine_width, fine_hidden: channels and inner channels of the blocks at the hop rate (100 Hz).
        coarse_width, coarse_hidden: the same for the blocks at the frame rate (12.5 Hz).
        encoder_fine, encoder_coarse, decoder_coarse, decoder_fine: how many blocks each.
        kernel: taps of a block's depthwise convolution; all of them lie in the past or the present.
        codebooks, entries, code_width: the residual vector quantizer.
        hearing: whether what Ego hears goes through an encoder of its own, of the same shape: it gives a voice among noise the codes that
            the voice alone would have.
    Raises:
        InputError: sizes are too small, or window, hop and frame do not divide into each other.
    """

    window: int = 960
    hop: int = 240
    fine_width: int = 256
    fine_hidden: int = 512
    coarse_width: int = 384
    coarse_hidden: int = 1152
    encoder_fine: int = 3
    encoder_coarse: int = 3
    decoder_coarse: int = 3
    decoder_fine: int = 5
    kernel: int = 7
    codebooks: int = 8
    entries: int = 512
    code_width: int = 32
    hearing: bool = False

    def __post_init__(self) -> None:
        check_at_least(1, self, "hop", "fine_width", "fine_hidden", "coarse_width", "coarse_hidden", "codebooks", "entries", "code_width")
        check_at_least(1, self, "encoder_fine", "encoder_coarse", "decoder_coarse", "decoder_fine")
        check_at_least(2, self, "kernel")
        if FRAME_SAMPLES % self.hop:
            raise InputError(f"hop must divide a frame of {FRAME_SAMPLES} samples, not be {self.hop}")
        if self.window < 2 * self.hop or self.window % self.hop:
            raise InputError(f"window must be at least two hops of {self.hop} samples, and a multiple of them, not {self.window}")

    @property
    def bins(self) -> int:
        """Frequencies of an STFT frame."""
        return self.window // 2 + 1

    @property
    def hops(self) -> int:
        """STFT frames an 80 ms frame."""
        return FRAME_SAMPLES // self.hop

    @property
    def delay_samples(self) -> int:
        """A sample is complete once the last of the windows that cover it has been added."""
        return self.window - self.hop
