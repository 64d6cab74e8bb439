"""Music by throws of dice: a chord progression with pads, an arpeggio, a bass and sometimes drums."""

import numpy as np

from roboego.data.voices.base import Sound
from roboego.timebase import SAMPLE_RATE

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (5, 3, 0, 4), (0, 3, 0, 4), (1, 4, 0, 0), (0, 6, 5, 6))
_TABLE = 4096
_EIGHTHS = 8  # in a bar


def music(samples: int, rng: np.random.Generator) -> Sound:
    """A piece cut out of the middle: float32 [samples], level arbitrary."""
    eighth = int(30 / rng.uniform(70, 140) * SAMPLE_RATE)
    skipped = int(rng.integers(0, _EIGHTHS * eighth)) + SAMPLE_RATE
    out = np.zeros(samples + skipped + 4 * SAMPLE_RATE, np.float32)
    scale = _MAJOR if rng.random() < 0.6 else _MINOR
    root = int(rng.integers(43, 56))
    progression = _PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))]
    pad, lead, bass = (_timbre(rng, partials) for partials in (4, 6, 3))
    drums, lead_rests, swing = rng.random() < 0.5, rng.uniform(0, 0.5), rng.uniform(0, 0.15)
    pad_level, lead_level = rng.uniform(0.2, 0.8), rng.uniform(0.4, 1.0)
    for bar in range((samples + skipped) // (_EIGHTHS * eighth) + 1):
        start = bar * _EIGHTHS * eighth
        degree = progression[bar % len(progression)]
        chord = [root + scale[(degree + step) % 7] + 12 * ((degree + step) // 7) for step in (0, 2, 4)]
        for pitch in chord:
            _play(out, start, pitch + 12, _EIGHTHS * eighth, pad, pad_level, attack_s=0.15, fade_s=2.0)
        for beat in range(_EIGHTHS):
            at = start + beat * eighth + (int(swing * eighth) if beat % 2 else 0)
            if beat % 4 == 0:
                _play(out, at, chord[0] - 12, 3 * eighth, bass, 1.0, attack_s=0.01, fade_s=0.6)
            if rng.random() > lead_rests:
                pitch = chord[int(rng.integers(3))] + 12 * int(rng.integers(1, 3))
                _play(out, at, pitch, 2 * eighth, lead, lead_level * rng.uniform(0.6, 1.0), attack_s=0.006, fade_s=0.3)
            if drums:
                _hit(out, at, rng, loud=0.8 if beat % 4 == 2 else 0.2, fade_s=0.06 if beat % 4 == 2 else 0.015)
    return out[skipped : skipped + samples]


def _timbre(rng: np.random.Generator, partials: int) -> Sound:
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    strengths = rng.uniform(0.1, 1, partials) / np.arange(1, partials + 1) ** rng.uniform(0.5, 1.5)
    return np.asarray(np.sin(np.outer(np.arange(1, partials + 1), turn)).T @ strengths, np.float32)


def _play(out: Sound, at: int, midi: int, samples: int, table: Sound, loud: float, *, attack_s: float, fade_s: float) -> None:
    part = out[at : at + samples]
    t = np.arange(len(part), dtype=np.float32)
    step = 440 * 2 ** ((midi - 69) / 12) / SAMPLE_RATE * _TABLE
    tone = table[(t * np.float32(step)).astype(np.int32) % _TABLE]
    release = 0.02 * SAMPLE_RATE
    envelope = np.minimum(t / np.float32(attack_s * SAMPLE_RATE), 1) * np.minimum((samples - t) / np.float32(release), 1)
    part += tone * envelope * np.exp(t * np.float32(-1 / (fade_s * SAMPLE_RATE))) * np.float32(loud)


def _hit(out: Sound, at: int, rng: np.random.Generator, *, loud: float, fade_s: float) -> None:
    part = out[at : at + int(6 * fade_s * SAMPLE_RATE)]
    fade = np.exp(np.arange(len(part), dtype=np.float32) * np.float32(-1 / (fade_s * SAMPLE_RATE)))
    part += rng.standard_normal(len(part), dtype=np.float32) * fade * np.float32(loud)
