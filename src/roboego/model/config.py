"""Shapes of the parts of a model."""

from dataclasses import dataclass

from roboego.streams.layout import StreamLayout


@dataclass(frozen=True, kw_only=True)
class RopeScaling:
    """Slower rotary frequencies, for contexts longer than a decoder was first trained on.

    Attributes:
        factor: by how much frequencies are divided.
        original_window: 0 divides all of them; otherwise, as in Llama 3.1, those that turn less than `low` times within so many
            positions are divided, those that turn more than `high` times are kept, and those between are blended.
    """

    factor: float
    original_window: int = 0
    low: float = 1.0
    high: float = 4.0


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """A causal decoder of Qwen2 / Llama shape.

    Attributes:
        width: D of the hidden state.
        layers, heads, kv_heads, head_dim: attention; `heads` a multiple of `kv_heads`.
        hidden: inner width of the SwiGLU.
        window: W, positions that a step sees, itself included.
        qkv_bias, out_bias, mlp_bias: where linear layers carry a bias.
        learned_sinks: a learned logit per head takes part in every softmax, so that a sliding window needs no first frames.
        kept_sinks: first positions that stay in the window for ever, their rotary positions reassigned (arXiv 2309.17453); only
            without `learned_sinks`.
    """

    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    window: int
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    norm_eps: float = 1e-5
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    learned_sinks: bool = True
    kept_sinks: int = 0


@dataclass(frozen=True, kw_only=True)
class SpeechDecoderConfig:
    """A small causal transformer over the codebooks of one frame (the "depth" transformer of RQ-Transformer, Moshi, FLM-Audio).

    Attributes:
        per_codebook_mlp: every codebook has its own feed-forward weights.
        sees_text: the text token written in the same step is part of its input.
    """

    width: int
    layers: int
    heads: int
    hidden: int
    per_codebook_mlp: bool = False
    sees_text: bool = True
    norm_eps: float = 1e-6


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything that shapes a model.

    Attributes:
        spoken_head: whether the model tracks which of its tokens are audible, and is fed the token that comes next.
        max_advance: most tokens that become audible in one frame.
        tied_head: the text head is the text embedding.
        input_scale, output_scale: muP multipliers of foreign checkpoints.
        vision_width: width of a picture's fused vector; 0 without stream vision.
        context_width: width of a picture's tokens, which context vision puts in as extra positions; 0 without it.
    """

    layout: StreamLayout
    backbone: BackboneConfig
    speech: SpeechDecoderConfig
    spoken_head: bool = True
    max_advance: int = 3
    tied_head: bool = True
    input_scale: float = 1.0
    output_scale: float = 1.0
    vision_width: int = 0
    context_width: int = 0
