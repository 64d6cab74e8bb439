"""Decoders of Qwen2 and Llama shape in transformers format: their config.json and tensor names, read as our backbone's."""

from collections.abc import Iterator

import torch
from torch import Tensor

from roboego.errors import CheckpointError
from roboego.hubformat import HubConfig, HubTensors
from roboego.model.config import BackboneConfig, RopeScaling


def backbone_config(
    config: HubConfig, *, window: int, kept_sinks: int, norm_eps: float, qkv_bias: bool, out_bias: bool, mlp_bias: bool
) -> BackboneConfig:
    """Shape of the decoder that a config.json describes.

    Raises:
        CheckpointError: it asks for something that our backbone does not compute.
        InputError: its sizes do not go together.
    """
    activation = config.get("hidden_act", "silu")
    if activation != "silu":
        raise CheckpointError(f"{config.where}: hidden_act {activation!r} is not supported; choose a model with silu")
    if config.get("partial_rotary_factor", 1.0) != 1.0:
        raise CheckpointError(f"{config.where}: partial_rotary_factor is not supported; choose a model that rotates whole heads")
    width, heads = config.size("hidden_size"), config.size("num_attention_heads")
    theta, scaling = rope(config)
    if not 0 <= kept_sinks < window:
        raise CheckpointError(f"kept_sinks must be at least 0 and below the window of {window} positions, not {kept_sinks}")
    return BackboneConfig(
        width=width,
        layers=config.size("num_hidden_layers"),
        heads=heads,
        kv_heads=config.size("num_key_value_heads", heads),
        head_dim=config.size("head_dim", width // heads),
        hidden=config.size("intermediate_size"),
        window=window,
        rope_theta=theta,
        rope_scaling=scaling,
        norm_eps=norm_eps,
        qkv_bias=qkv_bias,
        out_bias=out_bias,
        mlp_bias=mlp_bias,
        learned_sinks=False,
        kept_sinks=kept_sinks,
    )


def rope(config: HubConfig) -> tuple[float, RopeScaling | None]:
    """Base and scaling of the rotary embedding, as older (`rope_theta`, `rope_scaling`) and newer (`rope_parameters`) files have it."""
    given = config.part("rope_parameters")
    if not given.values:
        given = config.part("rope_scaling")
    theta = given.get("rope_theta", config.get("rope_theta", 10_000.0))
    kind = given.get("rope_type", given.get("type", "default"))
    # "mrope" places pictures; text and sound have one position, for which it is the plain embedding.
    if kind in ("default", "mrope"):
        return theta, None
    if kind == "linear":
        return theta, RopeScaling(factor=given.need("factor", float))
    if kind == "llama3":
        window = given.size("original_max_position_embeddings")
        low, high = given.need("low_freq_factor", float), given.need("high_freq_factor", float)
        return theta, RopeScaling(factor=given.need("factor", float), original_window=window, low=low, high=high)
    raise CheckpointError(f"{given.where}: rope type {kind!r} is not supported; choose a model with default, linear or llama3")


def backbone_tensors(tensors: HubTensors, c: BackboneConfig) -> Iterator[tuple[str, Tensor]]:
    """Takes a decoder's tensors, under our names: query, key and value become one projection, gate and up another."""
    rows = {"q": c.heads * c.head_dim, "k": c.kv_heads * c.head_dim, "v": c.kv_heads * c.head_dim}
    for i in range(c.layers):
        theirs, ours = f"model.layers.{i}.", f"layers.{i}."
        yield ours + "attention_norm.weight", tensors.take(theirs + "input_layernorm.weight", c.width)
        yield ours + "mlp_norm.weight", tensors.take(theirs + "post_attention_layernorm.weight", c.width)
        parts = [tensors.take(f"{theirs}self_attn.{p}_proj.weight", size, c.width) for p, size in rows.items()]
        yield ours + "attention.qkv.weight", torch.cat(parts)
        if c.qkv_bias:
            yield ours + "attention.qkv.bias", torch.cat([tensors.take(f"{theirs}self_attn.{p}_proj.bias", n) for p, n in rows.items()])
        yield ours + "attention.out.weight", tensors.take(theirs + "self_attn.o_proj.weight", c.width, rows["q"])
        if c.out_bias:
            yield ours + "attention.out.bias", tensors.take(theirs + "self_attn.o_proj.bias", c.width)
        for name, tensor in swiglu_tensors(tensors, theirs + "mlp.", c.width, c.hidden, bias=c.mlp_bias):
            yield f"{ours}mlp.{name}", tensor
    yield "norm.weight", tensors.take("model.norm.weight", c.width)


def swiglu_tensors(tensors: HubTensors, theirs: str, width: int, hidden: int, *, bias: bool = False) -> Iterator[tuple[str, Tensor]]:
    """Takes a feed-forward layer's tensors, under our names."""
    yield "gate_up.weight", torch.cat([tensors.take(f"{theirs}{p}_proj.weight", hidden, width) for p in ("gate", "up")])
    yield "down.weight", tensors.take(theirs + "down_proj.weight", width, hidden)
    if bias:
        yield "gate_up.bias", torch.cat([tensors.take(f"{theirs}{p}_proj.bias", hidden) for p in ("gate", "up")])
        yield "down.bias", tensors.take(theirs + "down_proj.bias", width)
