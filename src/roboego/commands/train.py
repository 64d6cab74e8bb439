"""Trains the codec or a stage of a recipe. The same command goes on where it stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least
from roboego.errors import InputError

if TYPE_CHECKING:
    from roboego.training.adapters import AdapterConfig


@dataclass(kw_only=True)
class Args:
    what: Annotated[
        Literal["codec", "sight", "things", "language", "post", "sft", "seeing", "whole", "acting", "own"], tyro.conf.Positional
    ]
    """codec: the embedded codec. sight: the picture encoder. things: what gathers a picture's patches into a token of each thing.
    language: the backbone, from written exchanges. post: stage 1, transcribing and saying. sft: stage 2, conversing. seeing: what is seen,
    felt and done, in writing. whole: stage 2 with all streams. acting: the action decoder alone.
    own: nano taught further with recordings that `roboego data import` took
    in."""
    name: str | None = None
    """Under which name the recordings of `own` were imported."""
    recipe: Literal["nano"] = "nano"
    folder: Path = Path("runs")
    """Where data, checkpoints and everything else of the recipe lie."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    steps: int | None = None
    """Steps in all, instead of the recipe's."""
    rows: int | None = None
    """Rows of a step (not the codec's), instead of the recipe's; processes that torchrun starts share them."""
    frames: int | None = None
    """Frames of a row (not the codec's), instead of the recipe's."""
    workers: int = 0
    """Processes that make batches ahead of their steps (of the codec only for its hearing), so that a GPU need not wait for them."""
    backbone: Path | None = None
    """Train the stage on the Qwen2 or Llama in this folder (transformers format) instead of nano's own backbone, as a run of its own."""
    start: str | None = None
    """The run, or the model folder, to start a stage from, instead of the recipe's."""
    lora_rank: int | None = None
    """Train adapters of this rank on the backbone (not the codec), as a run of its own; the backbone itself stays as it is."""
    lora_alpha: int | None = None
    """Adapters count alpha / rank times. (default: 16)"""
    lora_dropout: float | None = None
    """Share of an adapter's inputs that are dropped in training. (default: 0)"""
    lora_trained: tuple[Literal["streams", "heads", "acting", "speech"], ...] | None = None
    """What is trained in full beside the adapters: embeddings of streams, heads, action decoder, speech decoder. (default: all of them)"""
    compile: Literal["auto", "on", "off"] = "auto"
    """Compile the model's heavy parts (not the codec's). auto: on a GPU."""
    dry_run: bool = False
    """Print parameters, memory and a time estimate from a few steps on random data, and train nothing."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    from dataclasses import replace

    from rich.console import Console

    from roboego.loading import check_device
    from roboego.recipes import foreign, nano, nano_codec, nano_data, nano_sight, own
    from roboego.recipes.dry_run import estimate
    from roboego.recipes.perform import perform
    from roboego.recipes.runs import with_adapters
    from roboego.training.allocator import restart_with_settings

    check_at_least(1, steps=args.steps, rows=args.rows, frames=args.frames, lora_rank=args.lora_rank, lora_alpha=args.lora_alpha)
    check_at_least(0, workers=args.workers)
    check_device(args.device)
    if args.device == "cpu":
        restart_with_settings()
    console = Console()
    places = nano_data.Places(root=args.folder)
    adapters = _adapters(args)
    others = (adapters, args.start, args.backbone, args.rows, args.frames, args.what == "codec" and args.compile == "on")
    if args.what in ("codec", "sight", "things") and any(others):
        raise InputError(
            "--rows, --frames, --backbone, --lora-rank, --start and, for the codec, --compile on are for the other runs: "
            "roboego train post or roboego train sft"
        )
    if args.what == "codec":
        return nano_codec.perform(places, steps=args.steps, dry_run=args.dry_run, device=args.device, console=console, workers=args.workers)
    if args.what in ("sight", "things"):
        loop, perform_sight = {
            "sight": (nano_sight.loop(), nano_sight.perform),
            "things": (nano_sight.things_loop(), nano_sight.perform_things),
        }[args.what]
        loop = replace(loop, compile=args.compile, steps=args.steps or loop.steps)
        return perform_sight(places, loop, device=args.device, console=console, workers=args.workers)
    if (args.what == "own") != (args.name is not None):
        raise InputError("--name says whose recordings roboego train own learns from: give both or neither")
    if args.name is not None:
        recipe = own.own(args.name, places)
    else:
        recipe = {
            "language": nano.language,
            "post": nano.post_training,
            "sft": nano.sft,
            "seeing": nano.seeing,
            "whole": nano.whole,
            "acting": nano.acting,
        }[args.what]()
    recipe = replace(recipe, loop=replace(recipe.loop, compile=args.compile))
    if args.steps is not None:
        recipe = replace(recipe, loop=replace(recipe.loop, steps=args.steps))
    rows, frames = args.rows or recipe.stage.rows, args.frames or recipe.stage.frames
    recipe = replace(recipe, stage=replace(recipe.stage, rows=rows, frames=frames))
    data = places.grids
    if args.backbone is not None:
        recipe = foreign.on_decoder(args.backbone, recipe, adapters=adapters, start=args.start)
        data = foreign.grids_folder(places, args.backbone)
    else:
        if args.start is not None:
            recipe = replace(recipe, start=args.start, first_sound=False)
        if adapters is not None:
            recipe = with_adapters(recipe, adapters)
    if args.dry_run:
        return estimate(recipe, device=args.device, console=console)
    done = perform(
        recipe,
        tools=places.tools,
        data=data,
        runs=places.root,
        device=args.device,
        console=console,
        workers=args.workers,
        pictures=places.pictures,
    )
    return {"run": recipe.name, "steps": done, "of": recipe.loop.steps}


def _adapters(args: Args) -> "AdapterConfig | None":
    """The adapters that were asked for.

    Raises:
        InputError: how they are was said, and not their rank, without which there are none; or a value is out of range.
    """
    from roboego.training.adapters import AdapterConfig

    options = {"alpha": args.lora_alpha, "dropout": args.lora_dropout, "trained": args.lora_trained}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if args.lora_rank is not None:
        return AdapterConfig(rank=args.lora_rank, **given)
    if given:
        raise InputError(f"--lora-{next(iter(given))} is of adapters, which are trained only with --lora-rank; give it too")
    return None
