"""Sentences become conversations: to transcribe, to say, to keep quiet through."""
# N samples, T frames, K codebooks, n tokens

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from roboego.data.acoustics.condition import Condition, apply
from roboego.data.voices.base import Sound, Spoken, TimedWord
from roboego.data.workshop import ASR_DELAY_FRAMES, Workshop
from roboego.streams.alphabet import PUNCTUATION, words
from roboego.streams.conversation import Caption, Conversation, Reply
from roboego.streams.tokenizer import TextCodec
from roboego.timebase import (
    FRAME_S,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    frames_to_seconds,
    samples_to_frames,
    samples_to_seconds,
    seconds_to_samples,
)

EGO_GAIN = 1.5
"""Ego's voice is stored and encoded at this gain over its engine's level: peaks near one half."""
TAIL_FRAMES = 2
"""Frames after a sentence that still belong to its codes."""


def reply_to_say(
    spoken: Spoken,
    shop: Workshop,
    *,
    start_s: float | None = None,
    speech_start_s: float | None = None,
    forced: bool = False,
    late: int = 0,
) -> Reply:
    """A sentence in Ego's voice as a reply: tokens, codes, and when each token has become audible.

    Args:
        late: samples from the start of its first frame to the start of the sentence. The same sentence has other codes at each, so where
            they vary, how it sounds is learned, and not its codes by heart.
    """
    pcm = np.concatenate([np.zeros(late, np.float32), spoken.pcm * EGO_GAIN, np.zeros(TAIL_FRAMES * FRAME_SAMPLES, np.float32)])
    tokens = np.asarray(shop.tokenizer.encode(spoken.text), np.int32)
    return Reply(
        tokens=tokens,
        codes=shop.encode(pcm),
        token_ends_s=samples_to_seconds(late) + token_ends(tokens, spoken.words, len(spoken.pcm), shop.tokenizer),
        start_s=start_s,
        speech_start_s=speech_start_s,
        forced=forced,
    )


def token_ends(tokens: NDArray[np.int32], timed: Sequence[TimedWord], samples: int, tokenizer: TextCodec) -> NDArray[np.float64]:
    """When each token has become audible, in seconds from the start of speech.

    A word's pieces share its time in proportion to their letters; the pause after a word belongs to the punctuation there. (In a foreign
    vocabulary the space before a word can be a piece of its own, and a piece less than a letter: neither is punctuation.)
    """
    starts = [i for i, t in enumerate(tokens) if i == 0 or tokenizer.starts_word(int(t))]
    if len(starts) != len(timed):
        raise ValueError(f"{len(starts)} words have {len(timed)} times")
    ends = np.zeros(len(tokens))
    for w, first in enumerate(starts):
        last = starts[w + 1] if w + 1 < len(starts) else len(tokens)
        pieces = [tokenizer.piece(int(t)).strip() for t in tokens[first:last]]
        letters = [len(piece.strip(PUNCTUATION)) for piece in pieces]
        share = np.cumsum(letters) / max(sum(letters), 1)
        word_end = timed[w].start + share * (timed[w].end - timed[w].start)
        following = timed[w + 1].start if w + 1 < len(timed) else samples
        marks = [bool(piece) and not count for piece, count in zip(pieces, letters, strict=True)]
        ends[first:last] = np.where(marks, following, word_end)
    return np.maximum.accumulate(ends) / SAMPLE_RATE


def saying(spoken: Spoken, shop: Workshop, rng: np.random.Generator, *, background: Sound | None = None) -> Conversation:
    """Ego says a given sentence; it hears silence, or `background`."""
    lead = int(rng.integers(0, 4))
    reply = reply_to_say(spoken, shop, start_s=frames_to_seconds(lead), forced=True, late=int(rng.integers(FRAME_SAMPLES)))
    frames = lead + 8 + len(reply.codes) + int(rng.integers(4, 20))
    heard = np.tile(shop.silence, (frames, 1)) if background is None else shop.heard(background[: frames * FRAME_SAMPLES])
    return Conversation(heard=heard[:frames], mode="tts", replies=(reply,))


def transcribing(
    spoken: Spoken, shop: Workshop, condition: Condition, rng: np.random.Generator, *, babble: Sequence[Sound] = ()
) -> Conversation:
    """Ego writes down what somebody says."""
    lead = rng.uniform(0.2, 1.4)
    # After the last word there is time to write it down, in however many pieces.
    tail = (ASR_DELAY_FRAMES + len(shop.tokenizer.encode(spoken.text)) // 2 + rng.uniform(2, 10)) * FRAME_S
    pcm = np.zeros(samples_to_frames(seconds_to_samples(lead + tail) + len(spoken.pcm)) * FRAME_SAMPLES, np.float32)
    offset = seconds_to_samples(lead)
    pcm[offset : offset + len(spoken.pcm)] = at_level(spoken.pcm, rng)
    captions = tuple(
        Caption(
            start_s=samples_to_seconds(offset + w.start),
            end_s=samples_to_seconds(offset + w.end),
            tokens=np.asarray(shop.tokenizer.encode(" ".join(words(w.text))), np.int32),
        )
        for w in spoken.words
    )
    return Conversation(heard=shop.heard(apply(condition, pcm, rng, babble=babble)), mode="asr", captions=captions)


def at_level(pcm: Sound, rng: np.random.Generator) -> Sound:
    """A voice at a level that peaks at -18 to 0 dB below one half of full scale."""
    scaled: Sound = (pcm * (0.5 * 10 ** (rng.uniform(-14, 2) / 20) / max(float(np.abs(pcm).max()), 1e-3))).astype(np.float32)
    return scaled
