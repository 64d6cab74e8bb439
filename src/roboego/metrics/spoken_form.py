"""The one normalizer that every word count uses, on both sides: what was said, however it is written.

"What's 7 + 20?" and "what is seven plus twenty" are the same words. Case, punctuation, digits, contractions, spelling variants and
hesitations ("um") make no difference; different words always do, homophones too ("two", "too").
"""

import re
import unicodedata
from itertools import pairwise

from roboego.streams import alphabet


def spoken_words(text: str) -> tuple[str, ...]:
    """The words of `text` as they are said: lower-case, without punctuation, numbers in words, contractions written out.

    What it returns, joined by spaces, it returns unchanged.
    """
    words: list[str] = []
    tokens = re.findall(r"[^\W_]+(?:'[^\W_]+)*", _read_signs(_spell_capitals(_plain(text)).casefold()))
    for token, following in pairwise([*tokens, ""]):
        words += (_spelling(word) for word in _expand(token, following).split())
    words = [word for word in _join_compounds(words) if word not in _HESITATIONS]
    return tuple(_join_compounds(_drop_number_and(words)))


def spoken_form(text: str) -> str:
    """`spoken_words` joined by spaces."""
    return " ".join(spoken_words(text))


def number_in_words(n: int) -> str:
    """A number from zero on in words, without "and": 1205 -> "one thousand two hundred five"; from 10^12 on digit by digit."""
    if n >= 10**12:
        return " ".join(alphabet.number_words(int(d)) for d in str(n))
    groups = []
    for name in ("", " thousand", " million", " billion"):
        n, rest = divmod(n, 1_000)
        if rest:
            groups.append(alphabet.number_words(rest) + name)
    return " ".join(reversed(groups)) or "zero"


def ordinal_in_words(n: int) -> str:
    """21 -> "twenty first", 1000 -> "one thousandth"."""
    rest = n % 1_000
    if rest == 0 and n:
        return f"{number_in_words(n)}th"
    last = alphabet.normalize(f"{rest}th")
    return f"{number_in_words(n - rest)} {last}" if n > rest else last


def _plain(text: str) -> str:
    """Without accents and typographic quotes."""
    folded = unicodedata.normalize("NFKD", re.sub("[‘’ʼ`´]", "'", text))
    return unicodedata.normalize("NFC", "".join(c for c in folded if not unicodedata.combining(c)))


def _spell_capitals(text: str) -> str:
    """A word in capitals within ordinary text is spelled: "it is spelled BALL" -> "b a l l". Text all in capitals is left alone."""
    if not re.search(r"[a-z]", text):
        return text
    return re.sub(r"\b(?!OK\b)[A-Z]{2,}\b(?!')", lambda m: " ".join(m[0]), text)


def _read_signs(text: str) -> str:
    """Digits and signs as they are read aloud. `text` is lower-case."""
    for pattern, reading in _SIGNS:
        text = pattern.sub(reading, text)
    text = re.sub(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])", lambda m: f" {number_in_words(int(m[0].replace(',', '')))} ", text)
    text = re.sub(r"([$£€])(\d+)", lambda m: f"{m[2]} {_CURRENCIES[m[1]]}{'s' if m[2] != '1' else ''} ", text)
    text = re.sub(r"(\d)\.(\d+)", lambda m: f"{m[1]} point {' '.join(m[2])} ", text)
    text = re.sub(r"([0-9]+)(?:st|nd|rd|th)\b", lambda m: f" {ordinal_in_words(int(m[1]))} ", text)
    return re.sub(r"[0-9]+", lambda m: f" {_read_digits(m[0])} ", text)


def _read_digits(digits: str) -> str:
    n = int(digits)
    if len(digits) > 1 and digits[0] == "0":
        return " ".join(alphabet.number_words(int(d)) for d in digits)
    if 1_100 <= n < 2_000 or 2_010 <= n < 2_100:  # four digits without a comma are a year: "nineteen ninety eight"
        rest = alphabet.number_words(n % 100)
        return f"{alphabet.number_words(n // 100)} {'hundred' if n % 100 == 0 else rest if n % 100 > 9 else f'oh {rest}'}"
    return number_in_words(n)


def _expand(token: str, following: str) -> str:
    """One written word as the words it stands for."""
    if token in _WRITTEN_OUT:
        return _WRITTEN_OUT[token]
    stem, mark, ending = token.rpartition("'")
    if not mark:
        return token
    if ending == "t" and stem.endswith("n") and len(stem) > 2:
        return f"{stem[:-1].replace(chr(39), '')} not"
    if ending in _ENDINGS:
        word = "had" if ending == "d" and following in ("better", "been") else _ENDINGS[ending]
        return f"{stem.replace(chr(39), '')} {word}"
    if ending == "s" and stem in _TAKES_IS:
        return f"{stem} has" if following in ("been", "got") else f"{stem} is"
    return token.replace("'", "")


def _spelling(word: str) -> str:
    """American spelling, one way to write each word."""
    word = _VARIANTS.get(word, word)
    for pattern, replacement in _BRITISH:
        word = pattern.sub(replacement, word)
    return word


def _drop_number_and(words: list[str]) -> list[str]:
    """ "one hundred and five" -> "one hundred five"."""
    return [
        word
        for i, word in enumerate(words)
        if not (word == "and" and 0 < i < len(words) - 1 and words[i - 1] in ("hundred", "thousand") and words[i + 1] in _NUMBER_WORDS)
    ]


