"""The suites `asr`, `tts` and `codec`: what the model understands, whether it is understood, and what its codec loses."""

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from roboego.codecs.base import Codec
from roboego.data.acoustics.condition import apply, preset
from roboego.data.importing.recordings import librispeech, read_mono, wav_and_text
from roboego.data.voices import ACCENTS, EGO, LISTENERS, UNSEEN
from roboego.data.voices.base import Sound, Spoken
from roboego.data.workshop import steady_silence
from roboego.errors import InputError
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.material import crowd, level, sentences
from roboego.evaluation.naturalness import DnsMos, opinions
from roboego.evaluation.stages import synthesize, transcribe_codes
from roboego.metrics.turns import voiced_segments
from roboego.metrics.wer import error_rate, points_between, word_errors
from roboego.model.loaded import LoadedModel
from roboego.streams.tokenizer import TextCodec
from roboego.timebase import FRAME_SAMPLES, seconds_to_samples

Progress = Callable[[int, int], None]


def parts(loaded: LoadedModel) -> tuple[Codec, TextCodec]:
    """What these suites need of a model beside itself.

    Raises:
        InputError: it has no codec, no tokenizer, or lacks a mode.
    """
    text = loaded.model.config.layout.text
    if loaded.codec is None or loaded.tokenizer is None or text.asr is None or text.tts is None:
        raise InputError(
            f"{loaded.name} lacks a codec, a tokenizer, or a mode to transcribe and to say; this suite needs a model like nano"
        )
    return loaded.codec, loaded.tokenizer


CONDITIONS = (
    *(f"{noise}-{snr}db" for noise in ("babble", "street", "music", "fan") for snr in (20, 10, 5, 0)),
    "room-small", "room-large", "far", "telephone", "quiet", "clipped",
)  # fmt: skip
"""Under which the suite `asr` has voices of training transcribed; names of `roboego.data.acoustics.condition.preset`."""


Pairs = Sequence[tuple[str, str]]
"""What was said, and what was written or heard of it, sentence by sentence."""
Look = Callable[[str, str, str, Sound, Sound], None]
"""Told of a sentence: whose or under what, what was said, what came of it; the sound that was heard, and the one that was made of it."""


def nobody_looks(name: str, said: str, found: str, heard: Sound, made: Sound) -> None:
    """A `Look` that does nothing."""


def transcripts(
    loaded: LoadedModel,
    folder: Path,
    voices: Sequence[str],
    count: int,
    conditions: Sequence[str] = (),
    look: Look = nobody_looks,
) -> tuple[dict[str, Pairs], dict[str, Pairs]]:
    """Held-out sentences and what the model writes of them: clean by voice, and by condition.

    Under each condition stand as many sentences as one voice has, of the voices of training in turn.
    """
    codec, tokenizer = parts(loaded)
    silence = steady_silence(codec)
    banks = {voice: sentences(folder, voice, count) for voice in voices}

    def transcribed(spoken: Sequence[Spoken], condition: str, name: str) -> Pairs:
        rng, others = np.random.default_rng(zlib.crc32(condition.encode())), crowd() if condition.startswith("babble") else ()
        heard = [apply(preset(condition), framed(level(s.pcm), lead_s=0.5, tail_s=0.8), rng, babble=others) for s in spoken]
        written = transcribe_codes(loaded.model, tokenizer, [_codes(codec, h) for h in heard], silence)
        for s, w, h in zip(spoken, written, heard, strict=True):
            look(name, s.text, w, h, np.zeros_like(h))
        return [(s.text, w) for s, w in zip(spoken, written, strict=True)]

    clean = {voice: transcribed([bank[i] for i in range(count)], "clean", voice) for voice, bank in banks.items()}
    turns = [banks[v] for v in voices if v in LISTENERS]
    spoken = [turns[i % len(turns)][i] for i in range(count)] if turns else []
    return clean, {name: transcribed(spoken, name, name) for name in conditions if spoken}


def asr_recorded(loaded: LoadedModel, folder: Path, count: int) -> dict[str, Any]:
    """WER on at most `count` recordings of a local folder, spread over it: LibriSpeech's layout, or sounds with texts.

    Raises:
        InputError: there are none, or one cannot be read.
    """
    codec, tokenizer = parts(loaded)
    found = list((librispeech if any(folder.rglob("*.trans.txt")) else wav_and_text)(folder))
    chosen = [found[i] for i in np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)]
    heard = [_codes(codec, framed(level(read_mono(r.path)), lead_s=0.5, tail_s=0.8)) for r in chosen]
    written = transcribe_codes(loaded.model, tokenizer, heard, steady_silence(codec))
    return rates([(r.text, w) for r, w in zip(chosen, written, strict=True)])


def grouped(clean: dict[str, Pairs]) -> dict[str, Pairs]:
    """Clean transcripts of voices that train listening, of accents and of a voice that do not, and of others (Ego's own among them); groups
    without a voice are left out."""
    groups: dict[str, list[tuple[str, str]]] = {"training": [], "accents": [], "unseen": [], "others": []}
    members = {**dict.fromkeys(LISTENERS, "training"), **dict.fromkeys(ACCENTS, "accents"), UNSEEN: "unseen"}
    for voice, pairs in clean.items():
        groups[members.get(voice, "others")] += pairs
    return {name: pairs for name, pairs in groups.items() if pairs}


