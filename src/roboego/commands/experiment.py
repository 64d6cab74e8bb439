"""Trains and measures what the paper argues about, on one machine. What has been trained is not trained again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least, command_line
from roboego.errors import InputError


@dataclass(kw_only=True)
class Args:
    what: Annotated[Literal["organization"], tyro.conf.Positional] = "organization"
    """organization: text first, word by word, or in turns; other delays; without loss masks."""
    variants: tuple[str, ...] | None = None
    """Which of them. (default: all)"""
    steps: int = 1_500
    """Training steps of each variant."""
    start: str = "nano-post"
    """The run or the model folder from which all of them start."""
    compile: Literal["on", "off"] = "off"
    """Compile the model's heavy parts for training."""
    count: int = 120
    """Questions put to each."""
    folder: Path = Path("runs")
    """Where data, checkpoints and everything else of the recipe lie."""
    json: Path | None = None
    """Write results here."""
    report: Path | None = None
    """Draw them into this folder."""


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console
    from rich.pretty import pprint

    from roboego.evaluation.report import write_report
    from roboego.recipes import nano_data, organization
    from roboego.sound.files import check_folder_target
    from roboego.training.allocator import restart_with_settings

    restart_with_settings()
    check_at_least(1, steps=args.steps, count=args.count)
    names = tuple(organization.VARIANTS) if args.variants is None else args.variants
    unknown = [name for name in names if name not in organization.VARIANTS]
    if unknown or not names:
        raise InputError(f"no variant {', '.join(unknown) or 'is named'}; choose among {', '.join(organization.VARIANTS)}")
    if args.report is not None:
        check_folder_target(args.report)
    console = Console(stderr=True)
    places = nano_data.Places(root=args.folder)
    compiled = args.compile == "on"
    found = organization.compare(
        names, places, steps=args.steps, start=args.start, questions=args.count, compiled=compiled, console=console
    )
    if not found:  # another process has measured
        return {}
    results = {"steps": args.steps, "start": args.start, "organization": found}
    pprint(results, console=Console(), expand_all=True)
    if args.report is not None:
        command = command_line("experiment", args, positional="what")
        console.print(f"report: {write_report(args.report, results, [], command=command)}")
    return results
