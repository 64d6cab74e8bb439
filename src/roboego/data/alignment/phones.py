"""Phones as classes: what a recognizer names, and when each is heard."""

import numpy as np
from numpy.typing import NDArray

from roboego.data.voices.base import TimedPhone

PHONES = "AIOQWYbdfhijklmnpstuvwzæðŋɑɒɔəɛɜɡɪɹɾʃʊʌʒʤʧθᵊᵻTɐa"
"""Phone classes (misaki symbols); class 0 is silence, symbols not listed are not scored."""


def phone_classes(phones: tuple[TimedPhone, ...], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class of the phone heard at each of the sorted sample numbers `times`: 0 for silence, -100 for phones without a class.

    Stress marks count as the phone that follows them. A sentence without phone times scores nothing.
    """
    if not phones:
        return np.full(len(times), -100, np.int64)
    ends = np.asarray([p.end for p in phones])
    classes = np.zeros(len(phones) + 1, np.int64)
    for i in reversed(range(len(phones))):
        symbol = phones[i].symbol
        if symbol in ("ˈ", "ˌ"):
            classes[i] = classes[i + 1]
        elif symbol == "ː":
            classes[i] = -100
        elif symbol:
            classes[i] = PHONES.find(symbol) + 1 or -100
    found = classes[np.searchsorted(ends, times, side="right")]
    scored: NDArray[np.int64] = np.where(times < phones[0].start, 0, found)
    return scored
