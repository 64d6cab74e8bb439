"""A cascade to compare with: voice detector, Whisper, a language model, a voice, one after the other, each a library that many use.

Only its latency is measured. The language model has the shape of Qwen2.5-0.5B and random weights, since none come with a package: what it
writes is nonsense and takes as long as sense would. What is said is the right answer.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roboego.data.voices.base import Sound
from roboego.data.voices.neural import HibariVoice
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.semi_duplex import Gate
from roboego.metrics.intervals import bootstrap_median
from roboego.streams.alphabet import words

QWEN_05B: dict[str, Any] = {
    "vocab_size": 151_936, "hidden_size": 896, "intermediate_size": 4_864, "num_hidden_layers": 24, "num_attention_heads": 14,
    "num_key_value_heads": 2, "max_position_embeddings": 4_096, "tie_word_embeddings": True,
}  # fmt: skip
PROMPT_TOKENS = 40
"""Of the instructions before what the user said."""
TOKENS_A_WORD = 1.3
"""Of English in such a vocabulary, about."""


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Seconds that each part of one reply took, up to its first sound."""

    detector_s: float
    asr_s: float
    llm_s: float
    tts_s: float

    @property
    def reply_s(self) -> float:
        return self.detector_s + self.asr_s + self.llm_s + self.tts_s


class Cascade:
    """The parts, loaded once. Raises an InputError or ModuleNotFoundError if an extra (`data`, `eval`, `hub`) is missing."""

    def __init__(self, gate: Gate | None = None, shape: dict[str, Any] | None = None) -> None:
        from transformers import Qwen2Config, Qwen2ForCausalLM

        self.gate = gate or Gate()
        self.ear, self.voice = WhisperJudge(threads=torch.get_num_threads(), beam=1), HibariVoice()
        self.llm: Any = Qwen2ForCausalLM(Qwen2Config(**(shape or QWEN_05B))).bfloat16().train(False)

    @torch.no_grad()
    def reply(self, heard: Sound, answer: str) -> Stages:
        """How long it takes to answer a turn [N]. The voice begins when the first sentence of the answer is written."""
        text, asr_s = _timed(lambda: self.ear.transcribe(heard))
        first = answer.split(". ")[0]
        written = max(1, round(TOKENS_A_WORD * len(words(first))))
        given = torch.zeros(1, PROMPT_TOKENS + round(TOKENS_A_WORD * len(text.split())), dtype=torch.long)
        options = {"max_new_tokens": written, "min_new_tokens": written, "do_sample": False, "pad_token_id": 0}
        _, llm_s = _timed(lambda: self.llm.generate(given, attention_mask=torch.ones_like(given), **options))
        _, tts_s = _timed(lambda: self.voice.say(first, np.random.default_rng(0)))
        return Stages(detector_s=self.gate.end_s, asr_s=asr_s, llm_s=llm_s, tts_s=tts_s)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def summary(stages: Sequence[Stages]) -> dict[str, Any]:
    """Medians, in seconds; the first reply, which warms everything up, does not count."""
    counted = stages[1:] or stages
    parts = {name: float(np.median([getattr(s, name) for s in counted])) for name in ("detector_s", "asr_s", "llm_s", "tts_s")}
    replies = [s.reply_s for s in counted]
    interval = bootstrap_median(replies)
    reply = {
        "median": float(np.median(replies)),
        "p90": float(np.quantile(replies, 0.9)),
        "median_interval": [interval.low, interval.high],
        "of": len(replies),
    }
    return {"reply_s": reply, "parts_s": parts}
