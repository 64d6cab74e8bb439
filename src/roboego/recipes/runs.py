"""A run: what is learned, from which grids, how fast. Recipes return runs; `roboego.recipes.perform` trains them."""

from dataclasses import dataclass, replace
from pathlib import Path

from roboego.data.written import PACED
from roboego.errors import InputError
from roboego.model.config import ModelConfig
from roboego.streams.organizers.organization import Organization
from roboego.training.adapters import PARTS, AdapterConfig
from roboego.training.lesson import StageConfig
from roboego.training.loop import LoopConfig


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run of a model.

    Attributes:
        name: of the run and of its folder.
        pools: prefixes of shard names in the data folder, each with its share of the frames; without any, no codec is needed.
        transcripts: prefixes of shard names, and of those that hold the same tracks in mode "asr": what the caption stream learns from;
            "" where nothing is said.
        written: share of the frames for exchanges of which there is no sound, beside the pools' shares.
        paced: share of those that are as slow as speech; close: share of the others without gaps between words.
        typed: share of those, and of the exchanges about pictures that have no sound, in which the user writes and Ego reads it.
        assembled: share of the frames for exchanges put together from words of the pools' exercises.
        seen: share of the frames for exchanges about pictures, half of them without sound, and half put together like `assembled` where a
            run has such.
        detailed: share of the frames for exchanges, without sound, in which pictures are told thing by thing; quizzed: the same of quick
            questions about them.
        acted: share of the frames for exchanges in which something is done, in two halves like `seen`; drilled: share for those, without
            sound, that follow each other at once, so that there is hardly a frame in which the arm rests.
        spoken: share of the halves with sound for dialogues that were spoken from beginning to end.
        validation: prefixes of held-out shards: transcribed, and said; None judges a run without sound by what it answers in writing.
        sentences: held-out sentences of each kind that a validation runs freely.
        recorded: prefixes of shards made of recorded conversations, of which it is known what was seen and felt.
        first_sound: whether it is the first to hear and speak: its tables of codes begin as the codec has them, whatever it starts from.
        start: the run, the model folder, or the foreign decoder's folder, whose weights it starts from; None: from scratch.
        backbone: folder of the foreign decoder on which the model stands, and whose vocabulary it has; None: our own.
        organization: how the pools of dialogues are laid out, instead of as they are stored.
        adapters: None trains the whole model; otherwise its backbone stays as it was at the start, and carries adapters.
    """

    name: str
    model: ModelConfig
    stage: StageConfig
    loop: LoopConfig
    pools: tuple[tuple[str, float], ...]
    validation: tuple[str, str] | None
    sentences: int = 32
    transcripts: tuple[tuple[str, str], ...] = ()
    written: float = 0.0
    paced: float = PACED
    close: float = 0.0
    typed: float = 0.0
    assembled: float = 0.0
    seen: float = 0.0
    detailed: float = 0.0
    quizzed: float = 0.0
    acted: float = 0.0
    drilled: float = 0.0
    spoken: float = 0.0
    recorded: tuple[str, ...] = ()
    first_sound: bool = False
    start: str | None = None
    backbone: Path | None = None
    organization: Organization | None = None
    adapters: AdapterConfig | None = None


def with_adapters(run: Run, adapters: AdapterConfig) -> Run:
    """The same run, learning adapters, under a name of its own.

    Raises:
        InputError: it is the first run with sound, and what it begins anew would stay as it begins.
    """
    if run.first_sound and set(adapters.trained) != set(PARTS):
        raise InputError(
            f"{run.name} is the first run with sound: its {', '.join(PARTS)} know nothing of it yet, so all of them are trained"
        )
    return replace(run, name=adapted_name(run.name), adapters=adapters)


def adapted_name(name: str) -> str:
    """What a run is called when it learns adapters."""
    return f"{name}-lora"
