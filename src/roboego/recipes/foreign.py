"""nano's stages on a foreign decoder: its layers and its vocabulary; nano's streams, codec, sentences and voices."""

from dataclasses import replace
from pathlib import Path

from roboego.data.build import GridJob
from roboego.data.build_dialogues import DialogueJob
from roboego.errors import InputError
from roboego.model.config import ModelConfig
from roboego.model.foreign.decoder import config_on, text_layout
from roboego.model.foreign.text import vocabulary
from roboego.recipes import nano, nano_data
from roboego.recipes.nano_data import Places
from roboego.recipes.runs import Run, adapted_name, with_adapters
from roboego.streams.layout import StreamLayout
from roboego.training.adapters import AdapterConfig

LEARNING_RATE = 2e-4
"""Of AdamW: a usual one for adapters. No measurement of ours chose it."""


def layout(folder: Path) -> StreamLayout:
    """nano's streams in a decoder's vocabulary."""
    return replace(nano.layout(), text=text_layout(vocabulary(folder)))


def model(folder: Path, *, window: int | None = None) -> ModelConfig:
    """A decoder with nano's streams, heads and speech decoder; `window` as of `load_decoder`."""
    ours = nano.model()
    return config_on(folder, layout(folder), ours.speech, window=window, caption_head=ours.caption_head)


def on_decoder(
    folder: Path | str,
    stage: Run | None = None,
    *,
    adapters: AdapterConfig | None = None,
    start: str | None = None,
    window: int | None = None,
) -> Run:
    """A stage of nano's on a foreign decoder. Stage 1 starts from the decoder, stage 2 from stage 1.

    Args:
        folder: a Qwen2 or Llama in transformers format: config.json, safetensors and tokenizer.json.
        stage: `nano.post_training()` (by default) or `nano.sft()`.
        adapters: what both stages train of the backbone; None trains all of it.
        start: another run on the same decoder, or a model folder, to start from.
        window: frames that a step sees; by default all that the decoder was trained for, but at most `LONGEST_WINDOW`.
    Raises:
        CheckpointError: the folder cannot be opened as a backbone.
        InputError: the stage is the one that teaches language; or adapters would leave untrained what is new.
    """
    folder = Path(folder).resolve()
    stage = stage or nano.post_training()
    if stage.start is None:
        raise InputError(
            f"{stage.name} teaches a backbone language, which a decoder knows; begin with: roboego train post --backbone {folder}"
        )
    before = _name(stage.start, folder)
    own = str(folder) if stage.first_sound else before if adapters is None else adapted_name(before)
    run = replace(
        stage,
        name=_name(stage.name, folder),
        model=model(folder, window=window),
        loop=replace(stage.loop, learning_rate=LEARNING_RATE, optimizer="adamw"),
        start=start or own,
        first_sound=stage.first_sound and start is None,
        backbone=folder,
    )
    return run if adapters is None else with_adapters(run, adapters)


def _name(run: str, folder: Path) -> str:
    return f"{run}-on-{folder.name}"


def grids_folder(places: Places, folder: Path) -> Path:
    """Where the grids in a decoder's vocabulary lie."""
    return places.root / _name("grids", folder.resolve())


def grids(places: Places, folder: Path, scale: float = 1.0) -> list[GridJob]:
    """Those of nano's stage 1 in a decoder's vocabulary, from the same speech."""
    out, words = grids_folder(places, folder), layout(folder)
    return [replace(job, out=out / job.out.name, layout=words, backbone=folder) for job in nano_data.grids(places, scale)]


def dialogues(places: Places, folder: Path, scale: float = 1.0) -> list[DialogueJob]:
    """nano's dialogues and silences in a decoder's vocabulary."""
    out, words = grids_folder(places, folder), layout(folder)
    return [
        replace(
            job,
            out=out / job.out.name,
            transcript=None if job.transcript is None else out / job.transcript.name,
            layout=words,
            backbone=folder,
        )
        for job in nano_data.dialogues(places, scale)
    ]
