"""nano's data: which voice says how much, and what becomes of it. Sizes are those of the shipped model at scale 1."""

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from roboego.data.build import GridJob
from roboego.data.build_dialogues import DialogueJob
from roboego.data.episodes import SUFFIX, EpisodeJob
from roboego.data.grounded.subjects import Episodes, Pictures, Subject
from roboego.data.lexicon_text import word_string
from roboego.data.manners import CALM, LIVELY, Manners
from roboego.data.speech_bank import SENTENCES_PER_SHARD, BankJob
from roboego.data.talk.grammar import Rng
from roboego.data.talk.jumble import jumbled_sentence
from roboego.data.talk.sampling import Side, Split, sample_sentence
from roboego.data.voices import EGO, LISTENERS, UNSEEN
from roboego.recipes import nano

WORDS = {
    EGO: 14, "heart-changed": 10, "joe": 6, "joe-changed": 4, "kokoro": 2, "espeak-en-us": 8, "espeak-en-gb": 3, "flite-kal16": 3,
}  # fmt: skip
"""Shards of a hundred sentences of subject-free words, for the codec, by voice."""
EGO_TRAIN = 90
USER_TRAIN = {EGO: 60, "joe": 12, "kokoro": 4, "espeak-en-us": 30, "espeak-en-gb": 20, "flite-kal16": 20}
"""The same of in-world sentences, most from the engines that speak fast. Ego's engine among the users is heard only with its pitch and
formants moved."""
JUMBLED = {EGO: 160, "espeak-en-us": 30, "espeak-en-gb": 20, "flite-kal16": 20, "joe": 12}
"""The same of jumbled sentences."""
HELD_OUT = {"validation": ("joe", EGO), "test": ("joe", "espeak-en-us", "kokoro", EGO, UNSEEN)}
DIALOGUES = {"joe": 46, "espeak-en-us": 45, "espeak-en-gb": 33, "flite-kal16": 39, "heart-changed": 85, "kokoro": 2}
"""Shards of a hundred dialogues by the voice that talks to Ego."""
LIVELY_DIALOGUES = {"heart-changed": 8, "joe": 5, "espeak-en-us": 5, "flite-kal16": 4, "espeak-en-gb": 3}
"""The same with a user who often interrupts."""
STOPPING = 0.35
"""Share of those that end with "stop". Else short words while Ego speaks are nearly always "uh huh", and "stop" is taken for one."""
CALLING_DIALOGUES = {"heart-changed": 9, "joe": 5, "espeak-en-us": 5, "flite-kal16": 4, "espeak-en-gb": 3}
"""The same with functions that Ego may call."""
LOUD_DIALOGUES = 3
"""Every so many shards are heard in noise down to 0 dB, and two conversations in three; the others in milder noise, and every other one."""
ASR_VARIANTS = {"joe": 2, "kokoro": 3}
"""How often each training sentence of the slow engines is heard, under another condition each time; those of the others once."""
NOISY = 0.35
"""Share of the shards whose sentences are heard once more, in noise as loud as they are, or softer."""
TTS_VARIANTS = 2
"""How often each training sentence is said, beginning elsewhere in a frame each time."""


DIALOGUE_SHARDS = ("dialogue-", "asr-dialogue-", "silence-")
"""How the names of shards begin that hold dialogues and silences."""
GROUNDED_SHARDS = ("seen-", "asr-seen-", "request-", "asr-request-")
"""The same of spoken dialogues at the table; all others hold sentences."""
SEEN_DIALOGUES, REQUESTS = 90, 200
"""Shards of dialogues about the pictures of a shard, and of requests for what is done in the episodes of one."""
AT_THE_TABLE = ("heart-changed", "espeak-en-us", "heart-changed", "flite-kal16", "joe", "heart-changed", "espeak-en-gb")
"""Who speaks in them, in turn."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things lie in a working folder."""

    root: Path

    @property
    def speech(self) -> Path:
        return self.root / "speech"

    @property
    def tools(self) -> Path:
        return self.root / "tools"

    @property
    def grids(self) -> Path:
        return self.root / "grids"

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def demonstrations(self) -> Path:
        return self.root / "demonstrations"


def banks(places: Places, scale: float = 1.0) -> list[BankJob]:
    """Every speech bank, most important first."""
    wanted: list[tuple[str, str, int]] = [(f"words-{voice}", voice, n) for voice, n in WORDS.items()]
    wanted += [(f"ego-train-{EGO}", EGO, EGO_TRAIN)]
    wanted += [(f"user-train-{voice}", voice, n) for voice, n in USER_TRAIN.items()]
    wanted += [(f"jumbled-train-{voice}", voice, n) for voice, n in JUMBLED.items()]
    for split, voices in HELD_OUT.items():
        wanted += [(f"user-{split}-{voice}", voice, 1) for voice in voices] + [(f"ego-{split}-{EGO}", EGO, 1)]
    jobs = []
    for name, voice, shards in wanted:
        kind, split = name.split("-")[:2]
        source = _source(kind, split)
        count = max(1, round(shards * scale))
        jobs += [
            BankJob(folder=places.speech, name=name, voice=voice, source=source, shard=i, seed=zlib.crc32(name.encode()))
            for i in range(count)
        ]
    return jobs


def _source(kind: str, split: str) -> Callable[[Rng], str]:
    if kind == "words":
        return word_string
    if kind == "jumbled":
        return partial(jumbled_sentence, split=cast(Split, split))
    return partial(sample_sentence, split=cast(Split, split), side=cast(Side, kind))


