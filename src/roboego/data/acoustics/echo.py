"""Ego's own voice leaking back into its microphone."""

import numpy as np

from roboego.data.acoustics.rooms import Room, draw_room, impulse_response, reverberate
from roboego.data.acoustics.signal import checked, checked_value, filtered, from_db, rms
from roboego.data.voices.base import Sound
from roboego.timebase import seconds_to_samples


def leaked(playback: Sound, rng: np.random.Generator, *, level_db: float, delay_s: float, room: Room | None = None) -> Sound:
    """What the microphone hears of the loudspeaker: as long as the playback, to be added to what else it hears.

    A small loudspeaker (150 Hz to 8 kHz, slightly overdriven and lopsided), a room, a delay.

    Args:
        playback: what Ego plays, mono [N] at 24 kHz, on the same clock as the microphone.
        level_db: root mean square of the leak over that of the playback.
        delay_s: from playing to hearing.
        room: loudspeaker and microphone in a room; a small one is drawn by default.
    Raises:
        InputError: unusable sound or values.
    """
    playback = checked(playback, "playback")
    checked_value(level_db, -80, 0, "level_db")
    delay = seconds_to_samples(checked_value(delay_s, 0, 1, "delay_s"))
    loudness = rms(playback)
    if loudness == 0:
        return np.zeros_like(playback)
    drive = float(rng.uniform(0.3, 1.2)) / float(np.abs(playback).max())
    driven = playback * np.float32(drive)
    bent = np.tanh(driven + np.float32(rng.uniform(0, 0.1)) * np.square(driven))
    small = filtered(bent, lambda hz: 1 / np.sqrt(1 + (150 / np.maximum(hz, 1)) ** 6) / np.sqrt(1 + (hz / 8000) ** 8))
    heard = reverberate(small, impulse_response(room or draw_room(rng, size="small", distance="near"), rng))
    heard = heard * np.float32(loudness * from_db(level_db) / rms(heard))
    return np.concatenate([np.zeros(min(delay, len(heard)), np.float32), heard[: max(len(heard) - delay, 0)]])
