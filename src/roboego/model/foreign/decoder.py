"""Decoders in transformers format (Qwen2, Llama and models of their shape): as our backbone, and as the start of a new RoboEgo."""
# B batch, T positions, D width, V ids of the vocabulary

from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from roboego.errors import CheckpointError, InputError
from roboego.hubformat import HubConfig, HubTensors
from roboego.model.backbone import Backbone
from roboego.model.config import BackboneConfig, ModelConfig, SpeechDecoderConfig
from roboego.model.foreign.transformer import backbone_config, backbone_tensors
from roboego.model.fusion import stream_sizes
from roboego.model.model import RoboEgoModel
from roboego.streams.layout import StreamLayout, TextLayout
from roboego.strict import naming

KINDS = ("qwen2", "llama", "mistral")
LONGEST_WINDOW = 8192
"""Window where none is asked for: decoders are trained for up to 131,072 positions, whose ring would not fit beside the weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoder:
    """A language model's parts.

    Attributes:
        backbone: its layers and last norm.
        embedding, head: [V, D]; the same tensor where the model ties them.
    """

    backbone: Backbone
    embedding: Tensor
    head: Tensor

    @property
    def tied(self) -> bool:
        return self.head is self.embedding

    def logits(self, ids_BT: Tensor) -> Tensor:
        """Logits [B, T, V] of the next token."""
        return F.linear(self.backbone(F.embedding(ids_BT, self.embedding)), self.head)


def load_decoder(
    folder: str | Path,
    *,
    window: int | None = None,
    kept_sinks: int = 4,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Decoder:
    """Opens a decoder's folder: config.json and safetensors, in one file or in shards.

    Args:
        window: positions that a step sees; by default all that the model was trained for, but at most `LONGEST_WINDOW`.
        kept_sinks: how many first positions stay in view once the window has moved on; foreign models lean on them.
    Raises:
        CheckpointError: a file is missing or damaged, or the model is of another shape.
    """
    folder = Path(folder)
    hub = HubConfig.read(folder / "config.json")
    with naming(hub.where):
        config = decoder_config(hub, window=window, kept_sinks=kept_sinks)
    tensors = HubTensors(folder, device=device, dtype=dtype)
    with torch.device("meta"):
        backbone = Backbone(config)
    backbone.load_state_dict(dict(backbone_tensors(tensors, config)), assign=True)
    ids = hub.size("vocab_size")
    embedding = tensors.take("model.embed_tokens.weight", ids, config.width)
    # Some files store a tied head a second time.
    tied = hub.get("tie_word_embeddings", False)
    if tied:
        tensors.skip("lm_head.weight")
    head = embedding if tied else tensors.take("lm_head.weight", ids, config.width)
    # Buffers that are recomputed, which older files contain.
    tensors.skip("model.rotary_emb.", *(f"model.layers.{i}.self_attn.rotary_emb." for i in range(config.layers)))
    tensors.finish("Qwen2 or Llama")
    return Decoder(backbone=backbone.eval().requires_grad_(False), embedding=embedding, head=head)


def decoder_config(hub: HubConfig, *, window: int | None, kept_sinks: int) -> BackboneConfig:
    """Our configuration of the decoder that a config.json describes."""
    kind = hub.need("model_type", str)
    if kind not in KINDS:
        raise CheckpointError(f"{hub.where}: model_type {kind!r} is not supported as a backbone; choose one of {', '.join(KINDS)}")
    sliding = hub.get("sliding_window", 0) if kind == "mistral" or hub.get("use_sliding_window", False) else 0
    if "sliding_attention" in hub.get("layer_types", []) or 0 < sliding < hub.size("max_position_embeddings"):
        raise CheckpointError(f"{hub.where}: sliding attention is not supported; choose a model whose layers all see everything")
    trained = hub.size("max_position_embeddings")
    if window is not None and not 1 <= window <= trained:
        raise CheckpointError(f"window must be from 1 to the {trained} positions the model was trained for, not {window}")
    bias = hub.get("attention_bias", False)
    return backbone_config(
        hub,
        window=window or min(trained, LONGEST_WINDOW),
        kept_sinks=kept_sinks,
        norm_eps=hub.get("rms_norm_eps", 1e-6),
        qkv_bias=kind == "qwen2" or bias,
        out_bias=kind == "llama" and bias,
        mlp_bias=hub.get("mlp_bias", False),
    )


def is_decoder(folder: str | Path) -> bool:
    """Whether a folder's config.json says that it holds a decoder of a kind that can be a backbone."""
    return HubConfig.read(Path(folder) / "config.json").values.get("model_type") in KINDS


