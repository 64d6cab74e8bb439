"""Makes a model folder of a run's newest checkpoint, or of the mean of several: `--model FOLDER` of other commands opens it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least


@dataclass(kw_only=True)
class Args:
    what: Annotated[Literal["post", "sft", "seeing", "whole", "acting", "own"], tyro.conf.Positional]
    """post: stage 1. sft: stage 2. whole: stage 2 with all streams. acting: the same, its action decoder trained on.
    own: nano taught further with recordings of your own."""
    out: Path
    """The folder to write; one that is there is replaced."""
    name: str | None = None
    """Under which name the recordings of `own` were imported."""
    lora: bool = False
    """The stage as `roboego train --lora-rank` made it, its adapters merged."""
    backbone: Path | None = None
    """The folder of the decoder that the stage was trained on, where `roboego train` was given one."""
    recipe: Literal["nano"] = "nano"
    folder: Path = Path("runs")
    """Where the recipe's data and checkpoints lie."""
    average: int = 1
    """Weights that are the mean of so many of the newest checkpoints (a run keeps two): they are often better than the newest alone."""
    figures: tuple[Path, ...] = ()
    """What `roboego eval --json` wrote about this model, for the table in its model card."""
    note: Path | None = None
    """A text file that goes into the model card: what else is to be known of how it was made."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    import json
    from dataclasses import replace

    from roboego.errors import InputError
    from roboego.recipes import foreign, nano, nano_data, own
    from roboego.recipes.export import export
    from roboego.recipes.runs import adapted_name
    from roboego.sound.files import check_folder_target

    check_at_least(1, average=args.average)
    check_folder_target(args.out)
    if args.out.is_dir() and any(args.out.iterdir()) and not (args.out / "config.json").exists():
        raise InputError(f"{args.out} holds other things than a model, and would be replaced; give a new folder")
    figures: dict[str, Any] = {}
    for path in args.figures:
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not what `roboego eval --json` writes ({error}); give another file") from error
        if not isinstance(told, dict):
            raise InputError(f"{path} is not what `roboego eval --json` writes; give another file")
        figures |= told | {"commands": figures.get("commands", {}) | told.get("commands", {})}
    note = "" if args.note is None else read_note(args.note)
    if (args.what == "own") != (args.name is not None):
        raise InputError("--name says whose recordings roboego train own learned from: give both or neither")
    places = nano_data.Places(root=args.folder)
    if args.name is not None:
        recipe = own.own(args.name, places)
    else:
        recipe = getattr(nano, "post_training" if args.what == "post" else args.what)()
    if args.backbone is not None:
        recipe = foreign.on_decoder(args.backbone, recipe)
    if args.lora:
        recipe = replace(recipe, name=adapted_name(recipe.name))
    vision = None if args.name is None else own.PACKAGED / "vision"
    done = export(recipe, places, args.out, figures, note, average=args.average, vision=vision)
    print(f"{done['run']} at step {done['step']} is in {done['folder']} ({done['bytes'] / 2**20:.1f} MiB)")
    return done


def read_note(path: Path) -> str:
    """A text for the model card.

    Raises:
        InputError: the file is no text.
    """
    from roboego.errors import InputError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read the note {path}: {error}; give a text file") from error
