"""Text without a subject: strings of words from a pronunciation lexicon, so that a codec hears all of a language's sounds."""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np


@cache
def lexicon_words() -> tuple[str, ...]:
    """Lower-case words of two to ten letters in hibari's American lexicon."""
    import hibari

    with gzip.open(Path(hibari.__file__).parent / "assets" / "lexicon_us_gold.json.gz", "rt", encoding="utf-8") as f:
        words = json.load(f)
    return tuple(sorted(w for w in words if w.isascii() and w.isalpha() and w.islower() and 2 <= len(w) <= 10))


def word_string(rng: np.random.Generator) -> str:
    """Four to nine words drawn at random, with a comma now and then and a full stop or question mark."""
    words = [str(w) for w in rng.choice(lexicon_words(), rng.integers(4, 10))]
    if len(words) > 5 and rng.random() < 0.4:
        words[int(rng.integers(1, len(words) - 2))] += ","
    return " ".join(words) + ("?" if rng.random() < 0.2 else ".")
