"""SigLIP's vision tower (arXiv 2303.15343), as transformers stores it, opened as a `ViT`."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from roboego.errors import CheckpointError
from roboego.hubformat import HubConfig, HubTensors
from roboego.perception.vit import ViT, ViTConfig

KINDS = ("siglip_vision_model", "siglip")


def load_siglip(folder: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> ViT:
    """Opens a folder of a SigLIP, or of its vision tower alone: config.json and safetensors, in one file or in shards.

    Raises:
        CheckpointError: a file is missing or damaged, or the model is of another shape.
    """
    folder = Path(folder)
    hub = HubConfig.read(folder / "config.json")
    kind = hub.need("model_type", str)
    if kind not in KINDS:
        raise CheckpointError(f"{hub.where}: model_type {kind!r} is not supported as a vision tower; choose a SigLIP of fixed picture size")
    config = siglip_config(hub.part("vision_config") if kind == "siglip" else hub)
    tensors = HubTensors(folder, device=device, dtype=dtype)
    tensors.skip("text_model.", "logit_scale", "logit_bias", "vision_model.embeddings.position_ids", "embeddings.position_ids")
    prefix = "vision_model." if any(name.startswith("vision_model.") for name in tensors.left) else ""
    with torch.device("meta"):
        vit = ViT(config)
    vit.load_state_dict(dict(vit_tensors(tensors, config, prefix)), assign=True)
    tensors.finish("SigLIP vision tower")
    return vit.eval().requires_grad_(False)


def siglip_config(hub: HubConfig) -> ViTConfig:
    """Our configuration of a tower; what its file leaves out is as in SigLIP's base size."""
    if hub.get("hidden_act", "gelu_pytorch_tanh") != "gelu_pytorch_tanh" or hub.size("num_channels", 3) != 3:
        raise CheckpointError(f"{hub.where}: only towers with gelu_pytorch_tanh and three colour channels are supported")
    if not hub.get("vision_use_head", True):
        raise CheckpointError(f"{hub.where}: the tower has no pooling head; choose one that has")
    return ViTConfig(
        image_size=hub.size("image_size", 224),
        patch_size=hub.size("patch_size", 16),
        width=hub.size("hidden_size", 768),
        layers=hub.size("num_hidden_layers", 12),
        heads=hub.size("num_attention_heads", 12),
        hidden=hub.size("intermediate_size", 3072),
        norm_eps=hub.get("layer_norm_eps", 1e-6),
    )


def vit_tensors(tensors: HubTensors, c: ViTConfig, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Takes the tower's tensors, under our names."""

    def linear(theirs: str, ours: str, outputs: int, inputs: int) -> Iterator[tuple[str, Tensor]]:
        yield f"{ours}.weight", tensors.take(f"{prefix}{theirs}.weight", outputs, inputs)
        yield f"{ours}.bias", tensors.take(f"{prefix}{theirs}.bias", outputs)

    def norm(theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
        for kind in ("weight", "bias"):
            yield f"{ours}.{kind}", tensors.take(f"{prefix}{theirs}.{kind}", c.width)

    def mlp(theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
        yield from linear(f"{theirs}.fc1", f"{ours}.up", c.hidden, c.width)
        yield from linear(f"{theirs}.fc2", f"{ours}.down", c.width, c.hidden)

    yield "patch.weight", tensors.take(f"{prefix}embeddings.patch_embedding.weight", c.width, 3, c.patch_size, c.patch_size)
    yield "patch.bias", tensors.take(f"{prefix}embeddings.patch_embedding.bias", c.width)
    yield "place", tensors.take(f"{prefix}embeddings.position_embedding.weight", c.patches, c.width)
    for i in range(c.layers):
        theirs, ours = f"encoder.layers.{i}.", f"layers.{i}."
        yield from norm(theirs + "layer_norm1", ours + "attention_norm")
        yield from norm(theirs + "layer_norm2", ours + "mlp_norm")
        for kind, shape in (("weight", (c.width, c.width)), ("bias", (c.width,))):
            parts = [tensors.take(f"{prefix}{theirs}self_attn.{p}_proj.{kind}", *shape) for p in "qkv"]
            yield f"{ours}qkv.{kind}", torch.cat(parts)
        yield from linear(theirs + "self_attn.out_proj", ours + "out", c.width, c.width)
        yield from mlp(theirs + "mlp", ours + "mlp")
    yield from norm("post_layernorm", "norm")
    yield "pool.probe", tensors.take(f"{prefix}head.probe", 1, 1, c.width).flatten()
    for kind, rest in (("weight", (c.width,)), ("bias", ())):
        joint = tensors.take(f"{prefix}head.attention.in_proj_{kind}", 3 * c.width, *rest)
        yield f"pool.query.{kind}", joint[: c.width].clone()
        yield f"pool.key_value.{kind}", joint[c.width :].clone()
    yield from linear("head.attention.out_proj", "pool.out", c.width, c.width)
    yield from norm("head.layernorm", "pool.norm")
    yield from mlp("head.mlp", "pool.mlp")
