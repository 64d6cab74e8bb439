"""Loss weights: how much each frame of each stream counts in training, by what is going on."""
# T frames

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roboego.streams.conversation import Mode
from roboego.streams.grid import Tokens, Weights
from roboego.streams.layout import StreamLayout


@dataclass(frozen=True, kw_only=True)
class WeightConfig:
    """Weights by stream and situation.

    Dividing the weight of `<wait>` by ten multiplies the odds of speaking by ten. So waits count in full wherever speaking would be
    wrong; only those of a reply under way, where nothing else is to be decided, may count less.

    Attributes:
        token, cut: what Ego writes (forced tokens count 0).
        wait: waits while listening, pausing or silent.
        wait_speaking: waits while speech catches up with a text of Ego's own (a forced one has full waits).
        wait_asr: waits between the words of a transcription.
        speech: frames of speech; the frames from the first token of a reply to its speech; `tail` frames after its end or cut.
        tail: frames of silence after speech that count like speech, so that speech is learned to stop.
        silence: other frames without speech.
        silence_asr: the same while Ego transcribes.
        spoken: frames of a reply under way (from its first token to the end of its speech or its cut).
        act: frames of a motion.
        rest: frames without one.
    """

    token: float = 1.0
    cut: float = 1.0
    wait: float = 1.0
    wait_speaking: float = 0.2
    wait_asr: float = 1.0
    speech: float = 1.0
    tail: int = 10
    silence: float = 0.1
    silence_asr: float = 0.1
    spoken: float = 1.0
    act: float = 1.0
    rest: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where a reply lies in a grid, in frames.

    Attributes:
        start: of its first token.
        written: the one after its last token.
        speech, speech_end: of its speech (the first frame, and the one after the last).
        heard_out: frame after the last in which a token became audible; `start` if none did.
        cut: of `<cut>`, if any.
        stop: of the next reply's first token, or T.
        forced: its text is given.
    """

    start: int
    written: int
    speech: int
    speech_end: int
    heard_out: int
    cut: int | None
    stop: int
    forced: bool

    @property
    def over(self) -> int:
        """Frame at which the reply is no longer under way."""
        if self.cut is not None:
            return self.cut
        return min(max(self.written, self.speech, self.speech_end, self.heard_out), self.stop)


def text_weights(text: Tokens, spans: Sequence[Span], mode: Mode, layout: StreamLayout, config: WeightConfig) -> Weights:
    """[T] weights of the text stream `text` [T]."""
    waits = text == layout.text.wait
    weight = np.full(len(text), config.token, np.float32)
    weight[waits] = config.wait_asr if mode == "asr" else config.wait
    for span in spans:
        under_way = slice(span.start, span.over)
        if span.forced:
            weight[under_way][~waits[under_way]] = 0.0
        else:
            weight[under_way][waits[under_way]] = config.wait_speaking
        if span.cut is not None:
            weight[span.cut] = config.cut
    return weight


def speak_weights(frames: int, spans: Sequence[Span], mode: Mode, config: WeightConfig) -> Weights:
    """[T] weights of the speech stream."""
    weight = np.full(frames, config.silence_asr if mode == "asr" else config.silence, np.float32)
    for span in spans:
        weight[span.start : span.speech_end + config.tail if span.speech_end > span.speech else span.speech] = config.speech
        if span.cut is not None:
            weight[span.cut : span.cut + config.tail] = config.speech
    return weight


def spoken_weights(frames: int, spans: Sequence[Span], config: WeightConfig) -> Weights:
    """[T] weights of the count of audible tokens."""
    weight = np.zeros(frames, np.float32)
    for span in spans:
        weight[span.start : span.over] = config.spoken
    return weight