def grids(places: Places, scale: float = 1.0) -> list[GridJob]:
    """Transcribing and saying, for stage 1 and its validation. What Ego says is transcribed too, said by changed voices."""
    jobs = []
    made = banks(places, scale)
    shards = Counter(bank.name for bank in made)
    for bank in made:
        side, split = [*bank.name.split("-"), ""][:2]
        if side == "words" or split == "test":
            continue
        for kind in ("asr", "tts") if bank.voice == EGO else ("asr",):
            if kind == "asr" and side == "ego" and split != "train":
                continue
            variants = (ASR_VARIANTS.get(bank.voice, 1) if kind == "asr" else TTS_VARIANTS) if split == "train" else 1
            for variant in range(variants):
                jobs.append(_grid_job(places, bank, kind, variant, 0.4 if split == "train" else 0.0))
            if kind == "asr" and split == "train" and side != "ego" and bank.shard < NOISY * shards[bank.name]:
                jobs.append(_grid_job(places, bank, kind, variants, 1.0))
    return jobs


def _grid_job(places: Places, bank: BankJob, kind: str, variant: int, severity: float) -> GridJob:
    changed = 1.0 if bank.voice == EGO and kind == "asr" else 0.4 if bank.voice == "joe" else 0.0
    return GridJob(
        out=places.grids / f"{kind}-{bank.name}-{bank.shard:05d}-{variant}.grids",
        kind=kind,
        tools=places.tools,
        bank=places.speech,
        name=bank.name,
        first=bank.shard * SENTENCES_PER_SHARD,
        count=SENTENCES_PER_SHARD,
        layout=nano.layout(),
        change=changed if severity or bank.voice != "joe" else 0.0,
        severity=severity,
        seed=zlib.crc32(bank.name.encode()) + variant,
    )


def maker(prefix: str) -> str:
    """The command that makes the shards whose names start so."""
    if prefix.startswith(GROUNDED_SHARDS):
        return "roboego synth grounded"
    return "roboego synth dialogues" if prefix.startswith(DIALOGUE_SHARDS) else "roboego synth grids"


def dialogues(places: Places, scale: float = 1.0) -> list[DialogueJob]:
    """Dialogues and silences, for stage 2."""
    jobs = []
    kinds = (
        ("", DIALOGUES, Manners(), 0.0, 0.0),
        ("lively-", LIVELY_DIALOGUES, LIVELY, STOPPING, 0.0),
        ("calling-", CALLING_DIALOGUES, Manners(), 0.0, 1.0),
    )
    for kind, count, manners, stopping, calling in kinds:
        for voice, shards in count.items():
            for i in range(max(1, round(shards * scale))):
                name = f"dialogue-train-{kind}{voice}-{i:05d}"
                jobs.append(
                    DialogueJob(
                        out=places.grids / f"{name}.grids",
                        transcript=places.grids / f"asr-{name}.grids",
                        tools=places.tools,
                        layout=nano.layout(),
                        voice=voice,
                        count=SENTENCES_PER_SHARD,
                        manners=manners,
                        stopping=stopping,
                        calling=calling,
                        severity=1.0 if i % LOUD_DIALOGUES == 0 else 0.7,
                        seed=zlib.crc32(name.encode()),
                        speech=places.speech,
                    )
                )
    for i in range(max(1, round(4 * scale))):
        out = places.grids / f"silence-train-{i:05d}.grids"
        jobs.append(
            DialogueJob(
                out=out,
                tools=places.tools,
                layout=nano.layout(),
                voice=LISTENERS[2],
                count=SENTENCES_PER_SHARD,
                silences=1.0,
                seed=i,
                speech=places.speech,
            )
        )
    return jobs


def grounded(places: Places, scale: float = 1.0) -> list[DialogueJob]:
    """Spoken dialogues about pictures, and requests for what is done in episodes, for stage 2 with all streams."""
    about = Manners(lull=0.0, offer=0.0, left=0.0)
    asking = replace(CALM, pause=about.pause, trailing=about.trailing)
    jobs = []
    for i in range(max(1, round(SEEN_DIALOGUES * scale))):
        jobs.append(_grounded_job(places, "seen", i, Pictures(folder=places.pictures, shard=f"train-{i:05d}"), about, SENTENCES_PER_SHARD))
    for i in range(max(1, round(REQUESTS * scale))):
        episodes = EpisodeJob(folder=places.pictures, name="episodes-train", shard=i)
        subject = Episodes(folder=places.pictures, shard=episodes.out.name.removesuffix(SUFFIX))
        jobs.append(_grounded_job(places, "request", i, subject, asking, episodes.count))
    return jobs


def _grounded_job(places: Places, kind: str, i: int, subject: Subject, manners: Manners, count: int) -> DialogueJob:
    voice = AT_THE_TABLE[i % len(AT_THE_TABLE)]
    name = f"{kind}-train-{voice}-{i:05d}"
    return DialogueJob(
        out=places.grids / f"{name}.grids",
        transcript=places.grids / f"asr-{name}.grids",
        tools=places.tools,
        layout=nano.layout(),
        voice=voice,
        count=count,
        manners=manners,
        severity=0.5,
        seed=zlib.crc32(name.encode()),
        speech=places.speech,
        subject=subject,
    )
