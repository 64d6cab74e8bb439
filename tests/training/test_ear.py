"""The training-only ear: what captions sound like, and a loss that falls when it is heard."""

import numpy as np
import torch

from roboego.data.alignment.phones import PHONES
from roboego.recipes import nano
from roboego.streams.alphabet import words
from roboego.training.ear import Ear, Pronunciation, padded
from roboego.training.rows import UNKNOWN

SOUNDS = {"red": "ɹˈɛd", "ball": "bˈɔl"}
PIECES = {50: "red", 51: "ba", 52: "ll"}


class Letters:
    """A tokenizer of two words, one of them in two pieces."""

    def starts_word(self, token: int) -> bool:
        return token != 52

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(PIECES[i] for i in ids)


def test_captions_are_pronounced_word_by_word() -> None:
    asked: list[str] = []

    def phonemize(text: str) -> str:
        asked.append(text)
        assert words(text) == [text]
        return SOUNDS[text]

    pronounce = Pronunciation(Letters(), nano.text_layout(), phonemize)  # type: ignore[arg-type]
    wait = nano.text_layout().wait
    captions = np.asarray([UNKNOWN, wait, 51, 52, wait, 50, 51, 52, UNKNOWN], np.int32)
    heard = "".join(PHONES[i - 1] for i in pronounce(captions))
    assert heard == "bɔl" + "ɹɛd" + "bɔl"
    assert asked == ["ball", "red"]
    assert pronounce(captions[:2]) == []


def test_the_ear_passes_over_what_is_unknown() -> None:
    torch.manual_seed(0)
    ear, x = Ear(8), torch.randn(2, 12, 8)
    known = torch.ones(2, 12, dtype=torch.bool)
    known[0, 3:7] = False
    phones, counts = padded([[3, 4], []])
    loss = ear(x, known, phones, counts)
    moved = x.clone()
    moved[0, 3:7] += 5
    assert torch.equal(ear(moved, known, phones, counts), loss)
    moved[0, 8] += 5
    assert not torch.equal(ear(moved, known, phones, counts), loss)
    silent = ear(x, known, *padded([[], []]))
    assert torch.isfinite(silent)


def test_the_ear_learns_what_it_hears() -> None:
    torch.manual_seed(0)
    ear, x = Ear(16), torch.randn(1, 10, 16)
    known, (phones, counts) = torch.ones(1, 10, dtype=torch.bool), padded([[3, 4, 4, 9]])
    before = float(ear(x, known, phones, counts).detach())
    optimizer = torch.optim.Adam(ear.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        ear(x, known, phones, counts).backward()
        optimizer.step()
    assert float(ear(x, known, phones, counts).detach()) < 0.2 * before
