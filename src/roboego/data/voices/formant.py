"""Formant and diphone voices of Debian's espeak-ng and flite, run as separate processes. They give no word times."""

import io
import subprocess
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from roboego.data.talk.voicing import for_voice
from roboego.data.voices.base import Sound, Spoken, trim
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class EspeakVoice:
    """espeak-ng (GPL-3.0, so only ever a separate process) with an accent and a speaker variant."""

    accent: str = "en-us"
    variants: tuple[str, ...] = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5")

    @property
    def name(self) -> str:
        return f"espeak-{self.accent}"

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        variant = str(rng.choice(self.variants))
        command = [
            "espeak-ng",
            "-v",
            f"{self.accent}+{variant}",
            "-s",
            str(int(rng.integers(130, 185))),
            "-p",
            str(int(rng.integers(35, 65))),
        ]
        pcm = _run([*command, "--stdin", "--stdout"], for_voice(text))
        return trim(Spoken(text=text, voice=self.name, pcm=pcm))


@dataclass(frozen=True, kw_only=True)
class FliteVoice:
    """flite with one of its built-in voices. `rms` and `slt` are reserved for evaluation by others and refused."""

    speaker: str = "kal16"

    def __post_init__(self) -> None:
        if self.speaker in ("rms", "slt"):
            raise InputError(f"flite's voice {self.speaker!r} is reserved for outside evaluation; use kal16 or awb")

    @property
    def name(self) -> str:
        return f"flite-{self.speaker}"

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        stretch = f"duration_stretch={rng.uniform(0.9, 1.15):.2f}"
        pcm = _run(["flite", "-voice", self.speaker, "--setf", stretch, "-t", for_voice(text, "a"), "-o", "/dev/stdout"], None)
        return trim(Spoken(text=text, voice=self.name, pcm=pcm))


def _run(command: list[str], stdin: str | None) -> Sound:
    try:
        done = subprocess.run(command, input=stdin.encode() if stdin else None, capture_output=True, timeout=60, check=True)
    except FileNotFoundError as error:
        raise InputError(f"{command[0]} is not installed; run: apt-get install {command[0]}") from error
    except subprocess.CalledProcessError as error:
        raise InputError(f"{command[0]} failed: {error.stderr.decode(errors='replace').strip()}") from error
    head = done.stdout
    # Written to a pipe, the header's length field is wrong; a reader of raw samples after the 44-byte header needs only the rate.
    rate = int.from_bytes(head[24:28], "little")
    samples, _ = soundfile.read(io.BytesIO(head[44:]), samplerate=rate, channels=1, format="RAW", subtype="PCM_16", dtype="float32")
    sound: Sound = soxr.resample(samples, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else samples
    return sound
