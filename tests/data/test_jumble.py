"""Jumbled sentences: words of the grammar, of one split, in any order."""

import numpy as np

from roboego.data.talk.jumble import jumbled_sentence
from roboego.data.talk.sampling import MAX_WORDS, split_of, vocabulary
from roboego.streams.alphabet import words


def test_jumbled_sentences_are_of_the_grammars_words() -> None:
    rng = np.random.default_rng(0)
    made = [jumbled_sentence(rng) for _ in range(200)]
    assert len(set(made)) > 190
    known = set(vocabulary())
    for text in made:
        assert split_of(text) == "train"
        assert 3 <= len(words(text)) < MAX_WORDS
        assert set(words(text)) <= known
        assert text[-1] in ".?"
    assert made[0] == jumbled_sentence(np.random.default_rng(0))
