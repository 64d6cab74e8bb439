"""The restricted alphabet of all text: lower-case letters, apostrophe, space, and `. , ?`. Numbers are words."""

import re
import unicodedata

from roboego.errors import InputError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PUNCTUATION = ".,?"
ALPHABET = LETTERS + "' " + PUNCTUATION

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}

# What a reader would say, or the nearest sign that we have. Whatever else is punctuation or a symbol is dropped.
_SIGNS = {
    "!": ".", ";": ",", ":": ",", "…": ".", "—": ",", "–": ",", "‘": "'", "’": "'", "ʼ": "'", "`": "'", "´": "'",
    "&": " and ", "+": " plus ", "=": " equals ", "%": " percent ", "⁄": " over ", "¿": " ", "¡": " ",
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
}  # fmt: skip


def number_words(n: int) -> str:
    """A number from 0 to 999 in words: 205 -> "two hundred five".

    Raises:
        InputError: the number is out of range.
    """
    if not 0 <= n <= 999:
        raise InputError(f"the number {n} is not between 0 and 999: write it in words")
    if n < 20:
        return _ONES[n]
    if n < 100:
        return _TENS[n // 10 - 2] + (f" {_ONES[n % 10]}" if n % 10 else "")
    return f"{_ONES[n // 100]} hundred" + (f" {number_words(n % 100)}" if n % 100 else "")


def normalize(text: str) -> str:
    """Writes any English text in the restricted alphabet; what it returns, it returns unchanged.

    Letters become lower-case and lose their accents, numbers up to 999 become words (with a decimal point: "three point five"; with
    leading zeros: digit by digit), `!` becomes `.`, hyphens become spaces, other punctuation and symbols are dropped. Words are
    parted by one space; a mark stands right after its word, and of several in a row the strongest stays (`?`, then `.`, then `,`).

    Raises:
        InputError: the text has letters of another script, or a number above 999.
    """
    out = re.sub(r"(?<=\d):(?=\d)", " ", text.lower())
    out = unicodedata.normalize("NFKD", out).casefold()
    for sign, written in _SIGNS.items():
        out = out.replace(sign, written)
    out = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", out)
    out = re.sub(r"(?<=\d)\.(?=\d)", " point ", out)
    out = re.sub(r"([0-9]+)(st|nd|rd|th)\b", lambda m: f" {_ordinal(int(m[1]))} ", out)
    out = re.sub(r"[0-9]+", lambda m: f" {_number(m[0])} ", out)
    unknown = sorted({c for c in out if c not in ALPHABET and unicodedata.category(c)[0] in "LN"})
    if unknown:
        raise InputError(f"cannot express {', '.join(map(repr, unknown))} in the alphabet a-z ' . , ? : spell the text in English letters")
    out = "".join(c for c in out.translate(_DASHES) if c in ALPHABET or c.isspace())
    out = re.sub(r"(?<![a-z])'|'(?![a-z])", "", out)
    out = re.sub(r"\s*([.,?])[\s.,?]*", _strongest, out)
    return " ".join(out.split()).lstrip(PUNCTUATION).strip()


def words(text: str) -> list[str]:
    """The words of a normalized text, without punctuation."""
    return re.sub(r"[.,?]", " ", text).split()


def check_alphabet(text: str) -> None:
    """Raises InputError if `text` has characters outside the alphabet."""
    unknown = sorted(set(text) - set(ALPHABET))
    if unknown:
        raise InputError(f"{', '.join(map(repr, unknown))} is not in the alphabet a-z ' . , ? : pass the text through normalize() first")


_DASHES = {ord(c): " " for c in "-_/\\‐‑‒―−"}


def _number(digits: str) -> str:
    if len(digits) > 1 and digits[0] == "0":
        return " ".join(_ONES[int(d)] for d in digits)
    return number_words(int(digits))


def _ordinal(n: int) -> str:
    *head, last = number_words(n).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return " ".join([*head, last])


def _strongest(match: re.Match[str]) -> str:
    return next(mark for mark in "?.," if mark in match[0]) + " "
