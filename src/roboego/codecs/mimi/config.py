"""Mimi's shape, as the hub's config.json tells it."""

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter, ValidationError

from roboego.errors import CheckpointError
from roboego.timebase import FRAME_RATE, FRAME_SAMPLES, SAMPLE_RATE

BOOKKEEPING = frozenset(
    {
        "_attn_implementation_autoset",
        "_name_or_path",
        "architectures",
        "attention_dropout",
        "dtype",
        "initializer_range",
        "layer_scale_initial_scale",
        "max_position_embeddings",
        "target_bandwidths",
        "tie_word_embeddings",
        "torch_dtype",
        "transformers_version",
        "use_cache",
        "use_streaming",
    }
)
"""Keys that say how a checkpoint was made, or what only training needs. Positions have no maximum here: the window slides."""

ONLY: dict[str, Any] = {
    "audio_channels": 1,
    "hidden_act": "gelu",
    "model_type": "mimi",
    "normalize": False,
    "rope_scaling": None,
    "sampling_rate": SAMPLE_RATE,
    "trim_right_ratio": 1.0,
    "use_causal_conv": True,
}
"""Keys of which we know one value: any other would be a codec that is not mono, 24 kHz and causal."""


@dataclass(frozen=True, kw_only=True)
class MimiConfig:
    """Shape of a Mimi codec; names and defaults are those of the hub's config.json.

    Raises:
        ValueError: sizes that do not fit each other, or frames that are not 1920 samples.
    """

    hidden_size: int = 512
    num_filters: int = 64
    num_residual_layers: int = 1
    upsampling_ratios: tuple[int, ...] = (8, 6, 5, 4)
    kernel_size: int = 7
    last_kernel_size: int = 3
    residual_kernel_size: int = 3
    dilation_growth_rate: int = 2
    pad_mode: Literal["constant", "replicate"] = "constant"
    compress: int = 2
    use_conv_shortcut: bool = False
    codebook_size: int = 2048
    codebook_dim: int = 256
    vector_quantization_hidden_dimension: int = 256
    num_quantizers: int = 32
    num_semantic_quantizers: int = 1
    upsample_groups: int = 512
    num_hidden_layers: int = 8
    intermediate_size: int = 2048
    num_attention_heads: int = 8
    num_key_value_heads: int = 8
    head_dim: int | None = None
    norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    sliding_window: int = 250
    attention_bias: bool = False

    def __post_init__(self) -> None:
        if FRAME_SAMPLES % self.hop or self.latent_stride < 2:
            raise ValueError(
                f"upsampling_ratios {self.upsampling_ratios}: their product must divide half a frame of {FRAME_SAMPLES} samples"
            )
        if self.codebook_dim != self.vector_quantization_hidden_dimension:
            raise ValueError("codebook_dim and vector_quantization_hidden_dimension must be equal: entries are compared with projections")
        if not 0 < self.num_semantic_quantizers < self.num_quantizers:
            raise ValueError("num_semantic_quantizers must be at least 1 and below num_quantizers")
        if self.num_attention_heads % self.num_key_value_heads or self.head_width % 2 or self.sliding_window < 1:
            raise ValueError("heads must be a multiple of key-value heads, head_dim even, sliding_window at least 1")
        if self.hidden_size % self.upsample_groups:
            raise ValueError("hidden_size must be a multiple of upsample_groups")

    @property
    def hop(self) -> int:
        """Samples between two positions of the transformers: 960 (25 Hz)."""
        return math.prod(self.upsampling_ratios)

    @property
    def head_width(self) -> int:
        """Channels of an attention head: `head_dim`, or an even share of `hidden_size`."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def latent_stride(self) -> int:
        """Transformer positions a frame: 2."""
        return FRAME_SAMPLES // self.hop

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each scale of the encoder, finest first: the decoder takes them backwards."""
        return tuple(self.num_filters * 2**scale for scale in range(len(self.upsampling_ratios) + 1))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a config.json in the format that transformers writes, older (rope_theta) or newer (rope_parameters).

        Raises:
            CheckpointError: the file is missing, is not JSON, has unknown keys, or describes a codec that this package cannot run.
        """
        try:
            keys = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{path} does not exist; give a folder with config.json and model.safetensors of kyutai/mimi") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise CheckpointError(f"{path} cannot be read as JSON ({error}); download kyutai/mimi again") from error
        if not isinstance(keys, dict):
            raise CheckpointError(f"{path} is not a JSON object; download kyutai/mimi again")
        try:
            known = _known_keys(keys)
            names = {field.name for field in fields(cls)}
            if unknown := sorted(set(known) - names):
                raise ValueError(f"unknown keys: {', '.join(unknown)}")
            return TypeAdapter(cls).validate_json(json.dumps(known), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problem = ": ".join([*map(str, first["loc"]), first["msg"]])
            raise CheckpointError(f"{path} is not a Mimi that this package can run: {problem}") from error
        except ValueError as error:
            raise CheckpointError(f"{path} is not a Mimi that this package can run: {error}") from error


def _known_keys(keys: dict[str, Any]) -> dict[str, Any]:
    """The keys that shape the codec. Raises ValueError where a fixed one has another value."""
    known = {key: value for key, value in keys.items() if key not in BOOKKEEPING}
    for key, only in ONLY.items():
        if (value := known.pop(key, only)) != only:
            raise ValueError(f"{key} is {value!r}, only {only!r} is supported")
    for key in ("frame_rate", "_frame_rate"):
        if (value := known.pop(key, None)) not in (None, FRAME_RATE):
            raise ValueError(f"{key} is {value!r}, only {FRAME_RATE} is supported")
    if (rope := known.pop("rope_parameters", None)) is not None:
        if not isinstance(rope, dict) or rope.get("rope_type") != "default" or set(rope) != {"rope_type", "rope_theta"}:
            raise ValueError(f"rope_parameters is {rope!r}, only type 'default' with its rope_theta is supported")
        known["rope_theta"] = rope["rope_theta"]
    return known
