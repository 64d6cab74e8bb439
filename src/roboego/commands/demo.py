"""Plays a recorded spoken conversation through the real engine, in steps of 80 ms.

The user's side is recorded, Ego's is made as you watch: its text runs ahead, its speech follows. In a terminal one step takes its 80 ms,
otherwise steps follow each other as fast as they can.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from roboego.commands.common import WithModel, open_model, sampling_of
from roboego.errors import InputError
from roboego.timebase import samples_to_seconds

SOUNDS, PICTURES = ("*.wav", "*.flac"), (".png", ".jpg", ".jpeg")
LONGEST_TURN_S = 20.0
"""So long, for each recording, the user waits in all for a model that does not fall silent."""


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/demo")
    """Folder for the results: conversation.wav, transcript.json, timeline.png."""
    recordings: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """What the user says: wav or flac files, in the order of their names. Each waits until Ego has finished, but for those whose names end
    in a plus and seconds (07+0.8.flac): they come so long after Ego's voice began. A picture of the same name (03.png beside 03.flac) is
    what a model that sees is shown from then on. (default: the package's)"""
    real_time: bool = field(default_factory=lambda: sys.stdout.isatty())
    """One step every 80 ms, as in a live conversation."""


def run(args: Args) -> dict[str, Any]:
    from contextlib import ExitStack

    import numpy as np
    from rich.console import Console

    from roboego.commands.exchange.drive import Plan, hold
    from roboego.commands.exchange.live import LiveView
    from roboego.commands.exchange.summary import print_end, print_turns, summary
    from roboego.commands.exchange.users import Visitor
    from roboego.evaluation.simulated_user import Patience, SimulatedUser
    from roboego.sound.files import check_folder_target
    from roboego.sound.reading import SoundReader

    paths = recordings(args.recordings)
    meanwhile = {i: after for i, path in enumerate(paths) if (after := into_reply_s(path)) is not None}
    if 0 in meanwhile:
        raise InputError(f"{paths[0].name} is to come while Ego speaks, and nothing before it makes Ego speak; give it another place")
    check_folder_target(args.out)
    console = Console(highlight=False)
    with ExitStack() as stack:
        clips = [np.concatenate(list(stack.enter_context(SoundReader(path)))) for path in paths]
        loaded = open_model(args)
        pictures = {i: shown for i, path in enumerate(paths) if (shown := picture_of(path)) is not None}
        sees = loaded.model.config.sees
        if pictures and not sees:
            console.print(f"{loaded.name} does not see, and is shown none of the pictures: {len(pictures)}", soft_wrap=True)
        patience = Patience(first=0.0, gap=0.0, quiet=1.2)
        plan = Plan(
            user=Visitor(
                SimulatedUser(turns=clips, patience=patience, meanwhile=meanwhile),
                longest_s=LONGEST_TURN_S * len(clips),
                pictures=pictures if sees else {},
            ),
            source={"path": [str(path) for path in paths], "duration_s": sum(samples_to_seconds(len(clip)) for clip in clips)},
            out=args.out,
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


def into_reply_s(path: Path) -> float | None:
    """How long after Ego's voice began this recording comes, as its name says; None if it waits until Ego has ended."""
    told = re.search(r"\+(\d+(?:\.\d+)?)$", path.stem)
    return None if told is None else float(told[1])


def picture_of(recording: Path) -> Path | None:
    """What is shown with a recording: a picture of its name beside it, if there is one.

    Raises:
        InputError: it cannot be read.
    """
    from roboego.perception.picture import open_picture

    found = next((path for ending in PICTURES if (path := recording.with_suffix(ending)).is_file()), None)
    if found is not None:
        open_picture(found)
    return found


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
