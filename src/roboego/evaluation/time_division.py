"""A model that listens, writes and speaks in turn (`roboego.streams.organizers.time_division`), as a partner in conversations."""
# B conversations, N frames of a chunk, K codebooks

import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from roboego.codecs.base import Codec
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.model.model import StepInput, StepOutput
from roboego.model.rollout import greedy, step_settings
from roboego.model.sampling import fill_uniform
from roboego.runtime.frame import Frame
from roboego.streams.pointer import is_piece
from roboego.streams.tokenizer import TextCodec
from roboego.timebase import FRAME_SAMPLES

LONGEST_TEXT = 60
"""Tokens after which a chunk has to begin to speak."""


class TimeDivisionPartner:
    """A model trained on TimeDivision grids, without a pointer.

    Args:
        chunk: N, as in its grids.
    Raises:
        InputError: it has no codec or tokenizer, acoustic delays, or a pointer, which means nothing here.
    """

    def __init__(self, loaded: LoadedModel, chunk: int, *, slots: int = 8) -> None:
        layout = loaded.model.config.layout
        if loaded.codec is None or loaded.tokenizer is None or layout.speak.max_delay or loaded.model.config.spoken_head:
            raise InputError(f"{loaded.name} needs a codec and a tokenizer, and neither acoustic delays nor a pointer")
        self.loaded, self.codec, self.tokenizer, self.chunk, self.slots = loaded, loaded.codec, loaded.tokenizer, chunk, slots

    def open(self, count: int) -> "TimeDivisionTalks":
        return TimeDivisionTalks(self.loaded, self.codec, self.tokenizer, self.chunk, count)


