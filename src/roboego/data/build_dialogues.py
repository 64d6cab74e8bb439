"""Shards of dialogues and silences for the second stage."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from roboego.data.acoustics.condition import Condition, draw_condition
from roboego.data.acoustics.voice_change import draw_speaker
from roboego.data.build import organizer
from roboego.data.crowd import Crowd
from roboego.data.dialogue import dialogue, silence, unbroken
from roboego.data.grounded.subjects import Subject, Told
from roboego.data.manners import Manners
from roboego.data.shards import ShardWriter
from roboego.data.talk.answer import Exchange
from roboego.data.talk.sampling import Split, sample_aside, sample_calling, sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import PacedVoice, Sound, Voice
from roboego.data.voices.neural import HibariVoice
from roboego.data.workshop import Workshop, open_workshop
from roboego.streams.conversation import Conversation
from roboego.streams.layout import StreamLayout

OFFERED, SILENCE_S = 0.3, (6.0, 14.0)
"""Share of the silences that last until Ego asks whether help is needed; seconds of the others."""


@dataclass(frozen=True, kw_only=True)
class DialogueJob:
    """One shard to make.

    Attributes:
        voice: who talks to Ego. A name that ends in "-changed", and a share `change` of the others' dialogues, get a speaker whose
            pitch, formants and tempo are drawn at random.
        silences: share of grids in which nobody speaks.
        stopping: share of the dialogues that end with the user telling Ego to stop, while it speaks.
        calling: share of the dialogues in which functions are declared; none are where the layout has no token for a call.
        transcript: a second shard, of the same tracks to be transcribed: what a slot in mode "asr" hears beside the one that answers.
        backbone: as in `roboego.data.build.GridJob`.
        speech: folder of the speech banks whose sentences are heard as babble; without it babble has no words.
        subject: what the dialogues are about; None: the Talk part of nano's world.
    """

    out: Path
    transcript: Path | None = None
    tools: Path
    layout: StreamLayout
    voice: str
    count: int
    split: Split = "train"
    change: float = 0.4
    severity: float = 0.7
    silences: float = 0.0
    stopping: float = 0.0
    calling: float = 0.0
    manners: Manners = field(default_factory=Manners)
    seed: int = 0
    backbone: Path | None = None
    speech: Path | None = None
    subject: Subject | None = None


def _silence(
    job: DialogueJob,
    user: Voice,
    ego: PacedVoice,
    shop: Workshop,
    rng: np.random.Generator,
    condition: Condition,
    babble: Sequence[Sound],
) -> Conversation:
    """One that is over before Ego would ask whether help is needed, or one in which it does."""
    if rng.random() < OFFERED:
        return unbroken(user, ego, shop, rng, spk_delay=job.layout.spk_delay, condition=condition, manners=job.manners, babble=babble)
    return silence(rng.uniform(*SILENCE_S), shop, rng, condition=condition, babble=babble)


def _exchange(job: DialogueJob, i: int, rng: np.random.Generator) -> Told:
    """Number `i` of the shard, and what to keep of its subject."""
    if job.subject is not None:
        return job.subject.drawn(i, rng, job.split)
    return _talk(job, rng), {}


def _talk(job: DialogueJob, rng: np.random.Generator) -> Exchange:
    calls = job.calling and job.layout.text.call is not None and rng.random() < job.calling
    if calls:
        return sample_calling(rng, job.split)
    if job.stopping and rng.random() < job.stopping:
        return sample_exchange(rng, job.split, turns=int(rng.integers(2, 4)), intent="stop")
    return sample_exchange(rng, job.split)


def make_dialogues(job: DialogueJob) -> Path:
    """Makes one shard, unless it is there already."""
    if job.out.exists():
        return job.out
    torch.set_num_threads(1)
    shop = open_workshop(job.tools, job.backbone)
    arrange = organizer(job.layout, shop)
    # A changed voice keeps one speaker through a dialogue, so the change is made here and not sentence by sentence.
    ego, user = HibariVoice(), open_voice(job.voice.removesuffix("-changed"))
    crowd = Crowd(job.speech)
    rng = np.random.default_rng(job.seed)
    codec, tokenizer = shop.codec.fingerprint, shop.tokenizer.fingerprint
    with ExitStack() as files:
        # Files appear in the reverse order, so a shard of dialogues is never without its transcript.
        writer, *transcripts = [
            files.enter_context(ShardWriter(path, job.layout, codec_fingerprint=codec, tokenizer_fingerprint=tokenizer))
            for path in (job.out, job.transcript)
            if path is not None
        ]
        while len(writer) < job.count:
            condition = draw_condition(rng, severity=job.severity) if rng.random() < job.severity else Condition()
            babble = crowd.babble(condition, rng)
            if rng.random() < job.silences:
                made, metadata = _silence(job, user, ego, shop, rng, condition, babble), {"mode": "silence"}
            else:
                exchange, kept = _exchange(job, len(writer), rng)
                speaker = draw_speaker(rng) if job.voice.endswith("-changed") or rng.random() < job.change else None
                delay = job.layout.spk_delay
                others = [sample_aside(rng, job.split)]
                made = dialogue(
                    exchange, user, ego, shop, rng,
                    spk_delay=delay, condition=condition, change=speaker, manners=job.manners, asides=others, babble=babble,
                )  # fmt: skip
                metadata = {
                    "mode": "dialogue",
                    "voice": job.voice,
                    "intent": exchange.intent,
                    "user": " | ".join(t.user or f"({t.read})" for t in exchange.turns),
                    "ego": " | ".join(t.ego for t in exchange.turns),
                    **kept,
                }
            writer.add(arrange.arrange(made), metadata)
            for transcript in transcripts:
                transcript.add(arrange.arrange(replace(made.transcription(), readings=())), metadata | {"mode": "asr"})
    return job.out
