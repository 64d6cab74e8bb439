"""Rooms: impulse responses of random shoebox rooms, early reflections by image sources, the rest as decaying noise.

Image sources after Allen and Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65 (1979).
"""
# I images, N samples

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.signal

from roboego.data.acoustics.signal import checked, checked_value
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

SPEED_OF_SOUND = 343.0

Point = tuple[float, float, float]
RoomSize = Literal["small", "large"]
Distance = Literal["near", "far"]

_SIZES_M: dict[str, tuple[tuple[float, float], ...]] = {
    "small": ((2.5, 5.0), (2.5, 5.0), (2.3, 3.0)),
    "large": ((6.0, 14.0), (6.0, 12.0), (2.8, 5.0)),
}
_RT60_S = {"small": (0.15, 0.45), "large": (0.45, 1.0)}
_DISTANCES_M = {("small", "near"): (0.3, 0.8), ("small", "far"): (1.2, 2.5), ("large", "near"): (0.4, 1.0), ("large", "far"): (2.0, 5.0)}
_WALL_M = 0.3  # nobody and no microphone is nearer to a wall
_CROSSOVER_HZ = 2000.0
_HIGH_DECAY = 0.6  # high frequencies fade this much sooner


@dataclass(frozen=True, kw_only=True)
class Room:
    """A shoebox room with somebody who speaks and a microphone; all in metres from one corner.

    Attributes:
        rt60_s: time in which the reverberation falls by 60 dB (below 2 kHz; above, it falls sooner).
    """

    size_m: Point
    source_m: Point
    microphone_m: Point
    rt60_s: float

    def __post_init__(self) -> None:
        checked_value(self.rt60_s, 0.05, 3.0, "rt60_s")
        for name, point in (("source_m", self.source_m), ("microphone_m", self.microphone_m)):
            if not all(0 < x < size for x, size in zip(point, self.size_m, strict=True)):
                raise InputError(f"{name} {point} lies outside the room {self.size_m}; put it inside")

    @property
    def distance_m(self) -> float:
        return float(np.linalg.norm(np.subtract(self.source_m, self.microphone_m)))

    @property
    def volume_m3(self) -> float:
        return float(np.prod(self.size_m))

    @property
    def reflection(self) -> float:
        """Amplitude that a wall returns (Eyring's formula)."""
        x, y, z = self.size_m
        surface = 2 * (x * y + y * z + z * x)
        return float(np.exp(-0.161 * self.volume_m3 / (surface * self.rt60_s) / 2))


def draw_room(rng: np.random.Generator, *, size: RoomSize | None = None, distance: Distance | None = None) -> Room:
    """A random room. What is not given is drawn: size and distance half and half."""
    size = size or ("small" if rng.random() < 0.5 else "large")
    distance = distance or ("near" if rng.random() < 0.5 else "far")
    extent = tuple(float(rng.uniform(*side)) for side in _SIZES_M[size])
    rt60_s = float(rng.uniform(*_RT60_S[size]))
    apart = float(rng.uniform(*_DISTANCES_M[size, distance]))
    low, high = np.full(3, _WALL_M), np.asarray(extent) - _WALL_M
    low[2], high[2] = 0.6, 1.9
    while True:
        source = rng.uniform(low, high)
        direction = rng.standard_normal(3) * (1.0, 1.0, 0.2)
        microphone = source + apart * direction / np.linalg.norm(direction)
        if np.all((microphone >= low) & (microphone <= high)):
            return Room(size_m=_point(extent), source_m=_point(source), microphone_m=_point(microphone), rt60_s=rt60_s)
        apart *= 0.98  # a distance that hardly fits is shortened in the end


