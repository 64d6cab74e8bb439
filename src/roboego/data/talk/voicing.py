"""How a voice must be told what to say, where its lexicon would misread our text."""

import re


def for_voice(text: str, letter_a: str = "eh") -> str:
    """Replaces the letter "a" of a spelled word ("b, a, l, l"), which a lexicon reads as the article, by a word that sounds like it.

    Single letters in a row are spelled, unless they are only the words "a" and "i".

    Args:
        letter_a: what the voice reads as the letter's name: "eh" for hibari, Kokoro, espeak and Piper; "a" itself for flite.
    """

    def spell(run: re.Match[str]) -> str:
        letters = run[0]
        return re.sub(r"\ba\b", letter_a, letters) if re.search(r"[b-hj-z]", letters) else letters

    return re.sub(r"(?<![a-z'])[a-z](?:[, ]+[a-z](?![a-z']))+", spell, text)
