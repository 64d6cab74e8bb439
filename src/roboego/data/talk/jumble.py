"""Sentences that mean nothing, of pieces of those that do: every word among words that it was never heard beside."""

from roboego.data.talk.grammar import Rng, chance, pick
from roboego.data.talk.sampling import MAX_WORDS, Split, sample_sentence, split_of, vocabulary

LONGEST_PIECE = 4
_ALONE = 0.25  # how many of the pieces are one word, any of the grammar's
_COMMA = 0.1
_QUESTION = 0.3


def jumbled_sentence(rng: Rng, split: Split = "train") -> str:
    """Pieces of both sides' sentences of the split, and single words, one after another: 3 to 12 words.

    What a model learns of a grammar's sentences it may learn by heart. These it must hear, and say, word by word.
    """
    while True:
        text = _draw(rng, split, int(rng.integers(3, MAX_WORDS - 1)))
        if split_of(text) == split:
            return text


def _draw(rng: Rng, split: Split, count: int) -> str:
    words: list[str] = []
    while len(words) < count:
        if chance(rng, _ALONE):
            words.append(pick(rng, vocabulary()))
        else:
            source = sample_sentence(rng, split, "user" if chance(rng, 0.5) else "ego").split()
            length = int(rng.integers(1, LONGEST_PIECE + 1))
            start = int(rng.integers(0, max(len(source) - length, 0) + 1))
            words += [word.strip(",.?") for word in source[start : start + length]]
        if chance(rng, _COMMA) and len(words) < count:
            words[-1] += ","
    return " ".join(words[:count]).strip(",") + ("?" if chance(rng, _QUESTION) else ".")