def _join_compounds(words: list[str]) -> list[str]:
    out: list[str] = []
    for word in words:
        if out and (out[-1], word) in _COMPOUNDS:
            out[-1] = _COMPOUNDS[out[-1], word]
        else:
            out.append(word)
    return out


_SIGNS = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        (r"\bo\.k\.?(?!\w)", "okay"),
        (r"\b([ap])\.\s?m\b\.?", r"\1m"),
        (r"(?<!\d)(\d{1,2}):00(?!\d)", r"\1 oclock"),
        (r"(?<!\d)(\d{1,2}):0(\d)(?!\d)", r"\1 oh \2"),
        (r"(?<!\d)(\d{1,2}):(\d\d)(?!\d)", r"\1 \2"),
        (r"(?<=\d)(\s+)[-–−](\s+)(?=\d)", r"\1minus\2"),
        (r"−(?=\d)", " minus "),
        (r"(?<=\d)\s*[×*]\s*(?=\d)", " times "),
        (r"(?<=\d)\s*÷\s*(?=\d)", " divided by "),
        (r"\+", " plus "),
        (r"=", " equals "),
        (r"&", " and "),
        (r"%", " percent "),
        (r"°", " degrees "),
        (r"#(?=\d)", " number "),
        (r"([0-9])(?=s\b)", r"\1"),
    )
)
_CURRENCIES = {"$": "dollar", "£": "pound", "€": "euro"}

_HESITATIONS = frozenset({"um", "umm", "uh", "uhh", "uhm", "er", "erm", "hm", "hmm", "hmmm"})
_ENDINGS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "d": "would"}
_TAKES_IS = frozenset(
    {"what", "that", "it", "he", "she", "there", "here", "who", "where", "how", "when", "why", "this", "which"}
    | {"everything", "something", "nothing", "everybody", "somebody", "nobody"}
)
_WRITTEN_OUT = {
    "can't": "can not",
    "won't": "will not",
    "shan't": "shall not",
    "ain't": "is not",
    "let's": "let us",
    "'cause": "because",
    "y'all": "you all",
    "ma'am": "madam",
    "cannot": "can not",
    "wanna": "want to",
    "gonna": "going to",
    "gotta": "got to",
    "gimme": "give me",
    "lemme": "let me",
    "alright": "all right",
    "thankyou": "thank you",
    # Without the apostrophe, where that makes no other word; "its" and "it's" sound alike and count as the same.
    "its": "it is",
    "lets": "let us",
    "im": "i am",
    "ive": "i have",
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "isnt": "is not",
    "arent": "are not",
    "wasnt": "was not",
    "werent": "were not",
    "hasnt": "has not",
    "havent": "have not",
    "couldnt": "could not",
    "wouldnt": "would not",
    "shouldnt": "should not",
    "cant": "can not",
    "youre": "you are",
    "theyre": "they are",
    "youll": "you will",
    "youve": "you have",
    "whats": "what is",
    "thats": "that is",
    "theres": "there is",
    "wheres": "where is",
    "hows": "how is",
}
_VARIANTS = {
    "ok": "okay",
    "okey": "okay",
    "grey": "gray",
    "greys": "grays",
    "greyer": "grayer",
    "mhm": "mmhmm",
    "mmhm": "mmhmm",
    "mhmm": "mmhmm",
    "mr": "mister",
    "dr": "doctor",
    "mrs": "missus",
    "centre": "center",
    "centres": "centers",
    "metre": "meter",
    "metres": "meters",
    "centimetre": "centimeter",
    "centimetres": "centimeters",
    "theatre": "theater",
    "litre": "liter",
    "litres": "liters",
    "fibre": "fiber",
    "cheque": "check",
    "dialogue": "dialog",
    "catalogue": "catalog",
    "programme": "program",
    "favourite": "favorite",
    "learnt": "learned",
    "spelt": "spelled",
    "whilst": "while",
}
_BRITISH = (
    (re.compile(r"^((?:un|dis|multi|tri)?(?:col|fav|flav|hon|hum|lab|neighb|od|rum|behavi|harb|arm|vap|sav|endeav|parl))our"), r"\1or"),
    (re.compile(r"^((?:re|dis)?(?:apolog|organ|real|recogn|memor|special|emphas|minim|maxim|util))is(e[sd]?|ing|ations?)$"), r"\1iz\2"),
    (re.compile(r"^(anal|paral)ys(e[sd]?|ing)$"), r"\1yz\2"),
    (re.compile(r"^(travel|label|cancel|signal|model|fuel|level|marvel|swivel)l(ed|ing|ers?)$"), r"\1\2"),
)
_NUMBER_WORDS = frozenset(word for n in range(100) for word in alphabet.number_words(n).split())
_COMPOUNDS = {
    ("on", "to"): "onto",
    ("in", "to"): "into",
    ("good", "bye"): "goodbye",
    ("left", "most"): "leftmost",
    ("right", "most"): "rightmost",
    ("per", "cent"): "percent",
    ("mm", "hmm"): "mmhmm",
    ("mm", "hm"): "mmhmm",
    ("uh", "huh"): "uhhuh",
}
