"""Takes recordings of your own into the training data."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import tyro

from roboego.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from roboego.data.workshop import Workshop
    from roboego.recipes.nano_data import Places

MOST_TOLD = 10
"""Files that were left out, of which the console tells why."""

Kind = Literal["auto", "wav-text", "librispeech", "dialogues"]


@dataclass(kw_only=True)
class Shared:
    """Options of both."""

    source: Annotated[Path, tyro.conf.Positional]
    """The folder of the recordings."""
    name: str
    """What to call them: a voice, a corpus. Letters, digits and hyphens."""
    folder: Path = Path("runs")
    """Where data and tools of the recipe lie."""
    json: Path | None = None
    """Write results here."""


@dataclass(kw_only=True)
class Import(Shared):
    """Make grids of recordings, which the recipes' stages then learn from too."""

    kind: Kind = "auto"
    """wav-text: sound files, each with a .txt of its name beside it, or a metadata.csv. librispeech: its folders. dialogues: stereo files,
    the user left and Ego right, with or without a .json transcript beside each. auto: whichever the folder looks like."""
    side: Literal["user", "ego"] = "user"
    """Whose voice sentences are: somebody Ego hears, or Ego's own. (Dialogues have both.)"""
    held_out: float = 0.05
    """Share of the sentences that training never sees."""
    workers: int = 2
    """Processes that make grids."""


@dataclass(kw_only=True)
class ImportRecordings(Shared):
    """Make grids of conversations that `roboego serve --record FOLDER` recorded. Nothing in the folder is changed."""

    ids: tuple[str, ...] = ()
    """Take these conversations alone: names of folders in FOLDER."""
    since: str | None = None
    """Take those that began then or later: a day such as 2026-03-31, or a time such as 2026-03-31T14:30."""
    shortest_s: float = 0.0
    """Take those that last so many seconds at least."""
    captions: bool = True
    """Learn from what the model wrote down of the user's words. It may be wrong."""


Args: TypeAlias = Annotated[Import, tyro.conf.subcommand("import")] | Annotated[ImportRecordings, tyro.conf.subcommand("import-recordings")]


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", args.name):
        raise InputError(f"--name must be of small letters, digits and hyphens, not {args.name!r}")
    if not args.source.is_dir():
        raise InputError(f"{args.source} is not a folder; name the folder of your recordings")
    console = Console(stderr=True)
    return _recorded(args, console) if isinstance(args, ImportRecordings) else _imported(args, console)


def _open_tools(folder: Path, console: "Console") -> tuple["Places", "Workshop"]:
    """The recipe's places, and the tools in them: what is missing is told before any work is done."""
    from roboego.data.workshop import open_workshop
    from roboego.recipes.nano_data import Places
    from roboego.recipes.own import take_tools

    places = Places(root=folder)
    if take_tools(places):
        console.print(f"nano's codec and tokenizer are now in {places.tools}")
    return places, open_workshop(places.tools)


def _imported(args: Import, console: "Console") -> dict[str, Any]:
    from roboego.commands.common import check_at_least

    check_at_least(1, workers=args.workers)
    if not 0 <= args.held_out < 1:
        raise InputError(f"--held-out must be from 0 to below 1, not {args.held_out}")
    places, _ = _open_tools(args.folder, console)
    kind = kind_of(args.source) if args.kind == "auto" else args.kind
    return _dialogues(args, places, console) if kind == "dialogues" else _sentences(args, places, kind, console)


def _recorded(args: ImportRecordings, console: "Console") -> dict[str, Any]:
    from roboego.commands.common import check_at_least
    from roboego.data.importing.conversations import Wanted, import_recordings
    from roboego.model.checkpoint import read_config
    from roboego.recipes.own import PACKAGED

    check_at_least(0, shortest_s=args.shortest_s)
    wanted = Wanted(ids=args.ids, since=None if args.since is None else seconds_of(args.since), shortest_s=args.shortest_s)
    places, shop = _open_tools(args.folder, console)
    told = import_recordings(
        args.source,
        places.grids,
        places.pictures,
        shop=shop,
        layout=read_config(PACKAGED).model.layout,
        name=args.name,
        wanted=wanted,
        captions=args.captions,
        progress=lambda taken: console.print(str(taken), highlight=False, soft_wrap=True),
    )
    console.print(f"{told.seconds / 60:.1f} minutes in all, {'with' if told.captions else 'without'} captions")
    return {"captions": told.captions, "minutes": told.seconds / 60, "conversations": [asdict(taken) for taken in told.conversations]}


