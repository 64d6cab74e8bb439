"""The tools that data is made with and that a model is trained for: a codec and a tokenizer."""
# N samples, T frames, K codebooks

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from roboego.codecs.base import Codec
from roboego.codecs.embedded.files import load_codec
from roboego.data.alignment.aligner import PhoneAligner
from roboego.data.voices.base import Sound
from roboego.model.foreign.text import DecoderTokenizer, vocabulary
from roboego.streams.conversation import listening_track
from roboego.streams.grid import Codes
from roboego.streams.tokenizer import TextCodec, Tokenizer
from roboego.timebase import FRAME_SAMPLES, samples_to_frames

ASR_DELAY_FRAMES = 4
"""Frames that a transcribed word waits after it has been heard."""
RECOGNIZER = "recognizer.safetensors"
"""Its file in a tools folder."""
WARM_UP_FRAMES = 6
"""Frames of silence that a codec hears before what is encoded, so that its past is not that of its very first frame."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What every exercise is made with.

    Attributes:
        silence: [K] codes of steady silence.
        aligner: finds word times of voices that give none; without one they are estimated.
    """

    codec: Codec
    tokenizer: TextCodec
    silence: Codes
    aligner: PhoneAligner | None = None

    @classmethod
    def of(cls, codec: Codec, tokenizer: TextCodec, aligner: PhoneAligner | None = None) -> "Workshop":
        return cls(codec=codec, tokenizer=tokenizer, silence=steady_silence(codec), aligner=aligner)

    def encode(self, pcm: Sound) -> Codes:
        """Sound [N] -> codes [T, K], the last frame filled with silence."""
        return self._encoded(self.codec, pcm)

    def _encoded(self, codec: Codec, pcm: Sound) -> Codes:
        padded = np.zeros((WARM_UP_FRAMES + samples_to_frames(len(pcm))) * FRAME_SAMPLES, np.float32)
        padded[WARM_UP_FRAMES * FRAME_SAMPLES :][: len(pcm)] = pcm
        codes = codec.encode(torch.from_numpy(padded)[None].to(codec.device))[0, WARM_UP_FRAMES:]
        return codes.cpu().numpy().astype(np.int16)

    def heard(self, pcm: Sound) -> Codes:
        """Codes [T, K] in the order in which Ego hears them."""
        return listening_track(self._encoded(self.codec.listener(), pcm), self.silence)


def steady_silence(codec: Codec) -> Codes:
    """The codes [K] to which a codec settles when nothing is heard."""
    return codec.encode(torch.zeros(1, 50 * FRAME_SAMPLES, device=codec.device))[0, -1].cpu().numpy().astype(np.int16)


def open_tokenizer(tools: Path, backbone: Path | None = None) -> TextCodec:
    """The tokenizer of a tools folder; or, where a model stands on one, that of a decoder's folder in transformers format.

    Raises:
        CheckpointError: it is missing, damaged, or none that can be used.
    """
    if backbone is None:
        return Tokenizer.load(tools / "tokenizer.json")
    return DecoderTokenizer.load(backbone / "tokenizer.json", vocabulary(backbone))


def open_workshop(tools: Path, backbone: Path | None = None) -> Workshop:
    """The codec of a tools folder, its phone recognizer if it has one, and a tokenizer; see `open_tokenizer`."""
    recognizer = tools / RECOGNIZER
    aligner = PhoneAligner.open(recognizer) if recognizer.is_file() else None
    return Workshop.of(load_codec(tools / "codec"), open_tokenizer(tools, backbone), aligner)
