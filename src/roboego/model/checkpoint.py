"""A checkpoint is a folder: config.json, weights in shards, tokenizer.json, codec, picture encoder and a model card. Never pickle."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.files import load_codec, save_codec
from roboego.errors import CheckpointError, InputError
from roboego.folders import replacing
from roboego.model.config import ModelConfig
from roboego.model.foreign.text import DecoderTokenizer
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.model.sampling import Sampling
from roboego.perception.files import load_vit, save_vit
from roboego.perception.vit import ViT
from roboego.streams.tokenizer import TextCodec, Tokenizer
from roboego.strict import from_json, to_json
from roboego.tensorfiles import check_fit, load_shards, save_shards

FORMAT = "roboego"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """config.json.

    Attributes:
        format, version: "roboego" and the format's version.
        codec: fingerprint of the codec that the model was trained with.
        silence: codes of steady silence.
        vision: fingerprint of the picture encoder that the model was trained with; None without one.
        tokenizer: fingerprint of the foreign decoder's tokenizer that the model was trained with; None where tokenizer.json is ours.
    Raises:
        InputError: silence is not one code of each codebook that the model speaks.
    """

    format: str
    version: int
    model: ModelConfig
    sampling: Sampling
    codec: str
    silence: tuple[int, ...]
    vision: str | None = None
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        speak = self.model.layout.speak
        if len(self.silence) != speak.codebooks or not all(0 <= code < speak.entries for code in self.silence):
            raise InputError(f"silence must be {speak.codebooks} codes from 0 to {speak.entries - 1}, not {list(self.silence)}")


def save_model(loaded: LoadedModel, folder: Path) -> None:
    """Writes a model of ours, weights in bfloat16, as a new folder that appears when it is complete, in place of one that is there.

    Raises:
        CheckpointError: it has another codec than ours, a tokenizer that is neither ours nor its decoder's, or a picture encoder that does
            not fit it.
        InputError: its silence is not what it speaks.
        OSError: it cannot be written, for instance because the disk is full; then what was there stays.
    """
    if not isinstance(loaded.codec, EmbeddedCodec) or not isinstance(loaded.tokenizer, Tokenizer | DecoderTokenizer):
        raise CheckpointError(
            "only models with the embedded codec, and with our tokenizer or that of the decoder they stand on, are saved as a folder; "
            "others keep their own format"
        )
    if loaded.vision is not None:
        check_vision(loaded.vision, loaded.model.config, loaded.name)
    config = CheckpointConfig(
        format=FORMAT,
        version=VERSION,
        model=loaded.model.config,
        sampling=loaded.sampling,
        codec=loaded.codec.fingerprint,
        silence=tuple(int(c) for c in loaded.silence),
        vision=loaded.vision.fingerprint if loaded.vision is not None else None,
        tokenizer=loaded.tokenizer.fingerprint if isinstance(loaded.tokenizer, DecoderTokenizer) else None,
    )
    values = to_json(config)
    if config.tokenizer is None:
        # As it has always been: versions that know no other tokenizer than ours open such folders.
        del values["tokenizer"]
    with replacing(folder) as part:
        (part / "config.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        save_shards(part, "model", loaded.model.state_dict())
        loaded.tokenizer.save(part / "tokenizer.json")
        save_codec(loaded.codec, part / "codec")
        if loaded.vision is not None:
            save_vit(loaded.vision, part / "vision")
        (part / "README.md").write_text(loaded.card, encoding="utf-8")


def load_model(folder: Path, *, name: str | None = None, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LoadedModel:
    """Opens a folder that `save_model` wrote.

    Raises:
        CheckpointError: a file is missing, damaged or of another format, or the codec, the tokenizer or the picture encoder is not the one
            the model was trained with.
    """
    config = read_config(folder)
    codec = load_codec(folder / "codec")
    if codec.fingerprint != config.codec:
        raise CheckpointError(
            f"{folder}: the codec {codec.fingerprint} is not the one the model was trained with ({config.codec}); restore its codec folder"
        )
    model = _load_weights(folder, config.model, dtype)
    return LoadedModel(
        name=name or folder.name,
        model=model.to(device).eval().requires_grad_(False),
        codec=codec.to(device),
        vision=_load_vision(folder, config, device, dtype),
        tokenizer=_load_tokenizer(folder, config),
        silence=torch.tensor(config.silence, device=device),
        sampling=config.sampling,
        card=read_card(folder),
    )


def read_config(folder: Path) -> CheckpointConfig:
    """What a folder that `save_model` wrote holds.

    Raises:
        CheckpointError: its config.json is missing, damaged or of another format.
    """
    try:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {folder / 'config.json'}: {error}; fetch or train the model again") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CheckpointError(f"{folder} is not a RoboEgo checkpoint (its config.json has no format {FORMAT!r}); open it with roboego.load")
    if data.get("version") != VERSION:
        raise CheckpointError(f"{folder} has format version {data.get('version')}, this code reads version {VERSION}; upgrade roboego")
    return from_json(CheckpointConfig, data, str(folder / "config.json"))


def _load_tokenizer(folder: Path, config: CheckpointConfig) -> TextCodec:
    """Ours, or that of the decoder on which the model stands."""
    path, text = folder / "tokenizer.json", config.model.layout.text
    if config.tokenizer is None:
        return Tokenizer.load(path)
    tokenizer = DecoderTokenizer.load(path, text.words_end or text.ids)
    if tokenizer.fingerprint != config.tokenizer:
        raise CheckpointError(
            f"{path}: the tokenizer {tokenizer.fingerprint} is not the one the model was trained with ({config.tokenizer}); "
            "copy that of the decoder it stands on"
        )
    return tokenizer


def _load_weights(folder: Path, config: ModelConfig, dtype: torch.dtype) -> RoboEgoModel:
    """The model that `config` describes, with the folder's weights."""
    try:
        with torch.device("meta"):
            model = RoboEgoModel(config)
    except Exception as error:  # sizes that each are possible can be too much together, which torch tells in many ways
        problem = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{folder / 'config.json'} describes no model that can be built: {problem}; fetch or train it again"
        ) from error
    try:
        tensors = load_shards(folder, "model")
        check_fit(tensors, model.state_dict())
        model.load_state_dict({name: tensor.to(dtype) for name, tensor in tensors.items()}, assign=True)
    except (CheckpointError, OSError, RuntimeError, SafetensorError) as error:
        problem = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"the weights in {folder} do not fit its config.json: {problem}; fetch or train it again") from error
    model.materialize_buffers()
    return model


