"""FLM-Audio (arXiv 2509.02521, hub id CofeAI/FLM-Audio) as a `RoboEgoModel`: RoboEgo's released audio half, as it is.

Seventeen streams (text, eight codebooks of speech, eight of listening) on a decoder of Qwen2 shape, and a depth decoder with a
feed-forward of its own for each codebook. It has no read stream, and no count of what has been said.

What its own engine does, and where ours differs:

- Step 0 is given a wait and pads. Then text and speech are fed back as they were sampled, listening with its delays.
- Nothing stops its engine from sampling a pad (2048) or empty (2049) code as sound, which Mimi cannot decode; here special ids are never
  sampled. In step 0, whose upper codebooks belong to no frame and are not heard, they are pads.
- Its engine holds text back by one frame, to show it with its sound. Here text is there at once, sound one frame later.
- Its cache grows until the 8192 positions it was trained for are full. Here it is a ring: the first positions stay, the rest is a sliding
  window, positions reassigned within it (arXiv 2309.17453). Until the ring is full, nothing differs.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from roboego.errors import CheckpointError
from roboego.hubformat import HubConfig, HubTensors, stacked
from roboego.model.config import ModelConfig, SpeechDecoderConfig
from roboego.model.foreign.transformer import backbone_config, backbone_tensors, swiglu_tensors
from roboego.model.model import RoboEgoModel
from roboego.model.sampling import Sampling, StreamSampling
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout
from roboego.strict import naming

MODEL_TYPE = "FLMAudio"
DEPTH_NORM_EPS = 1e-6
SAMPLING = Sampling(
    text=StreamSampling(temperature=0.01, top_p=0.9, repetition_penalty=1.03, penalty_frames=50),
    speak=StreamSampling(temperature=0.5, top_p=0.9, repetition_penalty=1.2, penalty_frames=50, penalized_codebooks=4),
)
"""Defaults of the released engine. (It also names top-k values, which its sampler does not look at when there is a top-p.)"""
SPK_DELAY = 2
"""Frames from a reply's text to its speech: for display alone. The model decides; no source states a value."""


def is_flm_audio(folder: Path) -> bool:
    """Whether a folder's config.json says that it holds an FLM-Audio."""
    return HubConfig.read(folder / "config.json").values.get("model_type") == MODEL_TYPE


def load_flm_audio(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    window: int | None = None,
    kept_sinks: int = 4,
    first_listen: bool = False,
) -> RoboEgoModel:
    """Opens a folder in FLM-Audio's format: config.json and safetensors.

    Args:
        window: positions that a step sees; by default all that the model was trained for.
        kept_sinks: how many first positions stay in view once the window has moved on.
        first_listen: give step 0 the first codebook of what was heard before it, as some versions of the released engine do,
            instead of a pad.
    Raises:
        CheckpointError: a file is missing, damaged or of another model.
    """
    folder = Path(folder)
    hub = HubConfig.read(folder / "config.json")
    if hub.values.get("model_type") != MODEL_TYPE:
        raise CheckpointError(f"{folder} holds a {hub.values.get('model_type')!r}, not a {MODEL_TYPE!r}; open it with roboego.load")
    with naming(hub.where):
        config = model_config(hub, window=window, kept_sinks=kept_sinks, first_listen=first_listen)
    tensors = HubTensors(folder, device=device, dtype=dtype)
    # Buffers that a decoder recomputes, which older files contain.
    tensors.skip("model.rotary_emb.")
    with torch.device("meta"):
        model = RoboEgoModel(config)
    state = dict(model_tensors(tensors, config, empty=hub.part("mm_token_info").need("aud_emp_token_id", int)))
    tensors.finish("FLM-Audio")
    model.load_state_dict(state, assign=True)
    model.materialize_buffers()
    return model.to(device).eval().requires_grad_(False)


def model_config(hub: HubConfig, *, window: int | None, kept_sinks: int, first_listen: bool) -> ModelConfig:
    """Our configuration of the model that a config.json describes."""
    trained = hub.size("max_position_embeddings")
    if window is not None and not 1 <= window <= trained:
        raise CheckpointError(f"window must be from 1 to the {trained} positions the model was trained for, not {window}")
    bias = hub.get("attention_bias", False)
    depth = hub.part("aud_depthgpt")
    if depth.get("bias", False) or not (depth.get("use_rmsnorm", False) and depth.get("use_swiglu", False)):
        raise CheckpointError(f"{depth.where}: only depth decoders with RMSNorm, SwiGLU and no biases are supported, as FLM-Audio's is")
    width = depth.size("n_embd")
    scaled = hub.get("use_mup", False)
    return ModelConfig(
        layout=stream_layout(hub, first_listen=first_listen),
        backbone=backbone_config(
            hub,
            window=window or trained,
            kept_sinks=kept_sinks,
            norm_eps=hub.get("rms_norm_eps", 1e-6),
            qkv_bias=bias,
            out_bias=bias and not hub.get("disable_att_o_bias", False),
            mlp_bias=hub.get("mlp_bias", False),
        ),
        speech=SpeechDecoderConfig(
            width=width,
            layers=depth.size("n_layer"),
            heads=depth.size("n_head"),
            hidden=int(8 * width / 3),
            per_codebook_mlp=depth.get("use_cmlp", True),
            sees_text=False,
            norm_eps=DEPTH_NORM_EPS,
        ),
        spoken_head=False,
        tied_head=False,
        input_scale=hub.get("input_mult", 1.0) if scaled else 1.0,
        output_scale=hub.get("output_mult", 1.0) / hub.get("mup_scale_factor", 1.0) if scaled else 1.0,
    )


