"""Inputs disturbed as a free-running model would find them, so that it learns to go on from its own mistakes."""
# B rows, T frames, K codebooks, C codes of one, V size of a code's vector, N others that sound like it

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from roboego.model.config import ModelConfig
from roboego.model.model import Batch
from roboego.streams.layout import TextLayout
from roboego.streams.modes import mode_of
from roboego.streams.organizers.base import pieces

Frames = NDArray[np.bool_]
Alike = NDArray[np.int16]
"""[K, C, N] for each code of each codebook N others that sound most like it."""


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How inputs are disturbed; targets stay as they are.

    Attributes:
        speech: share of frames of Ego's own speech history that are replaced, codebook by codebook, by random codes.
        pointer: share of frames whose fed-back `spoken` is off by one.
        listen: share of rows whose higher listening codebooks are replaced by pads, from a random one on.
        alike: mean share of the codes heard that are replaced by others that sound like them; each row has its own share, up to twice this.
        captions: mean share of the pieces written down of what is heard that are another piece; each row has its own
            share, up to twice this.
        acts: share of the frames whose action of before is that of another frame of the batch. What an expert does is nearly what it did
            before: a model that is told that goes on as it began, wherever the arm is (causal confusion, arXiv 1905.11979).
    """

    speech: float = 0.1
    pointer: float = 0.0
    listen: float = 0.15
    alike: float = 0.0
    captions: float = 0.1
    acts: float = 0.0


def disturb(
    batch: Batch,
    model: ModelConfig,
    config: Disturbance,
    rng: np.random.Generator,
    heard: Frames | None = None,
    alike: Alike | None = None,
) -> Batch:
    """A batch as inputs: some of Ego's own codes and transcribed pieces wrong, some of what it hears coarse.

    Args:
        heard: [B, T] frames whose captions are of sound. Others are left right: where there is no sound, nothing could correct them.
            None: all of them are.
        alike: codes that sound like others; without it none is replaced by one.
    """
    layout = model.layout
    speak, listen, spoken = batch.speak.clone(), batch.listen.clone(), batch.spoken.clone()
    rows, frames, books = speak.shape
    noisy = rng.random((rows, frames, 1)) < config.speech
    which = torch.from_numpy(noisy & (rng.random((rows, frames, books)) < 0.7))
    speak[which] = torch.from_numpy(rng.integers(0, layout.speak.entries, int(which.sum())))
    if alike is not None and config.alike:
        listen = torch.from_numpy(confused(listen.numpy(), alike, rng.uniform(0, 2 * config.alike, (rows, 1, 1)), rng))
    for b in np.flatnonzero(rng.random(rows) < config.listen):
        listen[b, :, int(rng.integers(1, layout.listen.codebooks)) :] = layout.listen.pad_id
    if config.pointer:
        off = rng.choice([-1, 0, 1], (rows, frames), p=[config.pointer / 2, 1 - config.pointer, config.pointer / 2])
        spoken = (spoken + torch.from_numpy(off)).clamp(min=0)
    act = others_acts(batch.act, config.acts, rng) if config.acts and layout.action_dims else batch.act
    written = transcribed(batch.read, layout.text)
    if batch.caption is None:
        text, caption = misheard(batch.text, written, layout.text, config, rng), None
    else:
        caption = misheard(batch.caption, np.ones_like(written) if heard is None else heard, layout.text, config, rng)
        text = torch.where(torch.from_numpy(written), caption, batch.text)
    return replace(batch, text=text, speak=speak, listen=listen, spoken=spoken, caption=caption, act=act)


def others_acts(act_BTD: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Actions, so many of which are those of frames drawn from the whole batch."""
    rows, frames, _ = act_BTD.shape
    others = act_BTD.flatten(0, 1)[torch.from_numpy(rng.integers(0, rows * frames, (rows, frames)))]
    return torch.where(torch.from_numpy(rng.random((rows, frames, 1)) < share), others, act_BTD)


def confused(codes_BTK: NDArray[np.int64], alike: Alike, share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Codes some of which are others that sound like them, as another recording of the same would have it; pads stay pads.

    Args:
        share: of the codes that are replaced; broadcasts with [B, T, K].
    """
    books, entries, count = alike.shape
    which = (rng.random(codes_BTK.shape) < share) & (codes_BTK < entries)
    book = np.broadcast_to(np.arange(books), codes_BTK.shape)[which]
    made = codes_BTK.copy()
    made[which] = alike[book, codes_BTK[which], rng.integers(0, count, len(book))]
    return made


def sounding_alike(vectors_KCV: NDArray[np.float32], count: int) -> Alike:
    """For each entry of a quantizer's codebooks [K, C, V], the nearest others [K, C, N], without itself."""
    found = []
    for vectors in vectors_KCV:
        squares = (vectors**2).sum(1)
        distance = squares[:, None] + squares - 2 * vectors @ vectors.T
        np.fill_diagonal(distance, np.inf)
        found.append(np.argsort(distance, 1)[:, :count])
    return np.stack(found).astype(np.int16)


def misheard(text: Tensor, captions: Frames, layout: TextLayout, config: Disturbance, rng: np.random.Generator) -> Tensor:
    """Text [B, T] in which what was transcribed holds mistakes; frames that are not `captions` [B, T] are left alone.

    A transcription learned from faultless histories leans on them: it guesses the next word from those before, and one mistake breeds the
    next. Wrong pieces are others of the batch's, where they were: if some were lost, a word that is due and not yet written could not be
    told from one whose writing was lost, and would never be written.
    """
    given = text.numpy().copy()
    words = captions & pieces(given, layout)
    others = given[words]
    if not len(others):
        return text
    rate = rng.uniform(0, 2 * config.captions, (len(given), 1))
    wrong = words & (rng.random(given.shape) < rate)
    given[wrong] = rng.choice(others, int(wrong.sum()))
    return torch.from_numpy(given)


def transcribed(read: Tensor, layout: TextLayout) -> Frames:
    """[B, T] the frames of a read stream's exercises in mode "asr"."""
    found: Frames = np.zeros(read.shape, bool)
    if layout.asr is not None:
        found = (mode_of(read, layout) == layout.asr).numpy()
    return found
