"""Forced alignment: a sentence's phones, as the phonemizer reads its text, laid along a recognizer's, by the likeliest path (Viterbi)."""
# J hops of 10 ms, S states, C phone classes

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from roboego.data.alignment.phones import PHONES
from roboego.data.alignment.recognizer import HOP, PhoneRecognizer, load_recognizer
from roboego.data.voices.base import PUNCTUATION, Spoken, TimedWord
from roboego.data.voices.neural import phonemize

LEVEL = 0.3
"""Peak at which the recognizer hears a sentence."""
SILENT, LENGTHENED = 0, "ˈˌː"
WORST = -2.5
"""Mean log probability of a path below which text and sound do not belong together."""

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


class PhoneAligner:
    """Finds word times in speech of any voice.

    Args:
        recognizer: a trained one.
    """

    def __init__(self, recognizer: PhoneRecognizer) -> None:
        self.recognizer = recognizer

    @classmethod
    def open(cls, path: Path) -> "PhoneAligner":
        """With the recognizer in a file. Raises a CheckpointError if it cannot be opened."""
        return cls(load_recognizer(path))

    def timed(self, spoken: Spoken) -> Spoken | None:
        """The sentence with word times; None where words and phones do not correspond, or the text is not what is heard."""
        groups, words = _phones(spoken.text), spoken.text.split()
        if not words or len(groups) != len(words) or len(spoken.pcm) < HOP:
            return None
        classes, owners = _states(groups)
        path, score = best_path(self._heard(spoken)[:, classes], classes == SILENT)
        if score < WORST:
            return None
        said = owners[path]
        hops = [np.flatnonzero(said == k) for k in range(len(words))]
        if not all(len(h) for h in hops):
            return None
        samples = len(spoken.pcm)
        timed = (
            TimedWord(text=w, start=int(h[0]) * HOP, end=min((int(h[-1]) + 1) * HOP, samples)) for w, h in zip(words, hops, strict=True)
        )
        return replace(spoken, words=tuple(timed))

    @torch.no_grad()
    def _heard(self, spoken: Spoken) -> Floats:
        """Log probabilities [J, C + 1]; the last column is that of a phone without a class."""
        loud = spoken.pcm * np.float32(LEVEL / max(float(np.abs(spoken.pcm).max()), 1e-4))
        known = self.recognizer(torch.from_numpy(loud)[None])[0].log_softmax(0).T.numpy()
        return np.pad(known, ((0, 0), (0, 1)), constant_values=-np.log(len(PHONES)))


def _phones(text: str) -> list[list[int]]:
    """Classes of the phones of each word; -1 for one without a class."""
    groups = [
        [PHONES.find(s) + 1 or -1 for s in group if s not in PUNCTUATION and s not in LENGTHENED] for group in phonemize(text).split()
    ]
    return [group for group in groups if group]


def _states(groups: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
    """Classes [S] of the states, a silence around each word, and which word each belongs to (-1: none)."""
    classes, owners = [SILENT], [-1]
    for k, group in enumerate(groups):
        classes += [*group, SILENT]
        owners += [*[k] * len(group), -1]
    return np.asarray(classes), np.asarray(owners)


def best_path(heard_JS: Floats, skips_S: NDArray[np.bool_]) -> tuple[Numbers, float]:
    """The likeliest state [J] of each hop, and its mean log probability.

    It begins in one of the first two states and ends in one of the last two. From hop to hop it stays or goes on by one, or by two where
    that skips a state of `skips_S`.
    """
    hops, states = heard_JS.shape
    may_skip = np.zeros(states, bool)
    may_skip[2:] = skips_S[1:-1]
    never = np.float32(-1e9)
    best = np.full(states, never)
    best[:2] = heard_JS[0, :2]
    steps = np.zeros((hops, states), np.int8)
    for j in range(1, hops):
        by_one = np.concatenate([[never], best[:-1]])
        by_two = np.where(may_skip, np.concatenate([[never, never], best[:-2]])[:states], never)
        ways = np.stack([best, by_one, by_two])
        steps[j] = ways.argmax(0)
        best = ways.max(0) + heard_JS[j]
    state = states - 1 - int(states > 1 and best[-2] > best[-1])
    path = np.empty(hops, np.int64)
    score = float(best[state]) / hops
    for j in range(hops - 1, -1, -1):
        path[j] = state
        state -= steps[j, state]
    return path, score
