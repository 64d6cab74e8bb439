"""An independent listener: Whisper tiny writes down what was said, so that no model of ours judges itself."""

import numpy as np
import soxr
from numpy.typing import NDArray

from roboego.data.whisper import WHISPER_RATE, open_whisper
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


class WhisperJudge:
    """Two runs over the same sound give the same text: greedy temperature, no earlier text as context.

    Args:
        threads: CPU threads; several judges in several processes with one thread each are faster than one with many.
        beam: hypotheses kept while decoding.
    Raises:
        InputError: the extra `eval` is not installed.
    """

    name = "whisper-tiny.en-int8"

    def __init__(self, *, threads: int = 1, beam: int = 5) -> None:
        self._model = open_whisper(threads=threads)
        self._beam = beam

    def transcribe(self, pcm: NDArray[np.float32], *, sample_rate: int = SAMPLE_RATE) -> str:
        """What is said in `pcm`, as Whisper writes it: with capitals, digits and punctuation; empty where nothing is.

        Args:
            pcm: mono float32 [N] in [-1, 1].
        Raises:
            InputError: not mono, or NaN or infinite samples.
        """
        if pcm.ndim != 1 or not np.isfinite(pcm).all():
            raise InputError(f"the judge hears one channel of finite samples, not an array of shape {pcm.shape}; mix down and clean first")
        if not np.any(pcm):
            return ""
        sound = soxr.resample(np.asarray(pcm, np.float32), sample_rate, WHISPER_RATE) if sample_rate != WHISPER_RATE else pcm
        segments, _ = self._model.transcribe(
            np.ascontiguousarray(sound, np.float32),
            language="en",
            beam_size=self._beam,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        return " ".join(segment.text.strip() for segment in segments).strip()
