"""Held-out material, made from seeds when first asked for and kept: sentences, exchanges and backgrounds that no training has seen."""

import zlib
from functools import cache, partial
from pathlib import Path

import numpy as np

from roboego.data.acoustics.condition import Condition, apply, preset
from roboego.data.speech_bank import SENTENCES_PER_SHARD, BankJob, SpeechBank, make_shard
from roboego.data.talk.answer import Exchange
from roboego.data.talk.sampling import Side, sample_exchange, sample_sentence
from roboego.data.voices import ACCENTS, open_voice
from roboego.data.voices.base import Sound
from roboego.timebase import seconds_to_samples

BACKGROUNDS = ("fan-20db", "street-20db", "babble-20db", "music-20db", "fan-10db", "street-10db", "babble-10db", "music-10db")
IN_CROWD = 2
"""Sentences of each voice in `crowd`."""


def sentences(folder: Path, voice: str, count: int, *, side: Side = "user") -> SpeechBank:
    """At least `count` held-out sentences spoken by `voice`; the first ones are always the same."""
    name = f"{side}-test-{voice}"
    for shard in range(-(-count // SENTENCES_PER_SHARD)):
        source = partial(sample_sentence, split="test", side=side)
        make_shard(BankJob(folder=folder, name=name, voice=voice, source=source, shard=shard, seed=zlib.crc32(name.encode())))
    return SpeechBank(folder, (name,))


def exchanges(voice: str, questions: int, *, seed: int = 0) -> list[tuple[Exchange, list[Sound]]]:
    """Held-out exchanges with at least `questions` turns in all, spoken by `voice` at an even level."""
    rng = np.random.default_rng([seed, 7])
    speaker = open_voice(voice)
    found: list[tuple[Exchange, list[Sound]]] = []
    turns = 0
    while turns < questions:
        exchange = sample_exchange(rng, "test", turns=int(rng.integers(1, 4)))
        found.append((exchange, [level(speaker.say(t.user, rng).pcm) for t in exchange.turns]))
        turns += len(exchange.turns)
    return found


@cache
def crowd() -> tuple[Sound, ...]:
    """Held-out sentences of voices that no training hears, of which babble is mixed: always the same."""
    rng = np.random.default_rng(13)
    return tuple(open_voice(voice).say(sample_sentence(rng, "test"), rng).pcm for voice in ACCENTS for _ in range(IN_CROWD))


def silences(count: int, seconds: float = 10.0, *, seed: int = 0) -> list[Sound]:
    """Backgrounds in which no voice is near: half digital silence, half fans, streets, music and many voices far away, 20 and
    10 dB below what speech would have."""
    rng = np.random.default_rng([seed, 11])
    still = np.zeros(seconds_to_samples(seconds), np.float32)
    found = []
    for i in range(count):
        condition = Condition() if i % 2 == 0 else preset(BACKGROUNDS[i // 2 % len(BACKGROUNDS)])
        found.append(apply(condition, still, rng, babble=crowd() if condition.noise == "babble" else ()))
    return found


def level(pcm: Sound, peak: float = 0.35) -> Sound:
    """Sound scaled to a peak."""
    scaled: Sound = (pcm * (peak / max(float(np.abs(pcm).max()), 1e-6))).astype(np.float32)
    return scaled
