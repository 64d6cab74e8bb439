"""Trains the codec or a stage of a recipe. The same command goes on where it stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


@dataclass(kw_only=True)
class Args:
    what: Annotated[Literal["codec", "post", "sft"], tyro.conf.Positional]
    """codec: the embedded codec. post: stage 1, transcribing and saying. sft: stage 2, conversing."""
    recipe: Literal["nano"] = "nano"
    folder: Path = Path("runs")
    """Where data, checkpoints and everything else of the recipe lie."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    steps: int | None = None
    """Steps in all, instead of the recipe's."""
    dry_run: bool = False
    """Print parameters, memory and a time estimate from a few steps on random data, and train nothing."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    from dataclasses import replace

    from rich.console import Console

    from roboego.recipes import nano, nano_codec, nano_data
    from roboego.recipes.dry_run import estimate
    from roboego.recipes.runs import perform
    from roboego.training.allocator import restart_with_settings

    if args.device == "cpu":
        restart_with_settings()
    console = Console()
    places = nano_data.Places(root=args.folder)
    if args.what == "codec":
        return nano_codec.perform(places, steps=args.steps, dry_run=args.dry_run, device=args.device, console=console)
    recipe = nano.post_training() if args.what == "post" else nano.sft()
    if args.steps is not None:
        recipe = replace(recipe, loop=replace(recipe.loop, steps=args.steps))
    if args.dry_run:
        return estimate(recipe, device=args.device, console=console)
    done = perform(recipe, tools=places.tools, data=places.grids, runs=places.root, device=args.device, console=console)
    return {"run": recipe.name, "steps": done, "of": recipe.loop.steps}