def asr(
    loaded: LoadedModel,
    folder: Path,
    voices: Sequence[str],
    count: int,
    conditions: Sequence[str] = (),
    look: Look = nobody_looks,
) -> dict[str, Any]:
    """WER of `transcripts`: by group, by voice and by condition."""
    clean, noisy = transcripts(loaded, folder, voices, count, conditions, look)
    found = _each(grouped(clean)) | {"voices": _each(clean)}
    return found | ({"conditions": _each(noisy)} if noisy else {})


def spoken(loaded: LoadedModel, folder: Path, count: int) -> tuple[list[str], list[Sound]]:
    """Held-out sentences of Ego's, and what the model makes of them."""
    codec, tokenizer = parts(loaded)
    bank = sentences(folder, EGO, count, side="ego")
    texts = [bank.text(i) for i in range(count)]
    return texts, synthesize(loaded.model, codec, tokenizer, texts, steady_silence(codec), sampling=loaded.sampling)


def said(loaded: LoadedModel, folder: Path, count: int, judge: WhisperJudge) -> Pairs:
    """Held-out sentences of Ego's and what Whisper-tiny hears when the model says them."""
    return [(text, judge.transcribe(sound)) for text, sound in zip(*spoken(loaded, folder, count), strict=True)]


def tts(loaded: LoadedModel, folder: Path, count: int, judge: WhisperJudge, listener: DnsMos, look: Look = nobody_looks) -> dict[str, Any]:
    """WER of what Whisper-tiny hears when the model says held-out sentences of Ego's, and how it sounds, beside its teacher's own voice."""
    bank = sentences(folder, EGO, count, side="ego")
    teacher = [framed(level(bank[i].pcm)) for i in range(count)]
    texts, sounds = spoken(loaded, folder, count)
    voices = {"model": [_speech(s) for s in sounds], "teacher": [_speech(s) for s in teacher]}
    understood = {name: [judge.transcribe(s) for s in heard] for name, heard in (("model", sounds), ("teacher", teacher))}
    for text, heard_as, theirs, ours in zip(texts, understood["model"], teacher, sounds, strict=True):
        look("teacher above, model below", text, heard_as, theirs, ours)
    found: dict[str, Any] = {name: rates(list(zip(texts, heard, strict=True))) for name, heard in understood.items()}
    return found | {"quality": {name: opinions(listener, heard) for name, heard in voices.items()}}


def codec_loss(loaded: LoadedModel, folder: Path, voices: Sequence[str], count: int, judge: WhisperJudge) -> dict[str, Any]:
    """Whisper-tiny's WER on held-out sentences before and after the codec, by voice, and of all listeners' voices together."""
    codec, _ = parts(loaded)
    found = {}
    heard: dict[str, list[tuple[str, str, str]]] = {}
    for voice in voices:
        bank = sentences(folder, voice, count, side="ego" if voice == EGO else "user")
        texts = [bank.text(i) for i in range(count)]
        sounds = [framed(level(bank[i].pcm)) for i in range(count)]
        again = [codec.decode(codec.encode(torch.from_numpy(s)[None].to(codec.device)))[0].cpu().numpy() for s in sounds]
        before, after = ([judge.transcribe(s) for s in part] for part in (sounds, again))
        heard[voice] = list(zip(texts, before, after, strict=True))
        found[voice] = _lost(heard[voice])
    listeners = [triple for voice in voices if voice in LISTENERS for triple in heard[voice]]
    return found | ({"listeners": _lost(listeners)} if listeners else {})


def _lost(heard: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """What references, and what Whisper heard before and after the codec, say of it."""
    original, again = [word_errors(text, before) for text, before, _ in heard], [word_errors(text, after) for text, _, after in heard]
    return {"original": error_rate(original), "resynthesised": error_rate(again), **points_between(original, again)}


def framed(pcm: Sound, *, lead_s: float = 0.2, tail_s: float = 0.3) -> Sound:
    """Sound with silence around it, a whole number of frames long."""
    padded = np.pad(pcm, (seconds_to_samples(lead_s), seconds_to_samples(tail_s)))
    return np.pad(padded, (0, -len(padded) % FRAME_SAMPLES)).astype(np.float32)


def _speech(pcm: Sound) -> Sound:
    """Sound from its first voiced sample to its last; all of it if there is none."""
    voiced = voiced_segments(pcm)
    return pcm[voiced[0].start : voiced[-1].end] if voiced else pcm


def _codes(codec: Codec, pcm: Sound) -> np.ndarray[Any, np.dtype[np.int16]]:
    return codec.listener().encode(torch.from_numpy(pcm)[None].to(codec.device))[0].cpu().numpy().astype(np.int16)


def rates(pairs: Pairs) -> dict[str, Any]:
    """Word error rate with its interval."""
    return error_rate([word_errors(r, h) for r, h in pairs])


def _each(pairs: dict[str, Pairs]) -> dict[str, Any]:
    return {name: rates(each) for name, each in pairs.items()}
