"""Talks through this machine's microphone and loudspeaker, with all streams as lanes in the terminal. Ctrl-C ends it.

Wear headphones: nothing here keeps Ego from hearing itself. (In a browser, which does, `roboego serve` is the way.)
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import WithModel, open_model, sampling_of

if TYPE_CHECKING:
    from rich.console import Console

    from roboego.commands.exchange.pump import Pump
    from roboego.commands.exchange.record import Record, Sound
    from roboego.runtime.frame import Frame
    from roboego.runtime.session import Session
    from roboego.serve.functions import Functions

DEVICE = tyro.conf.arg(metavar="NUMBER|NAME")


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    input: Annotated[str | None, DEVICE] = None
    """The microphone: a number of --list-devices, or part of a name. (default: the system's)"""
    output: Annotated[str | None, DEVICE] = None
    """The loudspeaker, in the same way."""
    list_devices: bool = False
    """Name the devices, and do no more."""
    prompt: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """Text that it reads at the start."""
    functions: tuple[Literal["time", "timer"], ...] = ()
    """Functions that it may call: time tells the local time, timer says when it has ended."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE.wav")] = None
    """Save the conversation here in the end: stereo, user left, Ego right."""


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console

    from roboego.commands.exchange.live import LiveView
    from roboego.commands.exchange.pump import Pump
    from roboego.commands.exchange.record import Record, StereoWriter
    from roboego.commands.exchange.sound_card import devices, open_sounddevice, open_stream
    from roboego.commands.exchange.vocabulary import Vocabulary
    from roboego.runtime.engine import Engine
    from roboego.runtime.runner import steady_garbage
    from roboego.serve.builtins import Builtins, check_calls
    from roboego.serve.functions import Functions
    from roboego.sound.files import check_target

    sounddevice = open_sounddevice()
    console = Console(highlight=False)
    if args.list_devices:
        console.print(devices(sounddevice), markup=False, soft_wrap=True)
        return {"devices": [dict(device) for device in sounddevice.query_devices()]}
    if args.out is not None:
        check_target(args.out)
    loaded = open_model(args)
    check_calls(loaded, args.functions)
    record, pump, vocabulary = Record(model=loaded.name), Pump(), Vocabulary(loaded)
    prompt = None if args.prompt is None else vocabulary.tokens(args.prompt)
    interrupted = False
    with ExitStack() as stack:
        engine = stack.enter_context(Engine(loaded))
        session = stack.enter_context(engine.open("duplex", prompt, sampling_of(args, loaded)))
        functions = Functions(session, Builtins(args.functions))
        functions.declare()
        writer = None if args.out is None else stack.enter_context(StereoWriter(args.out))
        watch = stack.enter_context(LiveView(console)).watch if console.is_terminal else None
        stack.enter_context(steady_garbage())
        stack.enter_context(open_stream(sounddevice, pump, args.input, args.output))
        console.print("Talk; Ctrl-C ends it. Without headphones Ego hears itself.")
        try:
            for user, frame in converse(session, pump, functions):
                if writer is not None:
                    writer.write(user, frame.speech)
                record.add(user, frame, session.transcript, wait=vocabulary.wait, special=vocabulary.special(frame.token))
                if watch is not None:
                    watch(record, frame)
        except KeyboardInterrupt:
            interrupted = True
    if not interrupted:
        console.print("The sound card gives no more sound; --list-devices names those that are there.")
    return _told(console, record, pump, args.out)


def converse(session: "Session", pump: "Pump", functions: "Functions") -> "Iterator[tuple[Sound, Frame]]":
    """A step for each frame of the microphone, and its speech to the loudspeaker, until the sound card gives no more.

    Yields:
        The sound that was heard, and what came of it.
    Raises:
        SessionError: the session broke down.
    """
    import numpy as np

    from roboego.runtime.frame import SILENCE, Frame

    while (given := pump.next()) is not None:
        frame = session.engine.tick({session: given})[session]
        if not isinstance(frame, Frame):
            raise frame
        functions.follow(frame)
        pump.speaker.push(frame.speech, silent=frame.is_silent)
        yield SILENCE if given.listen is None else np.asarray(given.listen), frame


def _told(console: "Console", record: "Record", pump: "Pump", out: Path | None) -> dict[str, Any]:
    """Prints how it went; what `--json` gets."""
    from roboego.commands.exchange.summary import print_turns, summary
    from roboego.commands.exchange.transcript import transcript

    files = [] if out is None else [str(out)]
    losses = {"overflows": pump.overflows, "gaps": pump.speaker.gaps, "unplayed_frames": pump.speaker.lost}
    if not record.frames:
        return {"model": record.model, "duration_s": 0.0, **losses, "files": files}
    told = transcript(record, {"microphone": True})
    print_turns(console, told)
    if record.overruns or pump.overflows or pump.speaker.gaps:
        console.print(f"{record.overruns} frames were not heard, {pump.speaker.gaps} gaps in Ego's sound: this machine is too busy")
    if out is not None:
        console.print(f"Written: {out}", markup=False, soft_wrap=True)
    return {**summary(told, Path()), **losses, "files": files}
