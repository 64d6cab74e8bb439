"""Model shapes for benchmarks: nano's without and with all streams, one at equal shape with peers, and FLM-Audio's."""

from collections.abc import Callable

from roboego.model.config import BackboneConfig, ModelConfig, SpeechDecoderConfig
from roboego.recipes import nano
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout


def bench_64m() -> ModelConfig:
    """Width 512, 8 layers without grouped keys, 8 + 8 codebooks of 512, a speech decoder with its own weights for each codebook."""
    sound = SoundLayout(codebooks=8, entries=512)
    layout = StreamLayout(text=TextLayout(ids=4_096), speak=sound, listen=sound, reads=False)
    return ModelConfig(
        layout=layout,
        backbone=BackboneConfig(width=512, layers=8, heads=8, kv_heads=8, head_dim=64, hidden=1_408, window=1_500, learned_sinks=False),
        speech=SpeechDecoderConfig(width=256, layers=4, heads=4, hidden=682, per_codebook_mlp=True),
        spoken_head=False,
        tied_head=False,
    )


def seven_b() -> ModelConfig:
    """FLM-Audio's shape (CofeAI/FLM-Audio): for GPUs."""
    sound = SoundLayout(codebooks=8, entries=2_048, ids=2_050, delays=(0, 1, 1, 1, 1, 1, 1, 1))
    text = TextLayout(ids=151_668, wait=151_665, cut=None, asr=None, tts=None, duplex=None, end=None, first_word=0)
    layout = StreamLayout(text=text, speak=sound, listen=sound, reads=False, first_listen=False)
    backbone = BackboneConfig(
        width=3_584, layers=28, heads=28, kv_heads=4, head_dim=128, hidden=18_944, window=8_192, rope_theta=1e6, qkv_bias=True,
        learned_sinks=False, kept_sinks=4,
    )  # fmt: skip
    speech = SpeechDecoderConfig(width=1_024, layers=6, heads=16, hidden=2_730, per_codebook_mlp=True, sees_text=False)
    return ModelConfig(layout=layout, backbone=backbone, speech=speech, spoken_head=False, tied_head=False)


SHAPES: dict[str, Callable[[], ModelConfig]] = {
    "nano": nano.model,
    "nano-whole": nano.whole_model,
    "bench-64m": bench_64m,
    "7b": seven_b,
}
