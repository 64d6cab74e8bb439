"""Trains and measures what the paper argues about, on one machine. What has been trained is not trained again; sight is only measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least, command_line
from roboego.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(kw_only=True)
class Args:
    what: Annotated[Literal["organization", "sight"], tyro.conf.Positional] = "organization"
    """organization: text first, word by word, or in turns; other delays; without loss masks. sight: the vector of a picture alone,
    glances at its tokens, its tokens in the context (time-division multiplexing), and these only where the model is unsure (needs the
    extra sim)."""
    variants: tuple[str, ...] | None = None
    """Which of organization's. (default: all)"""
    model: str | None = None
    """Who sees: a name, a folder or a hub id. (default: nano)"""
    voices: tuple[str, ...] | None = None
    """Who asks about pictures. (default: those that the suite vqa of roboego eval has)"""
    steps: int | None = None
    """Training steps of each variant. (default: 1500)"""
    start: str | None = None
    """The run or the model folder from which all variants start. (default: nano-post)"""
    compile: Literal["on", "off"] | None = None
    """Compile the model's heavy parts for training. (default: off)"""
    count: int = 120
    """Questions put to each."""
    folder: Path = Path("runs")
    """Where data, checkpoints and everything else of the recipe lie."""
    json: Path | None = None
    """Write results here."""
    report: Path | None = None
    """Draw them into this folder."""


ONLY_FOR = {"organization": ("variants", "steps", "start", "compile"), "sight": ("model", "voices")}
"""Options that one experiment alone has."""


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console
    from rich.pretty import pprint

    from roboego.evaluation.report import write_report
    from roboego.sound.files import check_folder_target
    from roboego.training.allocator import restart_with_settings

    for what, names in ONLY_FOR.items():
        if what != args.what and (given := [f"--{name}" for name in names if getattr(args, name) is not None]):
            raise InputError(f"{', '.join(given)}: for the experiment {what} alone; leave it out for {args.what}")
    if args.what == "organization":
        restart_with_settings()
    check_at_least(1, steps=1 if args.steps is None else args.steps, count=args.count)
    if args.report is not None:
        check_folder_target(args.report)
    console = Console(stderr=True)
    results = _sight(args) if args.what == "sight" else _organization(args, console)
    if not results:  # another process has measured
        return {}
    pprint(results, console=Console(), expand_all=True)
    if args.report is not None:
        command = command_line("experiment", args, positional="what")
        console.print(f"report: {write_report(args.report, results, [], command=command)}")
    return results


def _sight(args: Args) -> dict[str, Any]:
    """Raises an InputError if the model or a voice cannot be used."""
    import roboego
    from roboego.data.voices import LISTENERS, check_voices
    from roboego.evaluation.table import vqa, ways
    from roboego.evaluation.table.abilities import picture_size
    from roboego.evaluation.table.plan import shared_out

    voices = LISTENERS if args.voices is None else args.voices
    if not voices:
        raise InputError("--voices needs at least one voice")
    check_voices(*voices)
    loaded = roboego.load("nano" if args.model is None else args.model)
    size = picture_size(loaded)
    ways.check(loaded)
    tables = [table for i, voice, count in shared_out(args.count, voices) for table in vqa.tables(voice, count, size, seed=i)]
    return {"model": loaded.name, "voices": list(voices), "sight": ways.compare(loaded, tables)}


def _organization(args: Args, console: "Console") -> dict[str, Any]:
    """Raises an InputError if there is no such variant."""
    from roboego.recipes import nano_data, organization

    names = tuple(organization.VARIANTS) if args.variants is None else args.variants
    unknown = [name for name in names if name not in organization.VARIANTS]
    if unknown or not names:
        raise InputError(f"no variant {', '.join(unknown) or 'is named'}; choose among {', '.join(organization.VARIANTS)}")
    steps, start = 1_500 if args.steps is None else args.steps, "nano-post" if args.start is None else args.start
    places, compiled = nano_data.Places(root=args.folder), args.compile == "on"
    found = organization.compare(names, places, steps=steps, start=start, questions=args.count, compiled=compiled, console=console)
    return {"steps": steps, "start": start, "organization": found} if found else {}
