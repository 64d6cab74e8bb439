"""A training-only ear: the phones of what is heard, read off the middle of the backbone.

Words alone are few and far between, and each teaches little of the sounds that it shares with others. Connectionist temporal classification
of phones after two thirds of the layers (as in arXiv 2102.03216) asks every frame for what it sounds like, without alignments.
"""
# B rows, T frames, W width, O outputs, S symbols, P phones of a row

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from roboego.data.alignment.phones import PHONES
from roboego.streams.layout import TextLayout
from roboego.streams.organizers.base import pieces
from roboego.streams.tokenizer import TextCodec

OUTPUTS = 3
"""Symbols that a frame of 80 ms may hold, blanks included."""
BLANK = 0


class Pronunciation:
    """What a transcription sounds like.

    Args:
        phonemize: words, a space between them -> phones in the misaki alphabet.
    """

    def __init__(self, tokenizer: TextCodec, text: TextLayout, phonemize: Callable[[str], str]) -> None:
        self.tokenizer, self.text, self.phonemize = tokenizer, text, phonemize
        self._known: dict[tuple[int, ...], list[int]] = {}

    def __call__(self, captions_T: NDArray[np.int32]) -> list[int]:
        """Tokens [T] of a transcription, waits and unknown ones between them -> classes of its phones, 1 + their place in `PHONES`."""
        written = captions_T[pieces(captions_T, self.text)].tolist()
        starts = [i for i, piece in enumerate(written) if i == 0 or self.tokenizer.starts_word(piece)]
        ends = [*starts[1:], len(written)] if starts else []
        return [phone for a, b in zip(starts, ends, strict=True) for phone in self._word(tuple(written[a:b]))]

    def _word(self, word: tuple[int, ...]) -> list[int]:
        if word not in self._known:
            symbols = self.phonemize(self.tokenizer.decode(word))
            self._known[word] = [PHONES.index(symbol) + 1 for symbol in symbols if symbol in PHONES]
        return self._known[word]


class Ear(nn.Module):
    """Linear: the stream after some layers -> `OUTPUTS` symbols a frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.out = nn.Linear(width, OUTPUTS * (len(PHONES) + 1))

    def forward(self, x_BTW: Tensor, known_BT: Tensor, phones_BP: Tensor, counts_B: Tensor) -> Tensor:
        """Mean loss of a phone.

        Args:
            known_BT: (bool) frames of which it is known what is said in them; the others are passed over.
            phones_BP: classes of the phones, in their order; `counts_B` of them count.
        """
        first_BT = (~known_BT).to(torch.int8).argsort(dim=1, stable=True)
        x_BTW = x_BTW.gather(1, first_BT[..., None].expand(-1, -1, x_BTW.shape[-1]))
        logits_BOS = self.out(self.norm(x_BTW)).unflatten(-1, (OUTPUTS, -1)).flatten(1, 2)
        scores_OBS = logits_BOS.float().log_softmax(-1).transpose(0, 1)
        lengths_B = known_BT.sum(1) * OUTPUTS
        # Rows without a phone say only that nothing is to be heard.
        loss = F.ctc_loss(scores_OBS, phones_BP, lengths_B, counts_B, blank=BLANK, reduction="sum", zero_infinity=True)
        return loss / counts_B.sum().clamp(min=1)


def padded(phones: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Phones of rows [B, P], filled up with blanks, and how many each has [B]."""
    longest = max(1, *(len(row) for row in phones))
    filled = [[*row, *[BLANK] * (longest - len(row))] for row in phones]
    return torch.tensor(filled, dtype=torch.int64), torch.tensor([len(row) for row in phones], dtype=torch.int64)
