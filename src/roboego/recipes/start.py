"""Where a run's weights come from: another run, a model folder, or what it trained itself; adapters merged where there are any."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from roboego.codecs.base import Codec
from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.errors import CheckpointError, InputError
from roboego.model.checkpoint import load_model
from roboego.model.config import ModelConfig
from roboego.model.foreign.decoder import is_decoder, new_model_on
from roboego.model.growth import deepened, is_deeper, layers_of, sees_or_acts_more, with_layers, with_more_streams
from roboego.model.model import RoboEgoModel
from roboego.sound.files import appearing
from roboego.strict import from_json, to_json
from roboego.training.adapters import AdapterConfig, add_adapters, merge_adapters
from roboego.training.checkpoint import latest, load_state, mean_of, newest, restore_module
from roboego.training.disturbance import Alike, sounding_alike

RECORD = "adapters.json"
"""In the folder of a run that trains adapters."""


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """What the adapters of a run are, and what they stand on.

    Attributes:
        start: a run, a model folder or a foreign decoder's; None: a model that the caller gave.
    """

    adapters: AdapterConfig
    start: str | None


FIRST_SPREAD = 0.1
"""Standard deviation of the first codebook's embeddings before training; text and the rest begin with half of it."""


NEAREST = 6
"""Codes that count as sounding like another one."""


def begin_codes(model: RoboEgoModel, codec: Codec, spread: float = FIRST_SPREAD) -> None:
    """Lets codes that sound alike begin alike in a model that has not heard any yet.

    An embedded codec's entries are vectors that add up to what it encodes. A random projection of them is what the model's tables of heard
    and spoken codes begin with. From random tables a small model learns the first codebooks alone: the others stay noise, by which it tells
    one recording from another and learns them by heart.

    Args:
        spread: standard deviation of the first codebook's embeddings.
    """
    config = model.config
    if not isinstance(codec, EmbeddedCodec):
        return
    vectors_KEV = codec.quantizer.codebooks.detach()
    vectors_KEV = vectors_KEV - vectors_KEV.mean(1, keepdim=True)
    projection = torch.randn(vectors_KEV.shape[-1], config.backbone.width)
    projected_KEW = vectors_KEV @ projection
    projected_KEW *= spread / projected_KEW[0].std()
    with torch.no_grad():
        for stream in ("speak", "listen"):
            for k, entries in enumerate(projected_KEW):
                model.fusion.stream_table(config, f"{stream}.{k}")[: len(entries)] = entries


def codes_alike(codec: Codec) -> Alike | None:
    """The codes that sound most like each code; None of a codec whose codebooks we do not know."""
    if not isinstance(codec, EmbeddedCodec):
        return None
    return sounding_alike(codec.quantizer.codebooks.detach().cpu().numpy(), NEAREST)


def open_start(start: str, config: ModelConfig, runs: Path) -> RoboEgoModel:
    """The model of a folder, a new one on a foreign decoder's folder, or that of a run's newest checkpoint.

    A model with fewer layers than `config`, or none of its sight and actions, grows, see `roboego.model.growth`.

    Raises:
        InputError: there is no such folder and no such run, or the model has another shape.
        CheckpointError: it is damaged.
    """
    if not (Path(start) / "config.json").exists():
        return open_run(start, config, runs)[0]
    model = _new_on(start, config) if is_decoder(start) else load_model(Path(start)).model
    model = _grown(config, model)
    if model.config != config:
        raise InputError(f"the model in {start} has another shape than the run's; start from one of the same recipe")
    return model.requires_grad_(True)


def _grown(config: ModelConfig, model: RoboEgoModel) -> RoboEgoModel:
    """The model, grown if it lacks nothing but layers, or nothing but sight and actions."""
    if sees_or_acts_more(config, model.config):
        return with_more_streams(model, config)
    return deepened(model, config) if is_deeper(config, than=model.config) else model


def _new_on(folder: str, config: ModelConfig) -> RoboEgoModel:
    """What `config` describes on a foreign decoder, new but for the decoder's weights."""
    return new_model_on(
        folder,
        config.layout,
        config.speech,
        window=config.backbone.window,
        kept_sinks=config.backbone.kept_sinks,
        caption_head=config.caption_head,
        vision_width=config.vision_width,
        context_width=config.context_width,
    )


def open_run(name: str, config: ModelConfig, runs: Path, *, average: int = 1) -> tuple[RoboEgoModel, int]:
    """The model that a run has trained so far, its adapters merged, and the steps it was trained for.

    A model with fewer layers than `config` grows, see `roboego.model.growth`.

    Args:
        average: how many of its newest checkpoints the weights are the mean of.
    Raises:
        InputError: the run has no checkpoint, or fewer than are to be averaged; or it stands on a model that only its caller has.
        CheckpointError: a checkpoint is damaged, or of another model.
    """
    checkpoints = newest(runs / name, average)
    if not checkpoints:
        raise InputError(f"{name} has no checkpoint in {runs / name}; train it first")
    if len(checkpoints) < average:
        raise InputError(f"{runs / name} holds {len(checkpoints)} checkpoints, which is fewer than the {average} to be averaged")
    state = load_state(checkpoints[-1])
    weights = mean_of([*(load_state(path)["module"] for path in checkpoints[:-1]), state["module"]])
    record = read_record(runs / name)
    if record is None:
        model = RoboEgoModel(with_layers(config, layers_of(weights)))
    elif record.start is None:
        raise InputError(f"{name} stands on a model that was given in Python: add its adapters to that model and merge them there")
    else:
        model = open_start(record.start, config, runs)
        add_adapters(model, record.adapters)
    restore_module(model, weights, state.get("frozen", ""), checkpoints[-1])
    if record is not None:
        merge_adapters(model)
    return _grown(config, model), int(state["step"])


def helpers_of(start: str, runs: Path) -> dict[str, Any]:
    """States, by name, of the modules that a run trained beside its model; empty for a model folder.

    Raises:
        CheckpointError: the run's checkpoint is damaged.
    """
    last = None if (Path(start) / "config.json").exists() else latest(runs / start)
    found: dict[str, Any] = {} if last is None else load_state(last)["extra"]
    return found


def read_record(folder: Path) -> Adapted | None:
    """What a run's adapters are; None of a run without.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        return from_json(Adapted, json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}; train the run again in another folder") from error


def keep_record(folder: Path, record: Adapted) -> None:
    """Writes down what a run's adapters are, unless that is done: without it, nobody can open what the run has learned.

    Raises:
        InputError: it has been begun with others.
    """
    before = read_record(folder)
    if before is not None and before != record and latest(folder) is not None:
        raise InputError(f"{folder} was begun with {before}; give the same, or another folder")
    if before != record:
        with appearing(folder / RECORD) as temporary:
            temporary.write_text(json.dumps(to_json(record), indent=1) + "\n", encoding="utf-8")
