"""Free-running transcription and synthesis in batches: what both training stages are judged by."""
# B slots, T frames, K codebooks

from collections.abc import Sequence

import numpy as np
import torch

from roboego.codecs.base import Codec
from roboego.data.voices.base import Sound
from roboego.model.model import RoboEgoModel
from roboego.model.rollout import roll_out
from roboego.model.sampling import Sampling, StreamSampling
from roboego.streams.grid import Codes
from roboego.streams.pointer import is_piece
from roboego.streams.tokenizer import TextCodec

GREEDY = Sampling(speak=StreamSampling(), wait_or_write=True, overdue=0.8, reply_overdue=0.5, cut_overdue=0.95)


def transcribe_codes(
    model: RoboEgoModel, tokenizer: TextCodec, heard: Sequence[Codes], silence: Codes, *, slots: int = 16, tail: int = 12
) -> list[str]:
    """Texts that the model writes while it hears each of the tracks [T, K] in mode "asr", greedily.

    Args:
        tail: frames of silence heard after each track, so that the last words can be written.
    """
    layout = model.config.layout.text
    texts = []
    for first in range(0, len(heard), slots):
        group = heard[first : first + slots]
        frames = max(len(h) for h in group) + tail
        listen = np.tile(silence, (len(group), frames, 1)).astype(np.int64)
        for b, track in enumerate(group):
            listen[b, : len(track)] = track
        read = torch.full((len(group), frames), layout.wait, device=model.device)
        if layout.asr is not None:
            read[:, 0] = layout.asr
        out = roll_out(model, torch.from_numpy(listen).to(model.device), read, sampling=GREEDY)
        for b, track in enumerate(group):
            ids = out.text[b, : len(track) + tail]
            texts.append(tokenizer.decode(ids[is_piece(ids, layout)].tolist()))
    return texts


def synthesize(
    model: RoboEgoModel,
    codec: Codec,
    tokenizer: TextCodec,
    texts: Sequence[str],
    silence: Codes,
    *,
    sampling: Sampling | None = None,
    slots: int = 16,
) -> list[Sound]:
    """Sound of each text, given to the model as forced text in mode "tts"; a third more frames than its length suggests are run."""
    layout = model.config.layout.text
    sounds = []
    for first in range(0, len(texts), slots):
        tokens = [tokenizer.encode(t) for t in texts[first : first + slots]]
        frames = 16 + 6 * max(len(t) for t in tokens)
        forced = torch.full((len(tokens), frames), -1, device=model.device)
        read = torch.full((len(tokens), frames), layout.wait, device=model.device)
        if layout.tts is not None:
            read[:, 0] = layout.tts
        forced[:, 0] = layout.wait
        for b, ids in enumerate(tokens):
            forced[b, 1 : 1 + len(ids)] = torch.tensor(ids, device=model.device)
        listen = torch.from_numpy(np.tile(silence, (len(tokens), frames, 1)).astype(np.int64)).to(model.device)
        out = roll_out(model, listen, read, forced, sampling)
        pads = model.config.layout.speak.pad_id
        still = torch.from_numpy(silence.astype(np.int64)).to(model.device)
        codes = torch.where(out.speak == pads, still, out.speak)
        sounds += [s.numpy() for s in codec.decode(codes.to(codec.device)).cpu()]
    return sounds
