"""A larger model that begins by computing what a smaller one does, so that what has been learned is not learned again.

It may have more layers, or streams that the smaller one lacked: sight and actions.
"""
# N layers before, M layers after

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from roboego.errors import InputError
from roboego.model.backbone import Layer
from roboego.model.config import ModelConfig
from roboego.model.fusion import stream_sizes
from roboego.model.model import RoboEgoModel

PREFIX = "backbone.layers."
"""Of the names of a model's state that are of layers."""


def is_deeper(config: ModelConfig, than: ModelConfig) -> bool:
    """Whether two models differ in nothing but the number of the backbone's layers, of which the first has more."""
    return config.backbone.layers > than.backbone.layers and with_layers(config, than.backbone.layers) == than


def with_layers(config: ModelConfig, layers: int) -> ModelConfig:
    """The same shape with so many layers in the backbone."""
    return replace(config, backbone=replace(config.backbone, layers=layers))


def layers_of(names: Iterable[str]) -> int:
    """How many layers the backbone of a model has whose state has entries of these names."""
    return len({name.split(".")[2] for name in names if name.startswith(PREFIX)})


def sees_or_acts_more(config: ModelConfig, than: ModelConfig) -> bool:
    """Whether two models differ in nothing but sight, senses and actions, which the first has where the second has none."""
    return config != than and _like(than, config) == than and _like(config, than) == than


def _like(config: ModelConfig, other: ModelConfig) -> ModelConfig:
    """The same without the streams that another model lacks."""
    layout = config.layout
    if not other.layout.action_dims:
        layout = replace(layout, action_dims=0, action_bins=0)
    if not other.vision_width:
        layout = replace(layout, looks=other.layout.looks)
    return replace(
        config,
        layout=layout,
        vision_width=config.vision_width if other.vision_width else 0,
        context_width=config.context_width if other.context_width else 0,
        glance=config.glance if other.glance else None,
        senses=config.senses if other.senses else (),
    )


def with_more_streams(model: RoboEgoModel, config: ModelConfig) -> RoboEgoModel:
    """A model of the shape `config` with the weights of `model`; what it sees and does beside does not count until it has learned to.

    Raises:
        InputError: the shapes differ in more than sight, senses and actions, or `config` has no more of them.
    """
    if not sees_or_acts_more(config, model.config):
        raise InputError("a model grows only by sight and actions that it lacks; give a start of otherwise the same shape")
    larger = RoboEgoModel(config).to(model.device)
    larger.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if name != "fusion.table"}, strict=False)
    with torch.no_grad():
        for name, _ in stream_sizes(model.config):
            larger.fusion.stream_table(config, name)[:] = model.fusion.stream_table(model.config, name)
        for name, _ in stream_sizes(config)[len(stream_sizes(model.config)) :]:
            larger.fusion.stream_table(config, name).zero_()
        if larger.fusion.look is not None and not model.config.vision_width:
            larger.fusion.look.weight.zero_()
            larger.fusion.look.bias.zero_()
    return larger


def deepened(model: RoboEgoModel, config: ModelConfig) -> RoboEgoModel:
    """A model of the shape `config` with the weights of `model`, and new layers spread evenly between its own.

    A new layer is a copy of the one before it whose output matrices are 0: it adds nothing to the stream until it has learned to (as in
    LLaMA Pro, arXiv 2401.02415).

    Raises:
        InputError: the shapes differ in more than the number of layers, or it is not more.
    """
    if not is_deeper(config, model.config):
        raise InputError("a model grows only in the number of its layers; give a start of otherwise the same shape")
    deeper = RoboEgoModel(config).to(model.device)
    old: list[Layer] = list(model.backbone.layers)  # type: ignore[arg-type]
    new: list[Layer] = list(deeper.backbone.layers)  # type: ignore[arg-type]
    rest = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(PREFIX)}
    deeper.load_state_dict(rest, strict=False)
    sources = places(len(old), len(new))
    for i, (layer, source) in enumerate(zip(new, sources, strict=True)):
        layer.load_state_dict(old[source].state_dict())
        if i and sources[i - 1] == source:
            _silence(layer)
    return deeper


def places(before: int, after: int) -> list[int]:
    """Which of N layers each of M >= N layers is, or follows as a copy: [M], rising."""
    extra = after - before
    copies = [1 + (i + 1) * extra // before - i * extra // before for i in range(before)]
    return [i for i, count in enumerate(copies) for _ in range(count)]


def _silence(layer: Layer) -> None:
    """Lets a layer add nothing."""
    for linear in (layer.attention.out, layer.mlp.down):
        assert isinstance(linear, nn.Linear)
        with torch.no_grad():
            linear.weight.zero_()
            if linear.bias is not None:
                linear.bias.zero_()
