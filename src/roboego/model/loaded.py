"""A model with what it needs to run: its codec, its tokenizer, what Ego plays while it is silent, and how it samples."""

from dataclasses import dataclass, field

import torch

from roboego.codecs.base import Codec
from roboego.model.model import RoboEgoModel
from roboego.model.sampling import Sampling
from roboego.perception.vit import ViT
from roboego.streams.tokenizer import TextCodec


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """What `roboego.load` returns.

    Attributes:
        name: what the user asked for.
        silence: [K] codes of steady silence, in the codec's speak codebooks.
        sampling: the model's own defaults.
        card: the model card's text, empty without one.
        vision: encodes pictures for a model that sees; None where it brought no encoder.
        codec: None where a foreign checkpoint's codec was not given; then sessions take and give codes only.
    """

    name: str
    model: RoboEgoModel
    codec: Codec | None
    tokenizer: TextCodec | None
    silence: torch.Tensor
    sampling: Sampling = field(default_factory=Sampling)
    card: str = ""
    vision: ViT | None = None