def text_layout(words: int) -> TextLayout:
    """A foreign vocabulary of `words` ids, followed by the tokens that a RoboEgo needs, in the order of our tokenizer's."""
    wait, cut, asr, tts, duplex, end, _, _, call = range(words, words + 9)
    return TextLayout(ids=call + 1, wait=wait, cut=cut, asr=asr, tts=tts, duplex=duplex, end=end, first_word=0, words_end=words)


def config_on(
    backbone_folder: str | Path,
    layout: StreamLayout,
    speech: SpeechDecoderConfig,
    *,
    window: int | None = None,
    kept_sinks: int = 4,
    caption_head: bool = False,
    vision_width: int = 0,
    context_width: int = 0,
) -> ModelConfig:
    """The configuration of a RoboEgo on a foreign decoder, from its config.json alone; arguments and errors as of `new_model_on`."""
    hub = HubConfig.read(Path(backbone_folder) / "config.json")
    with naming(hub.where):
        backbone = decoder_config(hub, window=window, kept_sinks=kept_sinks)
    words = hub.size("vocab_size")
    if layout.text.ids < words:
        raise InputError(f"the layout has {layout.text.ids} text ids, the decoder {words}; begin with text_layout({words})")
    return ModelConfig(
        layout=layout,
        backbone=backbone,
        speech=speech,
        caption_head=caption_head,
        tied_head=hub.get("tie_word_embeddings", False),
        vision_width=vision_width,
        context_width=context_width,
    )


def new_model_on(
    backbone_folder: str | Path,
    layout: StreamLayout,
    speech: SpeechDecoderConfig,
    *,
    window: int | None = None,
    kept_sinks: int = 4,
    caption_head: bool = False,
    vision_width: int = 0,
    context_width: int = 0,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> RoboEgoModel:
    """Starts a RoboEgo on a foreign decoder.

    Its layers, text embeddings and text head are copied. The streams of what is read and of captions start from the same embeddings, and
    the caption head from the text head, so that a word means what it meant in whatever stream it comes. All other streams and the speech
    decoder are new: drawn at the size of the embeddings, so that at the start no stream drowns the text.

    Args:
        backbone_folder: a Qwen2 or Llama in transformers format.
        layout: its text ids must begin with the decoder's vocabulary; see `text_layout`.
        caption_head, vision_width, context_width: as in `ModelConfig`.
    Returns:
        A model whose weights can be trained.
    Raises:
        CheckpointError: the folder cannot be opened as a backbone.
        InputError: the layout's vocabulary is smaller than the decoder's.
    """
    config = config_on(
        backbone_folder,
        layout,
        speech,
        window=window,
        kept_sinks=kept_sinks,
        caption_head=caption_head,
        vision_width=vision_width,
        context_width=context_width,
    )
    decoder = load_decoder(backbone_folder, window=window, kept_sinks=kept_sinks, device=device, dtype=dtype)
    words = len(decoder.embedding)
    # Built without layers: those of the decoder take their place, and memory never holds both.
    model = RoboEgoModel(replace(config, backbone=replace(config.backbone, layers=0))).to(device, dtype)
    model.config, model.backbone = config, decoder.backbone
    spread = float(decoder.embedding.float().std())
    with torch.no_grad():
        table = model.fusion.table
        table.normal_(0.0, spread)
        start = 0
        for name, size in stream_sizes(config):
            if name in ("text", "read", "caption"):
                table[start : start + words] = decoder.embedding
            start += size
        # What encoders give is about 1 in size.
        for projection in (model.fusion.look, model.fusion.context):
            if projection is not None:
                projection.weight.normal_(0.0, spread * projection.in_features**-0.5)
                projection.bias.zero_()
        for head in (model.text_head, model.caption_head):
            if head is not None:
                head.weight.normal_(0.0, float(decoder.head.float().std()))
                head.weight[:words] = decoder.head
    return model.requires_grad_(True)
