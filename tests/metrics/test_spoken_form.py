"""The normalizer: equal speech gives equal words, different speech does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.metrics.spoken_form import number_in_words, ordinal_in_words, spoken_form
from roboego.streams.alphabet import ALPHABET, normalize

SAME = [
    # written, said
    ("What's 7 + 20?", "what is seven plus twenty"),
    ("It's 27.", "it is twenty-seven"),
    ("The 3rd and the 21st day", "the third and the twenty first day"),
    ("1, 2, 3", "one, two, three"),
    ("1-2-3", "one two three"),
    ("6 - 2 = 4", "six minus two equals four"),
    ("3.5%", "three point five percent"),
    ("007", "zero zero seven"),
    ("$1 and £20", "one dollar and twenty pounds"),
    ("1,205", "one thousand two hundred and five"),
    ("2019-18, 17", "twenty, nineteen, eighteen, seventeen"),
    ("in 1905, 1900 and 2000", "in nineteen oh five, nineteen hundred and two thousand"),
    ("at 3:30, 4:00 or 5:05 p.m.", "at three thirty, four o'clock or five oh five pm"),
    ("a hundred and 5", "a hundred five"),
    ("the label says B7", "the label says b seven"),
    ("It is spelled B-A-L-L.", "it is spelled b, a, l, l"),
    ("It is spelled BALL.", "it is spelled b, a, l, l"),
    ("I'm sure you're right, we've won", "i am sure you are right, we have won"),
    ("I can't, won't and don't", "i cannot, will not and do not"),
    ("I'd like it, he'd better go", "i would like it, he had better go"),
    ("that’s it", "that is it"),
    ("she's been here", "she has been here"),
    ("let's go", "let us go"),
    ("Tom's cube", "toms cube"),
    ("its colour", "it's color"),
    ("OK, O.K., ok", "okay okay okay"),
    ("the grey neighbour's favourite", "the gray neighbors favorite"),
    ("it travelled to the centre", "it traveled to the center"),
    ("I recognised it", "i recognized it"),
    ("Um, the uh left-most one, hmm", "the leftmost one"),
    ("good-bye", "goodbye"),
    ("put it on to the box", "put it onto the box"),
    ("mm-hmm, mm hm", "mhm mmhm"),
    ("Uh-huh", "uh huh"),
    ("Café, naïve", "cafe naive"),
    ("PUT THE RED CUBE DOWN", "put the red cube down"),
    ("", "... !"),
]
COMPOUND_PARTS = ["on", "to", "in", "good", "bye", "left", "most", "per", "cent", "mm", "hm", "huh"]
DIFFERENT = [
    ("two", "too"),
    ("the red cube", "a red cube"),
    ("six", "sixth"),
    ("i can", "i can't"),
    ("your", "you are"),
    ("hour", "or"),
    ("four", "for"),
    ("rise", "rize"),
    ("and", "in"),
    ("cat and dog", "cat dog"),
]


@pytest.mark.parametrize(("written", "said"), SAME)
def test_same_words_however_written(written: str, said: str) -> None:
    assert spoken_form(written) == spoken_form(said)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert spoken_form(one) != spoken_form(other)


@given(st.text(st.sampled_from([*ALPHABET, *"ABKO0123456789!:-%$=+é’"]), max_size=60))
def test_normal_form_is_final_and_plain(text: str) -> None:
    once = spoken_form(text)
    assert spoken_form(once) == once
    assert set(once) <= set("abcdefghijklmnopqrstuvwxyz ")


@given(st.lists(st.sampled_from([*COMPOUND_PARTS, "uh", "hmm", "OK", "it's", "hundred", "and", "5", "BALL", "colour", "i'd", "better"])))
def test_normal_form_is_final_for_awkward_words(words: list[str]) -> None:
    once = spoken_form(" ".join(words))
    assert spoken_form(once) == once


@given(st.text(max_size=40))
def test_never_fails_on_any_text(text: str) -> None:
    assert spoken_form(text) == spoken_form(text).strip()


@given(st.integers(0, 999))
def test_numbers_read_as_the_alphabet_reads_them(n: int) -> None:
    assert spoken_form(str(n)) == number_in_words(n) == normalize(str(n))
    assert spoken_form(f"{n}th") == ordinal_in_words(n)


def test_large_numbers() -> None:
    assert number_in_words(1_002_030) == "one million two thousand thirty"
    assert number_in_words(0) == "zero"
    assert number_in_words(10**12).split()[:2] == ["one", "zero"]
    assert ordinal_in_words(1_000) == "one thousandth"
    assert ordinal_in_words(1_003) == "one thousand third"
