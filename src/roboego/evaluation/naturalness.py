"""How good speech sounds, by a predictor of people's opinions: DNSMOS P.835 (arXiv 2110.01763), its weights inside `speechmos`."""
# N samples

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.metrics.intervals import bootstrap_ratio
from roboego.timebase import SAMPLE_RATE

RATE = 16_000
WINDOW = int(9.01 * RATE)
"""Samples that it hears at once; shorter sound is repeated."""
OVERALL = (-0.06766283, 1.11546468, 0.04602535)
"""From its third output, the overall quality, to opinions from 1 to 5, as its authors fitted it: quadratic, linear, constant."""


class DnsMos:
    """Overall quality of speech as listeners would rate it, from 1 (bad) to 5 (excellent).

    It was fitted to noisy and cleaned-up recordings of people, so it hears noise and distortion better than a strange melody.

    Raises:
        InputError: the extra `eval` is not installed.
    """

    name = "DNSMOS P.835 overall"

    def __init__(self) -> None:
        found = find_spec("speechmos")
        if found is None or not found.submodule_search_locations:
            raise InputError("how natural speech sounds is told by speechmos; run: pip install 'roboego[eval]'")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = Path(found.submodule_search_locations[0]) / "dnsmos_models" / "sig_bak_ovr.onnx"
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, pcm: Sound) -> float:
        """The opinion on sound [N] at 24 kHz; the mean over windows a second apart if it is long.

        Raises:
            InputError: there is none.
        """
        if not len(pcm):
            raise InputError("no sound to judge; give at least one sample")
        sound = soxr.resample(np.asarray(pcm, np.float32), SAMPLE_RATE, RATE)
        sound = np.tile(sound, -(-WINDOW // len(sound))).astype(np.float32) if len(sound) < WINDOW else sound
        starts = range(0, len(sound) - WINDOW + 1, RATE)
        raw = [float(self._session.run(None, {"input_1": sound[None, s : s + WINDOW]})[0][0][2]) for s in starts]
        return float(np.polyval(OVERALL, raw).mean())


def opinions(judge: DnsMos, sounds: Sequence[Sound]) -> dict[str, Any]:
    """The mean opinion with its interval."""
    each = [judge(s) for s in sounds]
    interval = bootstrap_ratio(each, [1.0] * len(each))
    return {"mos": float(np.mean(each)), "interval": [interval.low, interval.high], "of": len(each), "predictor": judge.name}
