"""Shards of FrameGrids from speech banks: what both stages learn from. The same from the same seed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from roboego.data.acoustics.condition import Condition, draw_condition
from roboego.data.acoustics.voice_change import changed_voice
from roboego.data.crowd import Crowd
from roboego.data.exercises import saying, transcribing
from roboego.data.shards import ShardWriter
from roboego.data.speech_bank import SpeechBank
from roboego.data.word_times import with_word_times
from roboego.data.workshop import ASR_DELAY_FRAMES, Workshop, open_workshop
from roboego.errors import InputError
from roboego.streams.conversation import Conversation
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers.text_first import TextFirst
from roboego.streams.organizers.weights import WeightConfig


@dataclass(frozen=True, kw_only=True)
class GridJob:
    """One shard to make: a slice of a bank, turned into grids.

    Attributes:
        kind: "asr" or "tts".
        tools: folder that holds codec/ and tokenizer.json.
        backbone: folder of the decoder whose vocabulary is used, instead of that in `tools`.
        change: share of sentences said by a changed speaker (pitch, formants, tempo).
        severity: of the listening conditions; 0 is clean.
    """

    out: Path
    kind: str
    tools: Path
    bank: Path
    name: str
    first: int
    count: int
    layout: StreamLayout
    change: float = 0.0
    severity: float = 1.0
    seed: int = 0
    backbone: Path | None = None


def organizer(layout: StreamLayout, shop: Workshop) -> TextFirst:
    """Text first, as nano learns it."""
    weights = WeightConfig(wait_speaking=1.0)
    return TextFirst(layout, silence=shop.silence, asr_delay=ASR_DELAY_FRAMES, weights=weights, starts_word=shop.tokenizer.starts_word)


def make_grids(job: GridJob) -> Path:
    """Makes one shard, unless it is there already. Sentences whose times do not fit their tokens are left out."""
    if job.out.exists():
        return job.out
    torch.set_num_threads(1)
    shop = open_workshop(job.tools, job.backbone)
    arrange = organizer(job.layout, shop)
    bank, crowd = SpeechBank(job.bank, (job.name,)), Crowd(job.bank)
    if job.first >= len(bank):
        raise InputError(
            f"{job.name} in {job.bank} has {len(bank)} sentences, {job.out.name} starts at {job.first}; run: roboego synth speech"
        )
    rng = np.random.default_rng([job.seed, job.first])
    codec, tokenizer = shop.codec.fingerprint, shop.tokenizer.fingerprint
    job.out.parent.mkdir(parents=True, exist_ok=True)
    with ShardWriter(job.out, job.layout, codec_fingerprint=codec, tokenizer_fingerprint=tokenizer) as writer:
        for i in range(job.first, min(job.first + job.count, len(bank))):
            made = _exercise(job, bank, i, shop, rng, crowd)
            if made is not None:
                writer.add(arrange.arrange(made), {"text": bank.text(i), "voice": bank[i].voice, "mode": job.kind})
    return job.out


def _exercise(job: GridJob, bank: SpeechBank, i: int, shop: Workshop, rng: np.random.Generator, crowd: Crowd) -> Conversation | None:
    spoken = bank[i]
    if job.kind == "tts":
        return saying(spoken, shop, rng) if spoken.words else None
    if job.kind != "asr":
        raise InputError(f"no grids of kind {job.kind!r}; choose asr or tts")
    spoken = with_word_times(spoken, shop.aligner)
    if not spoken.words:
        return None
    if rng.random() < job.change:
        spoken = changed_voice(spoken, rng)
    condition = draw_condition(rng, severity=job.severity) if job.severity > 0 else Condition()
    return transcribing(spoken, shop, condition, rng, babble=crowd.babble(condition, rng))