class TimeDivisionTalks:
    """Conversations whose chunks begin together: a chunk is worked through when its last frame has been heard."""

    def __init__(self, loaded: LoadedModel, codec: Codec, tokenizer: TextCodec, chunk: int, count: int) -> None:
        self.model, self.codec, self.tokenizer, self.chunk = loaded.model, codec, tokenizer, chunk
        self.layout, self.silence = loaded.model.config.layout, loaded.silence.long()
        self.settings = step_settings(self.model, [loaded.sampling] * count)
        self.sampling = loaded.sampling
        self.generators = [torch.Generator().manual_seed(loaded.sampling.seed + b) for b in range(count)]
        self.state = self.model.initial_state(count)
        self.listener = codec.listener()
        self.ears, self.mouth = self.listener.initial_encoder_state(count), codec.initial_decoder_state(count)
        self.waiting: list[list[Sound]] = [[] for _ in range(count)]
        self.made: list[deque[Frame]] = [deque() for _ in range(count)]
        self.index = 0

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        for i, sound in heard.items():
            self.waiting[i].append(sound)
        self.index += 1
        if self.index % self.chunk == 0:
            self._work(torch.tensor([i in heard for i in range(len(self.waiting))]))
            self.waiting = [[] for _ in self.waiting]
        return {i: self.made[i].popleft() if self.made[i] else self._still() for i in heard}

    @torch.no_grad()
    def _work(self, active_B: Tensor) -> None:
        """One chunk of the conversations that go on: listening, then writing, then speaking."""
        began = time.perf_counter()
        captions = self._listen(active_B)
        texts, codes_BNK = self._answer(active_B)
        took_ms = 1e3 * (time.perf_counter() - began)
        sounds = []
        for n in range(self.chunk):
            pcm_BS, self.mouth = self.codec.decode_step(codes_BNK[:, n], self.mouth)
            sounds.append(pcm_BS.numpy())
        for b in active_B.nonzero().flatten().tolist():
            first = self._frame(sounds[0][b], codes_BNK[b, 0], self._read(texts[b]), self._read(captions[b]), took_ms)
            self.made[b].extend([first, *(self._frame(sounds[n][b], codes_BNK[b, n], "", "", took_ms) for n in range(1, self.chunk))])

    def _listen(self, active_B: Tensor) -> list[list[int]]:
        """The chunk's sound; what is written of it."""
        count, wait = len(active_B), self.layout.text.wait
        captions: list[list[int]] = [[] for _ in range(count)]
        for n in range(self.chunk):
            pcm_BS = np.zeros((count, FRAME_SAMPLES), np.float32)
            for b in active_B.nonzero().flatten().tolist():
                pcm_BS[b] = self.waiting[b][n]
            codes_BK, self.ears = self.listener.encode_step(torch.from_numpy(pcm_BS), self.ears)
            first = self.index == self.chunk and n == 0 and self.layout.text.duplex is not None
            read = self.layout.text.duplex if first else wait
            assert read is not None
            out = self._column(codes_BK, active_B, forced_B=torch.full((count,), wait), read=read)
            self.state.speak = torch.where(active_B[:, None], self.layout.speak.pad_id, self.state.speak)
            for b, piece in enumerate(out.caption.tolist()):
                captions[b].append(piece)
        return captions

    def _answer(self, active_B: Tensor) -> tuple[list[list[int]], Tensor]:
        """What is written, until the first wait, and the codes [B, N, K] that are said from there on."""
        count, wait = len(active_B), self.layout.text.wait
        pads = torch.full((count, self.layout.listen.codebooks), self.layout.listen.pad_id)
        texts: list[list[int]] = [[] for _ in range(count)]
        said_BNK = self.silence.expand(count, self.chunk, -1).clone()
        said_B = torch.where(active_B, 0, self.chunk)
        while bool((said_B < self.chunk).any()):
            going_B = said_B < self.chunk
            full_B = torch.tensor([len(text) >= LONGEST_TEXT for text in texts])
            out = self._column(pads, going_B, forced_B=torch.where((said_B > 0) | full_B, wait, -1), read=wait)
            writes_B = going_B & (out.text != wait)
            for b in writes_B.nonzero().flatten().tolist():
                texts[b].append(int(out.text[b]))
            self.state.speak = torch.where(writes_B[:, None], self.layout.speak.pad_id, self.state.speak)
            self.state.caption = torch.where(going_B, wait, self.state.caption)
            for b in (going_B & ~writes_B).nonzero().flatten().tolist():
                said_BNK[b, said_B[b]] = out.speak[b]
                said_B[b] += 1
        return texts, said_BNK

    def _column(self, listen_BK: Tensor, active_B: Tensor, *, forced_B: Tensor, read: int) -> StepOutput:
        if not greedy(self.sampling):
            uniform = torch.full((len(active_B), self.model.uniform_width()), 0.5)
            for row, generator in zip(uniform, self.generators, strict=True):
                fill_uniform(row, self.model.uniform_blocks(), self.sampling, generator)
            self.settings.uniform = uniform
        given = StepInput(listen_BK, torch.full_like(forced_B, read), forced_B, active=active_B)
        out, self.state = self.model.step(given, self.state, self.settings)
        return out

    def _read(self, ids: list[int]) -> str:
        """How tokens read on from what came before; special ones do not."""
        pieces = is_piece(torch.tensor(ids, dtype=torch.int64), self.layout.text).tolist()
        return "".join(self.tokenizer.piece(token) for token, piece in zip(ids, pieces, strict=True) if piece)

    def _still(self) -> Frame:
        return self._frame(np.zeros(FRAME_SAMPLES, np.float32), self.silence, "", "", 0.0)

    def _frame(self, speech: Sound, codes_K: Tensor, text: str, heard: str, step_ms: float) -> Frame:
        return Frame(
            index=self.index,
            speech=speech,
            codes=codes_K.numpy(),
            token=self.layout.text.wait,
            text=text,
            caption=self.layout.text.wait,
            heard=heard,
            action=None,
            spoken_upto=0,
            spoken_text="",
            step_ms=step_ms,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