def stream_layout(hub: HubConfig, *, first_listen: bool) -> StreamLayout:
    """Vocabularies, special ids and delays. The first codebook has no delay, the others one frame, both ways."""
    tokens = hub.part("mm_token_info")
    ids, codebooks = hub.size("aud_vocab_size"), hub.size("aud_channel")
    pad, empty = tokens.need("aud_pad_token_id", int), tokens.need("aud_emp_token_id", int)
    text_ids, wait = hub.size("vocab_size"), tokens.need("text_wait_token_id", int)
    if not (0 <= wait < text_ids and min(pad, empty) > 0 and max(pad, empty) < ids):
        raise CheckpointError(f"{tokens.where}: special ids lie outside their vocabularies; download config.json again")
    # Qwen's special ids come after all its words.
    special = [wait, *(hub.get(name, wait) for name in ("bos_token_id", "eos_token_id", "pad_token_id"))]
    late = [i for i in special if i > text_ids // 2]
    sound = SoundLayout(codebooks=codebooks, entries=min(pad, empty), ids=ids, pad_id=pad, delays=(0,) + (1,) * (codebooks - 1))
    return StreamLayout(
        text=TextLayout(
            ids=text_ids,
            wait=wait,
            cut=None,
            asr=None,
            tts=None,
            duplex=None,
            end=None,
            first_word=0 if wait in late else wait + 1,
            words_end=min(late, default=0),
        ),
        speak=sound,
        listen=sound,
        spk_delay=SPK_DELAY,
        reads=False,
        first_listen=first_listen,
    )


def model_tensors(tensors: HubTensors, config: ModelConfig, *, empty: int) -> Iterator[tuple[str, Tensor]]:
    """Takes all tensors, under our names.

    Args:
        empty: the id that stands for the code before a frame's first.
    """
    width, sound, text_ids = config.backbone.width, config.layout.speak, config.layout.text.ids
    tables = [tensors.take("model.embed_tokens.text_embeddings.weight", text_ids, width)]
    for stream in ("speak", "listen"):
        names = (f"model.embed_tokens.aud_{stream}_embeddings.{k}.weight" for k in range(sound.codebooks))
        tables += [tensors.take(name, sound.ids, width) for name in names]
    yield "fusion.table", torch.cat(tables)
    yield "text_head.weight", tensors.take("lm_head.weight", text_ids, width)
    for name, tensor in backbone_tensors(tensors, config.backbone):
        yield "backbone." + name, tensor
    for name, tensor in speech_tensors(tensors, config, empty):
        yield "speech." + name, tensor


def speech_tensors(tensors: HubTensors, config: ModelConfig, empty: int) -> Iterator[tuple[str, Tensor]]:
    """Takes the depth decoder's tensors.

    Each of its positions sees the code before it, the first always the empty one, whose embedding therefore joins the learned place.
    """
    theirs, c, sound = "aud_output_layers.", config.speech, config.layout.speak
    books = sound.codebooks
    yield "into.weight", tensors.take(theirs + "linear_in.weight", books * c.width, config.backbone.width)
    place = tensors.take(theirs + "transformer.wpe.weight", books, c.width)
    codes = stacked(tensors, (f"{theirs}transformer.wtes.{k}.weight" for k in range(books)), sound.ids, c.width)
    place[0] += codes[0, empty]
    yield "place", place
    yield "previous", codes[1:].clone()
    yield "heads", stacked(tensors, (f"{theirs}lm_heads.{k}.weight" for k in range(books)), sound.ids, c.width)
    yield "norm.weight", tensors.take(theirs + "transformer.ln_f.weight", c.width)
    for i in range(c.layers):
        block, ours = f"{theirs}transformer.h.{i}.", f"layers.{i}."
        yield ours + "attention_norm.weight", tensors.take(block + "ln_1.weight", c.width)
        yield ours + "qkv.weight", tensors.take(block + "attn.c_attn.weight", 3 * c.width, c.width)
        yield ours + "out.weight", tensors.take(block + "attn.c_proj.weight", c.width, c.width)
        yield ours + "mlp_norm.weight", tensors.take(block + "ln_2.weight", c.width)
        for k in range(books if c.per_codebook_mlp else 1):
            mlp = f"{block}mlps.{k}." if c.per_codebook_mlp else f"{block}mlp."
            for name, tensor in swiglu_tensors(tensors, mlp, c.width, c.hidden):
                yield f"{ours}mlps.{k}.{name}", tensor
