"""What the organization of streams does to a model: how likely right replies are to it, and how it talks."""
# T columns, N reply pieces

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from roboego.data.acoustics.condition import Condition
from roboego.data.build import organizer
from roboego.data.dialogue import dialogue
from roboego.data.manners import CALM
from roboego.data.talk.answer import Exchange
from roboego.data.talk.sampling import sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import Sound
from roboego.data.voices.neural import HibariVoice
from roboego.data.workshop import Workshop
from roboego.evaluation import talk
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.partners import Partner
from roboego.evaluation.speech import parts, rates
from roboego.metrics.intervals import bootstrap_ratio
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.streams.grid import FrameGrid
from roboego.streams.organizers.base import StartsWord
from roboego.streams.pointer import is_piece
from roboego.training.lesson import collate

LISTENED_TO = 40
"""Conversations of which Whisper hears whether Ego said what it wrote."""


def held_out(loaded: LoadedModel, voices: Sequence[str], count: int) -> tuple[list[FrameGrid], list[FrameGrid]]:
    """Conversations of the test split as the model has them, the voices in turn, and what a transcription writes in each.

    Raises:
        InputError: the model lacks a codec, a tokenizer or a mode.
    """
    codec, tokenizer = parts(loaded)
    layout, shop, ego = loaded.model.config.layout, Workshop.of(codec, tokenizer), HibariVoice()
    lay, users = organizer(layout, shop), [open_voice(voice) for voice in voices]
    talks = []
    for i in range(count):
        rng = np.random.default_rng([i, 13])
        exchange = sample_exchange(rng, "test")
        talks.append(
            dialogue(exchange, users[i % len(users)], ego, shop, rng, spk_delay=layout.spk_delay, condition=Condition(), manners=CALM)
        )
    return [lay.arrange(talk) for talk in talks], [lay.arrange(replace(talk, mode="asr", replies=())) for talk in talks]


@torch.no_grad()
def likelihood(model: RoboEgoModel, grids: Sequence[FrameGrid], captions: Sequence[FrameGrid], starts_word: StartsWord) -> dict[str, Any]:
    """Negative log-likelihood of a reply's word, in nats, with everything before it given.

    Of pieces of words among all such pieces: whether and when to write is another question, which each organization asks in its own way.

    Args:
        captions: as transcripts of a training pool.
    """
    text = model.config.layout.text
    sums: list[float] = []
    words: list[int] = []
    for grid, caption in zip(grids, captions, strict=True):
        batch, _ = collate([grid])
        batch.caption = torch.from_numpy(caption.text)[None].long()
        piece_T = is_piece(batch.text[0], text)
        logits_NV = model.text_logits(model.hidden(batch))[0, piece_T].float()
        logits_NV[:, ~is_piece(torch.arange(text.ids), text)] = -torch.inf
        said_N = batch.text[0, piece_T]
        if not len(said_N):
            continue
        sums.append(-float(logits_NV.log_softmax(-1).gather(1, said_N[:, None]).sum()))
        words.append(sum(starts_word(token) for token in said_N.tolist()))
    interval = bootstrap_ratio(sums, [float(n) for n in words])
    return {"nats_a_word": sum(sums) / sum(words), "interval": [interval.low, interval.high], "words": sum(words)}


def conversation(partner: Partner, spoken: Sequence[tuple[Exchange, Sequence[Sound]]], judge: WhisperJudge) -> dict[str, Any]:
    """Right answers, latency and floor taken early as in the suite `talk`; and the WER of what is heard of Ego beside what it wrote."""
    pairs: list[tuple[str, str]] = []

    def look(questions: Sequence[talk.Question], talked: talk.Talked) -> None:
        written = "".join(frame.text for frame in talked.frames).strip()
        if written and len(pairs) < LISTENED_TO:
            pairs.append((written, judge.transcribe(talked.ego)))

    found = talk.summary(talk.ask(partner, spoken, look=look), [])
    kept = {name: found[name] for name in ("questions", "answered_right", "took_floor_early", "no_reply", "latency_s", "captions")}
    return kept | {"said_as_written": rates(pairs) if pairs else None}
