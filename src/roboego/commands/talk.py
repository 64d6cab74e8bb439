"""Lets a model hear a sound file and answer it, as fast as it can.

Any sample rate from 8 to 192 kHz, one to eight channels. Writes three files: conversation.wav (stereo: user left, Ego right),
transcript.json (tokens, turns, times) and timeline.png (all streams as lanes).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from roboego.commands.common import Sight, WithModel, open_model, sampling_of
from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    sound: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IN.wav")]
    """What the user says."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; it is made if there is none."""
    look: Annotated[Path | None, tyro.conf.arg(metavar="IMAGE")] = None
    """A picture that it sees meanwhile."""
    sight: Sight = "stream"
    """How the picture reaches it: with each step (stream), as tokens in its context (context), or so only when in doubt (auto)."""
    prompt: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """Text that it reads at the start."""
    functions: tuple[Literal["time", "timer"], ...] = ()
    """Functions that it may call: time tells the local time, timer says when it has ended."""
    tail_s: float = 8.0
    """Seconds of silence after the sound, at most; it ends before if Ego has been silent for 2 s."""
    real_time: bool = False
    """One step every 80 ms instead."""


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console

    from roboego.commands.exchange.drive import Plan, hold
    from roboego.commands.exchange.summary import print_end, print_turns, summary
    from roboego.commands.exchange.users import Recording
    from roboego.perception.picture import open_picture
    from roboego.serve.builtins import check_calls
    from roboego.sound.files import check_folder_target
    from roboego.sound.reading import SoundReader

    if not 0 <= args.tail_s <= 3600:
        raise InputError(f"--tail-s must be from 0 to 3600 seconds, not {args.tail_s}")
    with SoundReader(args.sound) as sound:
        check_folder_target(args.out)
        if args.look is not None:
            open_picture(args.look)
        loaded = open_model(args)
        if args.look is not None and not loaded.model.config.vision_width:
            raise InputError(f"{args.model} does not see; leave --look out, or give a --model with sight")
        check_calls(loaded, args.functions)
        plan = Plan(
            user=Recording(sound, args.look, longest_s=args.tail_s),
            source={"path": str(args.sound), "sample_rate": sound.sample_rate, "channels": sound.channels, "duration_s": sound.duration_s},
            out=args.out,
            sight=args.sight,
            prompt=args.prompt,
            functions=args.functions,
            real_time=args.real_time,
        )
        told = hold(plan, loaded, sampling_of(args, loaded))
    console = Console(highlight=False)
    print_turns(console, told)
    print_end(console, told, args.out)
    return summary(told, args.out)
