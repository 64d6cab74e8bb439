"""Plays a recorded spoken conversation through the real engine, in steps of 80 ms.

The user's side is recorded, Ego's is made as you watch: its text runs ahead, its speech follows. In a terminal one step takes its 80 ms,
otherwise steps follow each other as fast as they can.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from roboego.commands.common import WithModel, open_model, sampling_of
from roboego.errors import InputError

SOUNDS = ("*.wav", "*.flac")


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/demo")
    """Folder for the results: conversation.wav, transcript.json, timeline.png."""
    recordings: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """What the user says: wav or flac files, in the order of their names; Ego may finish after each. (default: the package's)"""
    real_time: bool = field(default_factory=lambda: sys.stdout.isatty())
    """One step every 80 ms, as in a live conversation."""


def run(args: Args) -> dict[str, Any]:
    from contextlib import ExitStack

    from rich.console import Console

    from roboego.commands.exchange.drive import Plan, Tail, hold
    from roboego.commands.exchange.live import LiveView
    from roboego.commands.exchange.summary import print_end, print_turns, summary
    from roboego.sound.files import check_folder_target
    from roboego.sound.reading import SoundReader

    paths = recordings(args.recordings)
    check_folder_target(args.out)
    console = Console(highlight=False)
    with ExitStack() as stack:
        clips = [stack.enter_context(SoundReader(path)) for path in paths]
        loaded = open_model(args)
        plan = Plan(
            clips=clips,
            source={"path": [str(path) for path in paths], "duration_s": sum(clip.duration_s for clip in clips)},
            out=args.out,
            tail=Tail(),
            real_time=args.real_time,
        )
        watch = stack.enter_context(LiveView(console)).watch if console.is_terminal else None
        told = hold(plan, loaded, sampling_of(args, loaded), watch)
    print_turns(console, told)
    result = summary(told, args.out)
    if result["median_latency_s"] is not None:
        console.print(f"Ego's first sound comes {result['median_latency_s']:.2f} s after the user's last, in the median")
    print_end(console, told, args.out)
    return result


def recordings(folder: Path | None) -> list[Path]:
    """The user's sounds.

    Raises:
        InputError: there are none.
    """
    if folder is not None:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; give one with wav or flac files")
        place = folder
    else:
        from roboego.loading import WEIGHTS

        place = WEIGHTS / "demo"
    found = sorted(path for pattern in SOUNDS for path in place.glob(pattern))
    if not found and folder is None:
        raise InputError("this installation carries no demo recordings; install a released wheel, or use `roboego talk IN.wav --out DIR`")
    if not found:
        raise InputError(f"{folder} has no wav or flac files; put what the user says there")
    return found
