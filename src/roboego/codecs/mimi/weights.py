"""Reads the hub's model.safetensors and gives its tensors our names."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from roboego.codecs.mimi.config import MimiConfig
from roboego.codecs.mimi.quantizer import half_norms
from roboego.errors import CheckpointError

LAYER_NAMES = {
    "input_layernorm.weight": "attention_norm.weight",
    "input_layernorm.bias": "attention_norm.bias",
    "self_attn.o_proj.weight": "attention.out.weight",
    "self_attn_layer_scale.scale": "attention_scale",
    "post_attention_layernorm.weight": "mlp_norm.weight",
    "post_attention_layernorm.bias": "mlp_norm.bias",
    "mlp.fc1.weight": "mlp.0.weight",
    "mlp.fc2.weight": "mlp.2.weight",
    "mlp_layer_scale.scale": "mlp_scale",
}
"""Names inside a transformer layer, theirs to ours; query, key and value projections become one."""
SMALLEST_USAGE = 1e-5
"""An entry is its running sum over its running count, the count at least this."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; give a folder with config.json and model.safetensors of kyutai/mimi") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file ({error}); download kyutai/mimi again") from error


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def rename(tensors: Mapping[str, Tensor], config: MimiConfig, codebooks: int) -> dict[str, Tensor]:
    """Tensors of a transformers-format Mimi -> the state dict of `MimiCodec`, in float32.

    Raises:
        CheckpointError: a tensor is missing, or one is left that the codec has no use for.
    """
    left = {name: tensor.float() for name, tensor in tensors.items()}
    ours: dict[str, Tensor] = {}
    try:
        for stack in ("encoder_transformer", "decoder_transformer"):
            ours.update(_transformer(left, stack, config))
        semantic = config.num_semantic_quantizers
        ours.update(_quantizer(left, "semantic", semantic, used=semantic))
        ours.update(_quantizer(left, "acoustic", config.num_quantizers - semantic, used=codebooks - semantic))
    except KeyError as error:
        raise CheckpointError(f"the checkpoint lacks {error}; config.json and model.safetensors do not belong together") from None
    for name in [name for name in left if name.startswith(("encoder.layers.", "decoder.layers.", "downsample.", "upsample."))]:
        ours[name.replace("coder.layers.", "coder.").replace(".shortcut.", ".shortcut.0.")] = left.pop(name)
    if left:
        raise CheckpointError(f"the checkpoint has tensors that a Mimi has not: {', '.join(sorted(left)[:3])}; give kyutai/mimi")
    # Matrices lie transposed in memory (their shape stays): for one or two vectors CPU products run 1.4 times as fast that way.
    for name, tensor in ours.items():
        if name.endswith(".weight") and tensor.dim() == 2:
            ours[name] = tensor.t().contiguous().t()
    return ours


def _transformer(left: dict[str, Tensor], stack: str, config: MimiConfig) -> Iterator[tuple[str, Tensor]]:
    """Takes one transformer's tensors out of `left`, under our names."""
    for i in range(config.num_hidden_layers):
        layer = f"{stack}.layers.{i}."
        for theirs, our in LAYER_NAMES.items():
            yield layer + our, left.pop(layer + theirs)
        for kind in ("weight", "bias") if config.attention_bias else ("weight",):
            yield f"{layer}attention.qkv.{kind}", torch.cat([left.pop(f"{layer}self_attn.{p}_proj.{kind}") for p in "qkv"])
        if config.attention_bias:
            yield layer + "attention.out.bias", left.pop(layer + "self_attn.o_proj.bias")


def _quantizer(left: dict[str, Tensor], part: str, count: int, *, used: int) -> Iterator[tuple[str, Tensor]]:
    """Takes one residual quantizer's tensors out of `left`: `used` of its `count` codebooks, under our names."""
    theirs, ours = f"quantizer.{part}_residual_vector_quantizer.", f"quantizer.{part}."
    for projection, our in (("input_proj", "into"), ("output_proj", "out")):
        if (weight := left.pop(f"{theirs}{projection}.weight", None)) is not None:
            yield f"{ours}{our}.weight", weight.squeeze(-1)
    entries = []
    for i in range(count):
        codebook = f"{theirs}layers.{i}.codebook."
        left.pop(codebook + "initialized", None)
        entries.append(left.pop(codebook + "embed_sum") / left.pop(codebook + "cluster_usage").clamp(min=SMALLEST_USAGE)[:, None])
    yield f"{ours}codebooks_KEW", torch.stack(entries[:used])
    yield f"{ours}half_norms_KE", half_norms(torch.stack(entries[:used]))
