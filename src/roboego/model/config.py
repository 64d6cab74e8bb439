"""Shapes of the parts of a model."""

import math
from dataclasses import dataclass

from roboego.errors import InputError
from roboego.streams.layout import StreamLayout
from roboego.strict import check_at_least


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

    def __post_init__(self) -> None:
        check_at_least(0, self, "original_window")
        _check_positive(self, "factor")
        if self.original_window and not self.low < self.high < math.inf:
            raise InputError(f"low must be below high, not {self.low} and {self.high}")


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
    Raises:
        InputError: sizes are too small, or heads and sinks do not go together.
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

    def __post_init__(self) -> None:
        check_at_least(1, self, "width", "heads", "kv_heads", "head_dim", "hidden", "window")
        check_at_least(0, self, "layers", "kept_sinks")
        _check_positive(self, "rope_theta", "norm_eps")
        if self.heads % self.kv_heads:
            raise InputError(f"{self.heads} heads cannot share {self.kv_heads} key-value heads: one number must be a multiple of the other")
        if self.head_dim % 2:
            raise InputError(f"head_dim must be even, as its halves are rotated against each other, not {self.head_dim}")
        if self.kept_sinks >= self.window:
            raise InputError(f"kept_sinks must be below the window of {self.window} positions, not {self.kept_sinks}")
        if self.kept_sinks and self.learned_sinks:
            raise InputError(f"kept_sinks must be 0 where sinks are learned, not {self.kept_sinks}")


@dataclass(frozen=True, kw_only=True)
class SpeechDecoderConfig:
    """A small causal transformer over the codebooks of one frame (the "depth" transformer of RQ-Transformer, Moshi, FLM-Audio).

    Attributes:
        per_codebook_mlp: every codebook has its own feed-forward weights.
        sees_text: the text token written in the same step is part of its input.
    Raises:
        InputError: sizes are too small, or the width does not divide into heads.
    """

    width: int
    layers: int
    heads: int
    hidden: int
    per_codebook_mlp: bool = False
    sees_text: bool = True
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        check_at_least(1, self, "width", "layers", "heads", "hidden")
        _check_positive(self, "norm_eps")
        if self.width % self.heads:
            raise InputError(f"width must be a multiple of the {self.heads} heads, not {self.width}")


@dataclass(frozen=True, kw_only=True)
class GlanceConfig:
    """Cross-attention of each step to the latest picture's tokens, see `roboego.model.glance`.

    Attributes:
        tokens, token_width: of a picture.
        after: after how many of the backbone's layers each glance is; none: there is one, behind the backbone.
    Raises:
        InputError: sizes are too small, or the places are not in order.
    """

    tokens: int
    token_width: int
    heads: int
    head_dim: int
    after: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_at_least(1, self, "tokens", "token_width", "heads", "head_dim")
        if list(self.after) != sorted({max(1, place) for place in self.after}):
            raise InputError(f"glances come after layers in rising order, from 1 on, not after {list(self.after)}")


@dataclass(frozen=True, kw_only=True)
class SenseConfig:
    """One sense of the robot, see `roboego.model.senses`.

    Attributes:
        size: numbers of a reading, or of each point of one.
        points: of a reading; 0: it is numbers.
        scales: by what each number is multiplied, so that usual ones are about 1; one counts for all.
        hidden: inner width of its encoder.
        fresh_frames: for how long a reading counts as fresh when no other comes; after that it is stale.
    Raises:
        InputError: sizes are too small, or scales do not go with them.
    """

    name: str
    size: int
    points: int = 0
    scales: tuple[float, ...] = (1.0,)
    hidden: int = 64
    fresh_frames: int = 3

    def __post_init__(self) -> None:
        check_at_least(1, self, "size", "hidden", "fresh_frames")
        check_at_least(0, self, "points")
        if not self.name or len(self.scales) not in (1, self.size):
            raise InputError(f"a sense has a name, and one scale or {self.size}, not {self.name!r} and {len(self.scales)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a reading."""
        return (self.points, self.size) if self.points else (self.size,)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything that shapes a model.

    Attributes:
        spoken_head: whether the model tracks which of its tokens are audible, and is fed the token that comes next.
        caption_head: whether the model writes down what it hears, in a stream of its own that it is fed back, while it writes and speaks in
            the others.
        max_advance: most tokens that become audible in one frame.
        tied_head: the text head is the text embedding.
        input_scale, output_scale: muP multipliers of foreign checkpoints.
        vision_width: width of a picture's fused vector; 0 without stream vision.
        context_width: width of a picture's tokens, which context vision puts in as extra positions; 0 without it.
        glance: how each step looks at a picture's tokens; None if it does not.
        senses: what the robot feels.
        act_width, act_layers: width of the action decoder, and how many feed-forward layers it has.
    Raises:
        InputError: a size is too small, two senses have one name, a multiplier is not a positive number, or pictures' tokens have two
            widths.
    """

    layout: StreamLayout
    backbone: BackboneConfig
    speech: SpeechDecoderConfig
    spoken_head: bool = True
    caption_head: bool = False
    max_advance: int = 3
    tied_head: bool = True
    input_scale: float = 1.0
    output_scale: float = 1.0
    vision_width: int = 0
    context_width: int = 0
    glance: GlanceConfig | None = None
    senses: tuple[SenseConfig, ...] = ()
    act_width: int = 112
    act_layers: int = 3

    def __post_init__(self) -> None:
        check_at_least(1, self, "max_advance", "act_width", "act_layers")
        check_at_least(0, self, "vision_width", "context_width")
        _check_positive(self, "input_scale", "output_scale")
        if len({sense.name for sense in self.senses}) < len(self.senses):
            raise InputError(f"senses need a name each, not {', '.join(sense.name for sense in self.senses)}")
        if self.glance is not None and self.glance.after and self.glance.after[-1] >= self.backbone.layers:
            places = f"{self.backbone.layers} layers, not after {self.glance.after[-1]}"
            raise InputError(f"the last glance must come before the last of {places}")
        if self.glance is not None and self.context_width not in (0, self.glance.token_width):
            widths = f"{self.context_width} and {self.glance.token_width}"
            raise InputError(f"context_width and glance.token_width are of the same tokens and must be equal, not {widths}")

    @property
    def sees(self) -> bool:
        """Whether pictures can be given, in whatever way the model takes them."""
        return bool(self.vision_width or self.context_width or self.glance)


def _check_positive(config: object, *names: str) -> None:
    """Raises an InputError that names the first of these fields that is 0 or below, infinite or NaN."""
    for name in names:
        if not 0 < getattr(config, name) < math.inf:
            raise InputError(f"{name} must be a positive number, not {getattr(config, name)}")
