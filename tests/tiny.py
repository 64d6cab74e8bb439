"""A model small enough to run thousands of frames in a test, with its codec and tokenizer. All weights are random."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.model.config import BackboneConfig, GlanceConfig, ModelConfig, SenseConfig, SpeechDecoderConfig
from roboego.model.glance import Glance
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.model.sampling import Sampling, StreamSampling
from roboego.perception.vit import ViT, ViTConfig
from roboego.streams.grid import empty_grid
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout
from roboego.streams.tokenizer import Tokenizer
from roboego.training.rows import Row

CODEBOOKS, ENTRIES, WINDOW = 3, 16, 24
GREEDY = Sampling(speak=StreamSampling())
LIVELY = Sampling(text=StreamSampling(temperature=1.0, top_p=0.9), speak=StreamSampling(temperature=0.8, top_k=5))
TINY_VIT = ViTConfig(image_size=16, patch_size=8, width=8, layers=1, heads=2, hidden=8)
TOUCH = SenseConfig(name="touch", size=2, hidden=8, fresh_frames=2)
POINTS = SenseConfig(name="points", size=3, points=4, hidden=8, fresh_frames=2)
TINY_GLANCE = GlanceConfig(tokens=4, token_width=8, heads=2, head_dim=4)
SENTENCES = ("the red cup is on the table", "put the blue ball into the bowl, please.")

torch.set_num_threads(1)


def tiny_tokenizer() -> Tokenizer:
    return Tokenizer.train(SENTENCES, vocab_size=100)


def tiny_config(
    *,
    delays: tuple[int, ...] = (),
    kept_sinks: int = 0,
    learned_sinks: bool | None = None,
    window: int = WINDOW,
    layers: int = 2,
    model: dict[str, Any] | None = None,
    **layout: Any,
) -> ModelConfig:
    """Two layers with grouped heads, a window of two seconds; a tied text head unless `model` says otherwise.

    Args:
        delays: acoustic delays of both directions.
        model: other fields of `ModelConfig`; further arguments are fields of `StreamLayout`.
    """
    tokenizer = tiny_tokenizer()
    sound = SoundLayout(codebooks=CODEBOOKS, entries=ENTRIES, delays=delays)
    text = TextLayout(ids=len(tokenizer), first_word=len(tokenizer.specials))
    sinks = not kept_sinks if learned_sinks is None else learned_sinks
    return ModelConfig(
        layout=StreamLayout(**{"text": text, "speak": sound, "listen": sound, **layout}),
        backbone=BackboneConfig(
            width=24, layers=layers, heads=4, kv_heads=2, head_dim=8, hidden=32, window=window, learned_sinks=sinks, kept_sinks=kept_sinks
        ),
        speech=SpeechDecoderConfig(width=16, layers=2, heads=2, hidden=16),
        **model or {},
    )  # fmt: skip


def tiny_model(config: ModelConfig | None = None, *, seed: int = 0) -> RoboEgoModel:
    """Random weights, learned sinks, biases and the vector of "no picture" included."""
    torch.manual_seed(seed)
    model = RoboEgoModel(config or tiny_config()).eval().requires_grad_(False)
    for name, tensor in model.named_parameters():
        if name.endswith(("sink", "no_look")):
            tensor.normal_()
    return model


def tiny_codec(*, seed: int = 0) -> EmbeddedCodec:
    torch.manual_seed(seed)
    return EmbeddedCodec(EmbeddedCodecConfig(
        fine_width=8, fine_hidden=8, coarse_width=8, coarse_hidden=8, encoder_fine=1, encoder_coarse=1, decoder_coarse=1, decoder_fine=1,
        codebooks=CODEBOOKS, entries=ENTRIES, code_width=4,
    )).eval().requires_grad_(False)  # fmt: skip


def tiny_loaded(config: ModelConfig | None = None, *, seed: int = 0, codec: bool = True, sampling: Sampling = GREEDY) -> LoadedModel:
    """What `roboego.load` would return."""
    return LoadedModel(
        name="tiny",
        model=tiny_model(config, seed=seed),
        codec=tiny_codec(seed=seed) if codec else None,
        tokenizer=tiny_tokenizer(),
        silence=torch.zeros(CODEBOOKS, dtype=torch.int64),
        sampling=sampling,
    )


def tiny_vit(seed: int = 0, config: ViTConfig = TINY_VIT) -> ViT:
    torch.manual_seed(seed)
    return ViT(config).eval().requires_grad_(False)


def seeing_loaded(**widths: int) -> LoadedModel:
    """A model that sees, with its picture encoder; `widths` are fields of `ModelConfig`."""
    return replace(tiny_loaded(tiny_config(looks=True, model=widths or {"vision_width": 8, "context_width": 8})), vision=tiny_vit())


def glancing_loaded(**fields: Any) -> LoadedModel:
    """A model that sees in every way, its glance through open gates; `fields` are others of `ModelConfig`."""
    every_way = {"vision_width": 8, "context_width": 8, "glance": TINY_GLANCE} | fields
    loaded = replace(tiny_loaded(tiny_config(looks=True, model=every_way)), vision=tiny_vit())
    open_gates(loaded.model)
    return loaded


def feeling_loaded() -> LoadedModel:
    """A small random model whose senses count: two numbers of touch, clouds of four points, each fresh for two frames."""
    plain = tiny_loaded()
    torch.manual_seed(5)
    model = RoboEgoModel(replace(plain.model.config, senses=(TOUCH, POINTS)))
    for name, tensor in model.state_dict().items():
        if "senses" in name:
            tensor.copy_(torch.randn(tensor.shape))
    return replace(plain, model=model.eval().requires_grad_(False))


def open_gates(model: RoboEgoModel) -> RoboEgoModel:
    """Lets what is glanced at in; at first it adds nothing."""
    if model.glance is not None:
        open_glance(model.glance)
    return model


def open_glance(glance: Glance) -> Glance:
    """The same of a glance, with another gate at each place."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in glance.out.parameters():
            weight.normal_(0.0, 1.5, generator=generator)
        glance.gate.copy_(0.7 + 0.2 * torch.arange(len(glance.gate)))
    return glance.requires_grad_(False)


def obedient_loaded(**changes: Any) -> LoadedModel:
    """A model that writes nothing by itself, and makes one token audible in each frame.

    Args:
        changes: of `tiny_config`.
    """
    loaded = tiny_loaded(tiny_config(**{**changes, "model": {"tied_head": False, **changes.get("model", {})}}))
    model = loaded.model
    assert model.text_head is not None
    assert model.spoken_head is not None
    # Of equal logits the first wins: <wait>.
    model.text_head.weight.zero_()
    model.spoken_head.weight.zero_()
    model.spoken_head.bias.copy_(torch.eye(len(model.spoken_head.bias))[1])
    return loaded


class RandomRows:
    """Training rows of random tokens.

    Args:
        sparse: in some rows, speech has weight on a single frame.
    """

    def __init__(self, *, sparse: bool = False) -> None:
        self.sparse = sparse

    def row(self, rng: np.random.Generator, frames: int) -> Row:
        layout = tiny_config().layout
        grid = empty_grid(layout, frames)
        grid.text[:] = rng.integers(0, layout.text.ids, frames)
        for codes in (grid.speak, grid.listen):
            codes[:] = rng.integers(0, ENTRIES, codes.shape)
        grid.text_weight[:] = grid.spoken_weight[:] = 1
        grid.speak_weight[: rng.choice([1, frames]) if self.sparse else frames] = 1
        return Row.of(grid)
