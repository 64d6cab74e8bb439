"""Makes training data: speech, its codes, dialogues. What is there already is kept, so an interrupted command goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least

What = Literal["tokenizer", "speech", "grids", "dialogues", "pictures", "sights", "episodes", "grounded", "demonstrations", "demo"]


@dataclass(kw_only=True)
class Args:
    what: Annotated[What, tyro.conf.Positional]
    """tokenizer: from the grammar's sentences. speech: sentences in all voices. grids: speech as codes, to transcribe and to say (needs
    the codec). dialogues: conversations of two sides (needs the codec). pictures: tables as the camera sees them (needs the extra sim).
    sights: what the picture encoder makes of them (needs it: roboego train sight).
    episodes: tasks that experts do at a table, as nano learns them (needs the extra sim). grounded: spoken dialogues about the
    pictures, and requests for what is done in the episodes (needs both, and the codec). demonstrations: the same as datasets in
    LeRobot's layout. demo: what the user says in
    `roboego demo`."""
    recipe: Literal["nano"] = "nano"
    folder: Path = Path("runs")
    """Where data, checkpoints and everything else of the recipe lie."""
    scale: float = 1.0
    """Share of the recipe's amount of data."""
    workers: int = 2
    """Processes."""
    backbone: Path | None = None
    """Grids and dialogues in the vocabulary of the Qwen2 or Llama in this folder (transformers format), to train a model on it."""
    only: str = ""
    """Make only what has this in its name."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from roboego.data.build import make_grids
    from roboego.data.build_dialogues import make_dialogues
    from roboego.data.speech_bank import make_shard
    from roboego.data.workers import make_all
    from roboego.data.workshop import open_workshop
    from roboego.errors import InputError
    from roboego.recipes import foreign, nano, nano_data, nano_demonstrations, nano_sight
    from roboego.recipes.demo_clips import make_clips

    check_at_least(1, workers=args.workers)
    check_at_least(0, scale=args.scale)
    if args.backbone is not None and args.what not in ("grids", "dialogues"):
        raise InputError("--backbone is for grids and dialogues: speech and codec are the same for every model")
    console = Console(stderr=True)
    places = nano_data.Places(root=args.folder)
    if args.what == "tokenizer":
        places.tools.mkdir(parents=True, exist_ok=True)
        tokenizer = nano.tokenizer()
        tokenizer.save(places.tools / "tokenizer.json")
        console.print(f"{len(tokenizer)} pieces in {places.tools / 'tokenizer.json'}")
        return {"pieces": len(tokenizer), "path": str(places.tools / "tokenizer.json")}

    if args.what == "demo":
        paths = make_clips(args.folder / "demo-clips")
        console.print(f"{len(paths)} turns in {args.folder / 'demo-clips'}")
        return {"clips": [str(path) for path in paths]}

    def with_bar(jobs: Sequence[Any], make: Callable[[Any], Path]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            row = bar.add_task(f"{args.what}, shards", total=None)
            make_all(jobs, make, workers=args.workers, progress=lambda done, total: bar.update(row, completed=done, total=total))

    if args.what in ("grids", "dialogues", "grounded"):
        open_workshop(places.tools, args.backbone)  # what is missing is told now, not by a worker
    jobs: Sequence[Any]
    folder = places.grids if args.backbone is None else foreign.grids_folder(places, args.backbone)
    if args.what == "pictures":
        from roboego.data.pictures import make_pictures

        jobs = [j for j in nano_sight.pictures(places, args.scale) if args.only in j.out.name]
        with_bar(jobs, make_pictures)
        folder = places.pictures
    elif args.what == "sights":
        from roboego.data.sights import drop_stale, make_sights

        jobs = [j for j in nano_sight.sights(places) if args.only in j.out.name]
        if not jobs:
            raise InputError(f"no pictures in {places.pictures}; make them with: roboego synth pictures")
        drop_stale(jobs)
        with_bar(jobs, make_sights)
        folder = places.pictures
    elif args.what == "episodes":
        from roboego.data.episodes import make_episodes

        jobs = [j for j in nano_demonstrations.episodes(places, args.scale) if args.only in j.out.name]
        with_bar(jobs, make_episodes)
        folder = places.pictures
    elif args.what == "grounded":
        jobs = [j for j in nano_data.grounded(places, args.scale) if args.only in j.out.name]
        with_bar(jobs, make_dialogues)
    elif args.what == "demonstrations":
        from roboego.data.demonstrations.simulated import make_demonstrations

        jobs = [j for j in nano_demonstrations.demonstrations(places, args.scale) if args.only in j.out.name]
        with_bar(jobs, make_demonstrations)
        folder = places.demonstrations
    elif args.what == "speech":
        jobs = [j for j in nano_data.banks(places, args.scale) if args.only in j.name]
        with_bar(jobs, make_shard)
    elif args.what == "grids":
        made = nano_data.grids(places, args.scale) if args.backbone is None else foreign.grids(places, args.backbone, args.scale)
        jobs = [j for j in made if args.only in j.out.name]
        with_bar(jobs, make_grids)
    else:
        talks = nano_data.dialogues(places, args.scale) if args.backbone is None else foreign.dialogues(places, args.backbone, args.scale)
        jobs = [j for j in talks if args.only in j.out.name]
        with_bar(jobs, make_dialogues)
    return {"shards": len(jobs), "folder": str(places.speech if args.what == "speech" else folder)}
