"""The experiment on the organization of streams: the same start, data and steps, and only the layout differs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from roboego.data.build_dialogues import DialogueJob, make_dialogues
from roboego.data.rearranged import Rearranged
from roboego.data.workshop import Workshop, open_workshop
from roboego.errors import InputError
from roboego.evaluation import organization
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.material import exchanges
from roboego.evaluation.partners import EnginePartner, Partner
from roboego.evaluation.time_division import TimeDivisionPartner
from roboego.model.config import ModelConfig
from roboego.model.fusion import stream_sizes
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.recipes.perform import open_pool, perform
from roboego.recipes.runs import Run
from roboego.recipes.start import open_start
from roboego.streams.organizers.organization import Organization
from roboego.training.crew import join

VARIANTS = {
    "text-first-2": Organization(),
    "word-aligned": Organization(kind="word-aligned"),
    "time-division": Organization(kind="time-division"),
    "text-first-1": Organization(spk_delay=1),
    "text-first-4": Organization(spk_delay=4),
    "text-first-8": Organization(spk_delay=8),
    "unmasked": Organization(masks=False),
}
"""Text two frames ahead of speech, as nano has it; each word as it is said; turns of about a second; other delays; no loss masks."""
COLUMNS_A_FRAME = 2.4
"""Of time division with its chunks: as many more columns hold the same conversation."""
RATE = 5e-4
"""Half of stage 2's: the start may be a model that has learned to its end."""
VOICE = "joe"
"""Who asks in held-out conversations."""


def model(variant: Organization) -> ModelConfig:
    """nano with another delay; in time division without the pointer, which needs text without gaps."""
    base = nano.model()
    layout = replace(base.layout, spk_delay=variant.spk_delay)
    return replace(base, layout=layout, spoken_head=variant.kind != "time-division")


def run(name: str, steps: int, start: str) -> Run:
    """The run of a variant. Hearing is exercised alike in all of them, and dialogues are laid out as the variant has it.

    No ear names phones: a fresh one would pull at the start's backbone, and takes more steps than there are.

    Args:
        start: a run or a model folder; the run's own name tells it too, so that variants of several starts lie side by side.
    """
    base, variant = nano.sft(), VARIANTS[name]
    wider = COLUMNS_A_FRAME if variant.kind == "time-division" else 1.0
    return replace(
        base,
        name=f"organization-{name}-from-{Path(start).name}",
        model=model(variant),
        start=start,
        stage=replace(base.stage, frames=int(base.stage.frames * wider), recalls=0.0, phones=0.0),
        loop=replace(base.loop, steps=steps, learning_rate=RATE, warmup=steps // 10, decay=0.5, validate_every=steps + 1),
        pools=(("dialogue-train", 0.7), ("silence-", 0.05), ("asr-user-train", 0.25)),
        written=0.0,
        assembled=0.0,
        validation=None,
        organization=variant,
    )


def compare(
    names: Sequence[str], places: Places, *, steps: int, start: str, questions: int, compiled: bool, console: Console
) -> dict[str, Any]:
    """Trains the variants, each from the same model, as far as that has not been done, and measures them.

    Of several processes that train together the first one measures; the others return nothing.

    Raises:
        InputError: data, tools or the start are missing.
    """
    crew, shop, judge = join("cpu"), open_workshop(places.tools), WhisperJudge()
    talks = _held_out(places, make=crew.leads)
    found = {}
    for name in names:
        recipe = run(name, steps, start)
        recipe = replace(recipe, loop=replace(recipe.loop, compile="on" if compiled else "off"))
        trained = transplanted(open_start(start, nano.model(), places.root), recipe.model)
        done = perform(recipe, tools=places.tools, data=places.grids, runs=places.root, console=console, model=trained)
        if done < steps:
            raise InputError(f"{name} was stopped at step {done} of {steps}; the same command goes on")
        if crew.leads:
            console.print(f"{name}: measuring")
            found[name] = _measured(name, trained.eval(), shop, talks, questions, judge)
        crew.wait()
    return found


def _held_out(places: Places, *, make: bool) -> tuple[Path, Path]:
    """Conversations of the validation split, and their transcripts; made first if asked for."""
    out = places.grids / f"dialogue-validation-{VOICE}-00000.grids"
    job = DialogueJob(
        out=out,
        transcript=out.with_name(f"asr-{out.name}"),
        tools=places.tools,
        layout=nano.layout(),
        voice=VOICE,
        count=100,
        split="validation",
        change=0.0,
        severity=0.0,
    )
    if make:
        threads = torch.get_num_threads()
        make_dialogues(job)  # as in a process of its own, it keeps to one thread
        torch.set_num_threads(threads)
    assert job.transcript is not None
    return job.out, job.transcript


def _measured(
    name: str, trained: RoboEgoModel, shop: Workshop, talks: tuple[Path, Path], questions: int, judge: WhisperJudge
) -> dict[str, Any]:
    variant = VARIANTS[name]
    stored, transcripts = (open_pool(path.parent, path.stem, shop, nano.model()) for path in talks)
    pool = Rearranged(stored, nano.layout(), variant, shop)
    captions = pool.captions(transcripts)
    numbers = range(len(pool))
    likely = organization.likelihood(trained, [pool[i] for i in numbers], [captions[i] for i in numbers], shop.tokenizer.starts_word)
    loaded = LoadedModel(
        name=name,
        model=trained,
        codec=shop.codec,
        tokenizer=shop.tokenizer,
        silence=torch.from_numpy(shop.silence).long(),
        sampling=nano.sampling(),
    )
    partner: Partner = EnginePartner(loaded) if variant.kind != "time-division" else TimeDivisionPartner(loaded, variant.chunk)
    return {"reply": likely, **organization.conversation(partner, exchanges(VOICE, questions), judge)}


def transplanted(source: RoboEgoModel, config: ModelConfig) -> RoboEgoModel:
    """A model of `config` with all that `source` has too: streams' embeddings by name, everything else by its place."""
    made = RoboEgoModel(config)
    mine, theirs = made.state_dict(), source.state_dict()
    made.load_state_dict({name: theirs[name] if name != "fusion.table" else value for name, value in mine.items()})
    shared = {name for name, _ in stream_sizes(config)} & {name for name, _ in stream_sizes(source.config)}
    with torch.no_grad():
        for name in shared:
            made.fusion.stream_table(config, name).copy_(source.fusion.stream_table(source.config, name))
    return made
