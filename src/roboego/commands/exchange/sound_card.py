"""The machine's microphone and loudspeaker, through sounddevice (PortAudio)."""

from contextlib import AbstractContextManager
from typing import Any

from roboego.commands.exchange.pump import Pump
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

BLOCK_SAMPLES = 480
"""Samples that the card hands over at once: 20 ms."""


def open_sounddevice() -> Any:
    """The package sounddevice.

    Raises:
        ModuleNotFoundError: it is not installed.
        InputError: PortAudio is not.
    """
    try:
        import sounddevice
    except OSError as error:
        raise InputError(
            f"{error}; install PortAudio: on Debian and Ubuntu `apt install libportaudio2`, on a Mac it comes along"
        ) from error
    return sounddevice


def devices(sounddevice: Any) -> str:
    """The devices there are, numbered, with their channels.

    Raises:
        InputError: there are none.
    """
    if not len(sounddevice.query_devices()):
        raise InputError("this machine has no sound devices; plug in a microphone and headphones, or talk from another with: roboego serve")
    return str(sounddevice.query_devices())


def open_stream(sounddevice: Any, pump: Pump, sound_in: str | None, sound_out: str | None) -> AbstractContextManager[Any]:
    """A stream both ways, 24 kHz mono, that runs inside a `with` block.

    Args:
        sound_in, sound_out: a device's number or part of its name; None: the system's choice.
    Raises:
        InputError: there is no such device, or it does not do that.
    """
    devices(sounddevice)
    try:
        stream: AbstractContextManager[Any] = sounddevice.Stream(
            samplerate=SAMPLE_RATE,
            blocksize=BLOCK_SAMPLES,
            device=(_device(sound_in), _device(sound_out)),
            channels=1,
            dtype="float32",
            latency="low",
            callback=pump.callback,
            finished_callback=pump.ended,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise InputError(
            f"cannot open microphone and loudspeaker: {error}; --list-devices names those that --input and --output take"
        ) from error
    return stream


def _device(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdigit() else name
