"""A checkpoint is a folder: config.json, weights in shards, tokenizer.json, codec, picture encoder and a model card. Never pickle."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.files import load_codec, save_codec
from roboego.errors import CheckpointError
from roboego.model.config import ModelConfig
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.model.sampling import Sampling
from roboego.perception.files import load_vit, save_vit
from roboego.perception.vit import ViT
from roboego.streams.tokenizer import Tokenizer
from roboego.strict import from_json, to_json
from roboego.tensorfiles import load_shards, save_shards

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
    """

    format: str
    version: int
    model: ModelConfig
    sampling: Sampling
    codec: str
    silence: tuple[int, ...]
    vision: str | None = None


def save_model(loaded: LoadedModel, folder: Path) -> None:
    """Writes a model of ours, weights in bfloat16, as a new folder that appears in one rename.

    Raises:
        CheckpointError: it has another codec or tokenizer than ours, or a picture encoder that does not fit it.
    """
    if not isinstance(loaded.codec, EmbeddedCodec) or not isinstance(loaded.tokenizer, Tokenizer):
        raise CheckpointError("only models with the embedded codec and our tokenizer are saved as a folder; others keep their own format")
    if loaded.vision is not None:
        check_vision(loaded.vision, loaded.model.config, loaded.name)
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    config = CheckpointConfig(
        format=FORMAT,
        version=VERSION,
        model=loaded.model.config,
        sampling=loaded.sampling,
        codec=loaded.codec.fingerprint,
        silence=tuple(int(c) for c in loaded.silence),
        vision=loaded.vision.fingerprint if loaded.vision is not None else None,
    )
    (temporary / "config.json").write_text(json.dumps(to_json(config), indent=1) + "\n", encoding="utf-8")
    save_shards(temporary, "model", loaded.model.state_dict())
    loaded.tokenizer.save(temporary / "tokenizer.json")
    save_codec(loaded.codec, temporary / "codec")
    if loaded.vision is not None:
        save_vit(loaded.vision, temporary / "vision")
    (temporary / "README.md").write_text(loaded.card, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def load_model(folder: Path, *, name: str | None = None, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LoadedModel:
    """Opens a folder that `save_model` wrote.

    Raises:
        CheckpointError: a file is missing, damaged or of another format, or the codec or the picture encoder is not the one the model
            was trained with.
    """
    try:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {folder / 'config.json'}: {error}; fetch or train the model again") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CheckpointError(f"{folder} is not a RoboEgo checkpoint (its config.json has no format {FORMAT!r}); open it with roboego.load")
    if data.get("version") != VERSION:
        raise CheckpointError(f"{folder} has format version {data.get('version')}, this code reads version {VERSION}; upgrade roboego")
    config = from_json(CheckpointConfig, data, "config.json")
    codec = load_codec(folder / "codec")
    if codec.fingerprint != config.codec:
        raise CheckpointError(
            f"{folder}: the codec {codec.fingerprint} is not the one the model was trained with ({config.codec}); restore its codec folder"
        )
    with torch.device("meta"):
        model = RoboEgoModel(config.model)
    try:
        state = load_shards(folder, "model")
        model.load_state_dict({key: tensor.to(dtype) for key, tensor in state.items()}, assign=True)
    except (OSError, RuntimeError, SafetensorError) as error:
        problem = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"the weights in {folder} do not fit its config.json: {problem}; fetch or train it again") from error
    model.materialize_buffers()
    card = folder / "README.md"
    return LoadedModel(
        name=name or folder.name,
        model=model.to(device).eval().requires_grad_(False),
        codec=codec.to(device),
        vision=_load_vision(folder, config, device, dtype),
        tokenizer=Tokenizer.load(folder / "tokenizer.json"),
        silence=torch.tensor(config.silence, device=device),
        sampling=config.sampling,
        card=card.read_text(encoding="utf-8") if card.exists() else "",
    )


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
    """Raises CheckpointError if the model cannot see with this encoder."""
    widths = {width for width in (model.vision_width, model.context_width) if width}
    if widths != {vit.config.width}:
        wanted = f"takes pictures of width {' and '.join(map(str, sorted(widths)))}" if widths else "does not see"
        raise CheckpointError(f"{name} {wanted}, its picture encoder gives {vit.config.width}; give the one that it was trained with")
