import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.streams.alphabet import ALPHABET, check_alphabet, normalize, number_words, words

LATIN = st.characters(max_codepoint=0x17F)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Hello, World!", "hello, world."),
        ("What's 2 + 2?", "what's two plus two?"),
        ("a naïve “café” — É", "a naive cafe, e"),
        ("mm-hmm… OK", "mm hmm. ok"),
        ("room 007, flat 305", "room zero zero seven, flat three hundred five"),
        ("the 21st and the 12th", "the twenty first and the twelfth"),
        ("3.5%", "three point five percent"),
        ("really?! yes...", "really? yes."),
        ("'quoted' don’t dogs'", "quoted don't dogs"),
        ("  a ,b  ", "a, b"),
        ("🙂 #$", ""),
    ],
)
def test_normalize_writes_what_is_read(text: str, written: str) -> None:
    assert normalize(text) == written


@pytest.mark.parametrize(("text", "named"), [("привет", "'п'"), ("say 日本", "'日'"), ("٣", "'٣'")])
def test_normalize_names_what_it_cannot_express(text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        normalize(text)


def test_large_numbers_are_refused() -> None:
    assert normalize("999") == "nine hundred ninety nine"
    with pytest.raises(InputError, match="write it in words"):
        normalize("1,000")


@given(st.text(LATIN, max_size=40))
def test_normal_form_is_in_the_alphabet_and_stays(text: str) -> None:
    try:
        once = normalize(text)
    except InputError:
        return
    assert set(once) <= set(ALPHABET)
    assert normalize(once) == once
    assert "  " not in once
    assert once == once.strip()


@given(st.integers(0, 999))
def test_numbers_are_distinct_words_in_the_alphabet(n: int) -> None:
    assert normalize(str(n)) == number_words(n)


def test_words_leave_punctuation_out() -> None:
    assert words("hello, ego. what's up?") == ["hello", "ego", "what's", "up"]


def test_check_alphabet_says_what_to_do() -> None:
    check_alphabet(ALPHABET)
    with pytest.raises(InputError, match=r"normalize\(\)"):
        check_alphabet("Hello!")