def impulse_response(room: Room, rng: np.random.Generator) -> Sound:
    """What the microphone hears of a click: float32 [N], energy 1, the direct path at sample 0 and nothing before it.

    `rng` draws the tail; it starts at the room's mixing time with the energy that the distance and the critical distance ask for.
    """
    mixing_s = float(np.clip(2e-3 * np.sqrt(room.volume_m3), 0.02, 0.06))
    samples = int(SAMPLE_RATE * max(0.8 * room.rt60_s, 1.5 * mixing_s))
    mixing = int(SAMPLE_RATE * mixing_s)
    response = np.zeros(samples, np.float32)
    delays_I, gains_I = _images(room, mixing_s)
    response[: mixing + 1] += np.bincount(delays_I, gains_I, mixing + 1)[: mixing + 1].astype(np.float32)
    tail = _tail(room, samples, rng)
    fade = np.clip((np.arange(samples) - mixing) / (0.005 * SAMPLE_RATE) + 1, 0, 1).astype(np.float32)
    response += tail * fade
    return response / np.float32(np.sqrt(np.sum(np.square(response, dtype=np.float64))))


def reverberate(sound: Sound, response: Sound) -> Sound:
    """The sound in the room, as long as before (what rings on after its end is cut: give the whole track, or pad it).

    Raises:
        InputError: no usable sound or response.
    """
    sound, response = checked(sound), checked(response, "response")
    out: Sound = scipy.signal.oaconvolve(sound, response)[: len(sound)]
    return out.astype(np.float32, copy=False)


def _images(room: Room, until_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Delays in samples after the direct path and amplitudes relative to it, for all image sources up to `until_s`."""
    farthest = room.distance_m + until_s * SPEED_OF_SOUND
    axes = []
    for size, source, microphone in zip(room.size_m, room.source_m, room.microphone_m, strict=True):
        turns = int(farthest / (2 * size)) + 1
        n = np.arange(-turns, turns + 1)
        even, odd = 2 * n * size + source - microphone, 2 * n * size - source - microphone
        axes.append((np.concatenate([even, odd]), np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)])))
    (x, bounce_x), (y, bounce_y), (z, bounce_z) = axes
    distance_I = np.sqrt(np.square(x)[:, None, None] + np.square(y)[None, :, None] + np.square(z)[None, None, :]).ravel()
    bounces_I = (bounce_x[:, None, None] + bounce_y[None, :, None] + bounce_z[None, None, :]).ravel()
    near = distance_I <= farthest
    distance_I, bounces_I = distance_I[near], bounces_I[near]
    delays_I = np.round((distance_I - room.distance_m) / SPEED_OF_SOUND * SAMPLE_RATE).astype(np.int64)
    return np.maximum(delays_I, 0), room.reflection**bounces_I * room.distance_m / distance_I


def _tail(room: Room, samples: int, rng: np.random.Generator) -> Sound:
    """Diffuse sound relative to a direct path of 1: (distance / critical distance)^2 of its energy, decaying by 60 dB in rt60."""
    critical_m = 0.057 * np.sqrt(room.volume_m3 / room.rt60_s)
    t = np.arange(samples, dtype=np.float32) / np.float32(SAMPLE_RATE)
    first = room.distance_m / SPEED_OF_SOUND
    start = room.distance_m / critical_m * np.sqrt(13.8 / room.rt60_s / SAMPLE_RATE) * np.exp(-6.9 * first / room.rt60_s)
    noise = rng.standard_normal(samples, dtype=np.float32)
    pole = np.float32(np.exp(-2 * np.pi * _CROSSOVER_HZ / SAMPLE_RATE))
    low = scipy.signal.lfilter([1 - pole], [1.0, -pole], noise).astype(np.float32)
    slow = np.exp(np.float32(-6.9 / room.rt60_s) * t)
    fast = np.exp(np.float32(-6.9 / room.rt60_s / _HIGH_DECAY) * t)
    tail: Sound = np.float32(start) * (low * slow + (noise - low) * fast)
    return tail


def _point(values: "np.ndarray | tuple[float, ...]") -> Point:
    x, y, z = (round(float(v), 3) for v in values)
    return x, y, z
