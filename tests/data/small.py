"""A codec small enough to make data with in a test."""

from roboego.codecs.embedded.config import EmbeddedCodecConfig

SMALL_CODEC = EmbeddedCodecConfig(
    fine_width=8, fine_hidden=8, coarse_width=8, coarse_hidden=8, encoder_fine=1, encoder_coarse=1, decoder_coarse=1, decoder_fine=1,
    codebooks=4, entries=32, code_width=4,
)  # fmt: skip
