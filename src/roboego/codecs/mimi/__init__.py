"""Mimi, the codec of Moshi and FLM-Audio: 12.5 frames a second, 8 of 32 codebooks of 2,048 entries, streaming both ways.

Source: Défossez et al., "Moshi: a speech-text foundation model for real-time dialogue" (arXiv 2410.00037). Weights: hub id kyutai/mimi.
"""

from roboego.codecs.mimi.codec import MimiCodec
from roboego.codecs.mimi.config import MimiConfig

__all__ = ["MimiCodec", "MimiConfig"]
