"""The voices: one for Ego, several for listeners, one that only tests hear. Opened by name, in the process that uses them."""

from collections.abc import Callable
from functools import partial

from roboego.data.voices.base import Spoken, TimedPhone, TimedWord, Voice
from roboego.data.voices.formant import EspeakVoice, FliteVoice
from roboego.data.voices.neural import KOKORO_TRAINING, KOKORO_UNSEEN, HibariVoice, JoeVoice, KokoroVoice
from roboego.errors import InputError

EGO = "heart"
LISTENERS = ("kokoro", "joe", "espeak-en-us", "espeak-en-gb", "flite-kal16", "heart-changed")
"""Voices that train listening. "kokoro" is a family of speakers, "heart-changed" Ego's engine with pitch and formants moved."""
UNSEEN = "nezumi"
"""Kept for tests alone."""
ACCENTS = ("espeak-en-gb-scotland", "espeak-en-gb-x-gbclan", "espeak-en-gb-x-gbcwmd", "espeak-en-029", "flite-awb")
"""Regional Englishes that no training hears: Scotland, Lancaster, the West Midlands, the Caribbean; and a Scottish diphone voice."""


def _debian(name: str) -> Voice:
    engine, _, speaker = name.partition("-")
    return EspeakVoice(accent=speaker) if engine == "espeak" else FliteVoice(speaker=speaker)


_OPEN: dict[str, Callable[[], Voice]] = {
    EGO: HibariVoice,
    "heart-changed": lambda: _changed(HibariVoice(), "heart-changed"),
    "joe-changed": lambda: _changed(JoeVoice(), "joe-changed"),
    "joe": JoeVoice,
    "kokoro": lambda: KokoroVoice("kokoro", KOKORO_TRAINING),
    UNSEEN: lambda: KokoroVoice(UNSEEN, (KOKORO_UNSEEN,)),
    "espeak-en-us": lambda: EspeakVoice(accent="en-us"),
    "espeak-en-gb": lambda: EspeakVoice(accent="en-gb"),
    "flite-kal16": lambda: FliteVoice(speaker="kal16"),
    **{name: partial(_debian, name) for name in ACCENTS},
}


def _changed(voice: Voice, name: str) -> Voice:
    from roboego.data.voices.changed import ChangedVoice

    return ChangedVoice(voice, name)


def check_voices(*names: str) -> None:
    """Raises an InputError if no voice has one of the names."""
    for name in names:
        if name not in _OPEN:
            raise InputError(f"no voice is called {name!r}; the voices are {', '.join(_OPEN)}")


def open_voice(name: str) -> Voice:
    """Opens a voice (loads its model).

    Raises:
        InputError: no voice has this name.
    """
    check_voices(name)
    return _OPEN[name]()


__all__ = ["ACCENTS", "EGO", "LISTENERS", "UNSEEN", "Spoken", "TimedPhone", "TimedWord", "Voice", "check_voices", "open_voice"]