def seconds_of(when: str) -> float:
    """A day or a time of this machine's zone, in seconds since 1970.

    Raises:
        InputError: it is none.
    """
    try:
        return datetime.fromisoformat(when).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"--since must be a day such as 2026-03-31, or a time such as 2026-03-31T14:30, not {when!r}") from None


def kind_of(folder: Path) -> Kind:
    """What the files of a folder look like.

    Raises:
        InputError: there is no sound in it.
    """
    import soundfile

    from roboego.data.importing.recordings import SUFFIXES

    if any(folder.rglob("*.trans.txt")):
        return "librispeech"
    first = next((p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES), None)
    if first is None:
        raise InputError(f"{folder} holds no sound files ({', '.join(SUFFIXES)}); name the folder of your recordings")
    texts = first.with_suffix(".txt").is_file() or (folder / "metadata.csv").is_file()
    return "wav-text" if texts or soundfile.info(first).channels == 1 else "dialogues"


def _sentences(args: Import, places: "Places", kind: Kind, console: "Console") -> dict[str, Any]:
    from rich.progress import track

    from roboego.data.build import make_grids
    from roboego.data.importing.aligner import Aligner
    from roboego.data.importing.recordings import librispeech, wav_and_text
    from roboego.data.importing.sentences import grid_jobs, import_sentences
    from roboego.data.workers import make_all
    from roboego.recipes import nano

    found = list(librispeech(args.source) if kind == "librispeech" else wav_and_text(args.source))
    told = import_sentences(
        track(found, description="aligning", console=console),
        places.speech,
        name=args.name,
        side=args.side,
        aligner=Aligner(),
        held_out=args.held_out,
    )
    jobs = grid_jobs(told, speech=places.speech, grids=places.grids, tools=places.tools, layout=nano.layout(), side=args.side)
    make_all(jobs, make_grids, workers=args.workers)
    for bank, count in told.banks.items():
        console.print(f"{bank}: {count} sentences")
    _tell(told.seconds, told.skipped, console)
    return {"kind": kind, "banks": told.banks, "minutes": told.seconds / 60, "shards": [str(j.out) for j in jobs], "skipped": told.skipped}


def _dialogues(args: Import, places: "Places", console: "Console") -> dict[str, Any]:
    from rich.progress import Progress

    from roboego.data.importing.dialogues import import_dialogues
    from roboego.recipes import nano

    with Progress(console=console) as bar:
        row = bar.add_task("dialogues", total=None)
        told = import_dialogues(
            args.source,
            places.grids,
            tools=places.tools,
            layout=nano.layout(),
            name=args.name,
            progress=lambda done, total: bar.update(row, completed=done, total=total),
        )
    console.print(f"{told.conversations} conversations")
    if told.lost or told.entries:
        console.print(f"left out of recordings that were taken: conversations {len(told.lost)}, entries of transcripts {len(told.entries)}")
    _tell(told.seconds, told.left_out, console)
    left_out = {"skipped": told.skipped, "lost": told.lost, "entries": told.entries}
    return {"kind": "dialogues", "conversations": told.conversations, "minutes": told.seconds / 60, **left_out}


def _tell(seconds: float, skipped: Sequence[tuple[str, str]], console: "Console") -> None:
    """How much it was, and what was left out."""
    console.print(f"{seconds / 60:.1f} minutes in all")
    for path, reason in skipped[:MOST_TOLD]:
        console.print(f"left out {path}: {reason}")
    if len(skipped) > MOST_TOLD:
        console.print(f"... and {len(skipped) - MOST_TOLD} more; --json tells all")
