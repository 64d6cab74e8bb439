"""Listening conditions: what was drawn (or named) once, and its application in the order in which nature does it.

voice -> room -> + noise + echo -> microphone -> channel -> level
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from roboego.data.acoustics.channel import drift, gain, microphone, overload, quantise, telephone
from roboego.data.acoustics.echo import leaked
from roboego.data.acoustics.noise import NOISES, make_noise, scaled_noise
from roboego.data.acoustics.rooms import Room, draw_room, impulse_response, reverberate
from roboego.data.acoustics.signal import NOMINAL_LEVEL_DB, active_level, checked, checked_value, fit_length, fit_peak, from_db
from roboego.data.voices.base import Sound
from roboego.errors import InputError

CLEAN_SHARE = 0.35
"""Share of conditions that are clean (but for their level) at severity 1."""

NOISE_ODDS = tuple(4.0 if noise == "babble" else 1.0 for noise in NOISES)
"""How often each kind is drawn: other people's voices are the hardest to tell from the user's."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """How a voice is heard. The default is as it was spoken.

    Attributes:
        room: where it is said; None for no room.
        noise, snr_db: a kind of noise (see `noise.NOISES`) and the speech's active level over it, at the microphone. Both or neither.
        echo_db, echo_delay_s: how Ego's own voice leaks back, if it speaks. Both or neither.
        tilt_db, low_cut_hz, offset: the microphone's tone and constant offset (see `channel.microphone`).
        drive_db: overload of the recording, in dB above full scale; None for none.
        telephone: narrow band, mu-law.
        bits: coarse quantisation; None for none.
        drift_db: slow wandering of the level.
        level_db: gain at the end.
    """

    room: Room | None = None
    noise: str | None = None
    snr_db: float | None = None
    echo_db: float | None = None
    echo_delay_s: float | None = None
    tilt_db: float = 0.0
    low_cut_hz: float = 0.0
    offset: float = 0.0
    drive_db: float | None = None
    telephone: bool = False
    bits: int | None = None
    drift_db: float = 0.0
    level_db: float = 0.0

    def __post_init__(self) -> None:
        if self.noise is not None and self.noise not in NOISES:
            raise InputError(f"no noise is called {self.noise!r}; the kinds are {', '.join(NOISES)}")
        if (self.noise is None) != (self.snr_db is None):
            raise InputError("noise and snr_db belong together; give both or neither")
        if (self.echo_db is None) != (self.echo_delay_s is None):
            raise InputError("echo_db and echo_delay_s belong together; give both or neither")
        checked_value(self.level_db, -60, 40, "level_db")

    @property
    def is_clean(self) -> bool:
        """Nothing changed but the level."""
        return self == Condition(level_db=self.level_db)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: only what differs from the default."""
        return {k: v for k, v in asdict(self).items() if v != getattr(Condition(), k)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Condition":
        """The inverse of `to_dict`.

        Raises:
            InputError: unknown keys or unusable values.
        """
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise InputError(f"a condition has no {', '.join(sorted(unknown))}; it has {', '.join(f.name for f in fields(cls))}")
        room = values.get("room")
        if room is not None and set(room) != {f.name for f in fields(Room)}:
            raise InputError(f"a room has exactly {', '.join(f.name for f in fields(Room))}, not {', '.join(room)}")
        placed = (
            None if room is None else Room(rt60_s=room["rt60_s"], **{k: tuple(room[k]) for k in ("size_m", "source_m", "microphone_m")})
        )
        return cls(**{**values, "room": placed})


def draw_condition(rng: np.random.Generator, *, severity: float = 1.0) -> Condition:
    """A random condition.

    Args:
        severity: 0 for always clean, 1 for 35% clean and noise down to 0 dB; between, fewer conditions and milder noise.
    Raises:
        InputError: severity outside [0, 1].
    """
    checked_value(severity, 0, 1, "severity")
    if rng.random() >= severity * (1 - CLEAN_SHARE):
        return Condition(level_db=float(rng.uniform(-8, 3)))
    noisy, echoing, roomy, narrow = (rng.random() < share for share in (0.65, 0.3, 0.5, 0.15))
    if not (echoing or roomy or narrow):
        noisy = True
    values: dict[str, Any] = {}
    for name, share, low, high in (
        ("drive_db", 0.08, 3, 12),
        ("drift_db", 0.3, 1, 4),
        ("tilt_db", 0.5, -3, 3),
        ("low_cut_hz", 0.3, 50, 180),
    ):
        if rng.random() < share:
            values[name] = float(rng.uniform(low, high))
    if rng.random() < 0.1:
        values["offset"] = float(rng.uniform(-0.02, 0.02))
    if rng.random() < 0.1:
        values["bits"] = int(rng.integers(8, 13))
    if noisy:
        values |= {
            "noise": str(rng.choice(NOISES, p=np.divide(NOISE_ODDS, sum(NOISE_ODDS)))),
            "snr_db": float(rng.uniform(25 - 25 * severity, 25)),
        }
    if echoing:
        values |= {"echo_db": float(rng.uniform(-30, -10)), "echo_delay_s": float(rng.uniform(0.02, 0.2))}
    quiet = rng.random() < 0.15
    return Condition(
        room=draw_room(rng) if roomy else None,
        telephone=bool(narrow),
        level_db=float(rng.uniform(-30, -12) if quiet else rng.uniform(-10, 4)),
        **values,
    )


def apply(
    condition: Condition,
    speech: Sound,
    rng: np.random.Generator,
    *,
    echo_of: Sound | None = None,
    babble: Sequence[Sound] = (),
) -> Sound:
    """The speech as the codec gets it: float32 [N], as long as before, nothing later than before, at most 1 in size.

    Args:
        speech: the user's track, mono [N] at 24 kHz; it may be silent (noise then stands as if under speech of -26 dB).
        rng: draws what the condition leaves open: the samples of the noise, the tail of the room.
        echo_of: what Ego plays meanwhile, on the same clock; cut or padded to N. It is heard only if the condition has an echo.
        babble: sentences of others for babble.
    Raises:
        InputError: unusable sound.
    """
    heard = checked(speech, "speech")
    if condition.room is not None:
        heard = reverberate(heard, impulse_response(condition.room, rng))
    silent = (level := active_level(heard)) == 0
    if condition.noise is not None and condition.snr_db is not None:
        noise = make_noise(condition.noise, len(heard), rng, sentences=babble)
        heard = heard + scaled_noise(noise, from_db(NOMINAL_LEVEL_DB) if silent else level, condition.snr_db)
    if echo_of is not None and condition.echo_db is not None and condition.echo_delay_s is not None:
        playback = fit_length(checked(echo_of, "echo_of"), len(heard))
        heard = heard + leaked(playback, rng, level_db=condition.echo_db, delay_s=condition.echo_delay_s)
    heard = microphone(heard, tilt_db=condition.tilt_db, low_cut_hz=condition.low_cut_hz, offset=condition.offset)
    if condition.drive_db is not None and not silent:  # silence is not recorded louder
        heard = overload(heard, condition.drive_db)
    if condition.telephone:
        heard = telephone(heard)
    if condition.bits is not None:
        heard = quantise(heard, condition.bits)
    if condition.drift_db:
        heard = drift(heard, rng, condition.drift_db)
    return fit_peak(gain(heard, condition.level_db))


_SMALL = Room(size_m=(4.0, 3.2, 2.5), source_m=(1.2, 1.4, 1.5), microphone_m=(1.7, 1.6, 1.2), rt60_s=0.3)
_LARGE = Room(size_m=(9.0, 7.5, 3.5), source_m=(3.0, 3.0, 1.6), microphone_m=(3.6, 3.3, 1.2), rt60_s=0.7)
_FAR = Room(size_m=(6.5, 5.0, 2.8), source_m=(1.2, 1.4, 1.6), microphone_m=(4.0, 2.8, 1.0), rt60_s=0.5)

_NAMED = {
    "clean": Condition(),
    "room-small": Condition(room=_SMALL),
    "room-large": Condition(room=_LARGE),
    "far": Condition(room=_FAR),
    "telephone": Condition(telephone=True),
    "clipped": Condition(drive_db=10.0, level_db=-6.0),
    "quiet": Condition(level_db=-30.0),
}
PRESETS = (*_NAMED, *(f"{noise}-10db" for noise in ("street", "babble", "music", "fan")), "echo-15db")
"""Names that `preset` knows; the numbers of noise and echo may be others."""


def preset(name: str) -> Condition:
    """A condition for evaluation by name: see `PRESETS`, "NOISE-SNRdb" for any noise and ratio, "echo-NNdb" for Ego's voice NN dB down.

    Raises:
        InputError: no condition has this name.
    """
    if name in _NAMED:
        return _NAMED[name]
    parsed = re.fullmatch(r"([a-z]+)-(-?\d+)db", name)
    if parsed and parsed[1] in NOISES:
        return Condition(noise=parsed[1], snr_db=float(parsed[2]))
    if parsed and parsed[1] == "echo":
        return Condition(echo_db=-abs(float(parsed[2])), echo_delay_s=0.08)
    raise InputError(f"no condition is called {name!r}; some are {', '.join(PRESETS)}")