def read_card(folder: Path) -> str:
    """The model card of a folder, empty without one.

    Raises:
        CheckpointError: there is one that cannot be read.
    """
    path = folder / "README.md"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        raise CheckpointError(f"cannot read the model card {path}: {error}; fetch it again, or remove it") from error


def _load_vision(folder: Path, config: CheckpointConfig, device: str, dtype: torch.dtype) -> ViT | None:
    """The picture encoder, if the model has one."""
    if config.vision is None:
        return None
    vit = load_vit(folder / "vision")
    if vit.fingerprint != config.vision:
        raise CheckpointError(
            f"{folder}: the picture encoder {vit.fingerprint} is not the one the model was trained with ({config.vision}); "
            "restore its vision folder"
        )
    check_vision(vit, config.model, str(folder))
    return vit.to(device, dtype)


def check_vision(vit: ViT, model: ModelConfig, name: str) -> None:
    """Raises CheckpointError if the model cannot see with this encoder: its vectors and tokens are of another width, or its pictures have
    another number of tokens than the model glances at, or more than its window holds beside them."""
    tokens, glance, window = vit.config.tokens, model.glance, model.backbone.window
    widths = {width for width in (model.vision_width, model.context_width, glance.token_width if glance else 0) if width}
    if widths != {vit.config.width}:
        wanted = f"takes pictures of width {' and '.join(map(str, sorted(widths)))}" if widths else "does not see"
        raise CheckpointError(f"{name} {wanted}, its picture encoder gives {vit.config.width}; give the one that it was trained with")
    if glance is not None and glance.tokens != tokens:
        given = f"glances at pictures of {glance.tokens} tokens, its picture encoder makes {tokens} of one"
        raise CheckpointError(f"{name} {given}; give the one that it was trained with")
    if model.context_width and tokens >= window:
        given = f"has a window of {window} positions, too few for a picture of {tokens} tokens"
        raise CheckpointError(f"{name} {given}; give an encoder of fewer tokens, or a model with a longer window")
