from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import CheckpointError, InputError
from roboego.streams.alphabet import ALPHABET, normalize
from roboego.streams.tokenizer import SPECIALS, UNK, WAIT, Tokenizer
from tests.sound.test_writing import files_of_at_most

SENTENCES = (
    "hello, ego. what is two plus two?",
    "the red cube is on the left of the blue ball.",
    "my name is anna. what's my name?",
    "ball is spelled b, a, l, l.",
)


def train(vocab_size: int = 200) -> Tokenizer:
    return Tokenizer.train(list(SENTENCES) * 3, vocab_size=vocab_size)


TOKENIZER = train()


@given(st.text(ALPHABET, max_size=40).map(normalize))
def test_round_trip(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.lists(st.text("abcz'", min_size=1, max_size=6).map(normalize).filter(bool), min_size=1, max_size=6))
def test_texts_encoded_apart_decode_to_the_whole(parts: list[str]) -> None:
    assert TOKENIZER.decode([i for part in parts for i in TOKENIZER.encode(part)]) == " ".join(parts)


@given(st.text(ALPHABET, max_size=40).map(normalize))
def test_every_word_starts_once_and_nothing_is_unknown(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.special(UNK) not in ids
    marks = "".join(TOKENIZER.piece(i) for i in ids)
    assert marks.strip() == text
    if text[:1].isalpha():
        assert sum(TOKENIZER.starts_word(i) for i in ids) == len(text.split())


def test_common_words_carry_their_space_and_punctuation_stands_alone() -> None:
    pieces = [TOKENIZER.piece(i) for i in TOKENIZER.encode("hello, red ball?")]
    assert pieces == [" hello", ",", " red", " ball", "?"]
    assert [TOKENIZER.starts_word(i) for i in TOKENIZER.encode("hello, red ball?")] == [True, False, True, True, False]


def test_special_tokens_have_the_first_ids_in_order() -> None:
    assert [TOKENIZER.special(name) for name in SPECIALS] == list(range(len(SPECIALS)))
    assert [TOKENIZER.piece(i) for i in range(len(SPECIALS))] == list(SPECIALS)
    assert len([s for s in SPECIALS if "reserved" in s]) >= 16
    assert TOKENIZER.is_special(TOKENIZER.special(WAIT))
    assert not TOKENIZER.is_special(len(SPECIALS))
    assert not any(TOKENIZER.starts_word(i) for i in range(len(SPECIALS)))
    with pytest.raises(InputError, match="<wait>"):
        TOKENIZER.special("<sleep>")


def test_decode_skips_special_tokens() -> None:
    wait = TOKENIZER.special(WAIT)
    red, cube = TOKENIZER.encode("red"), TOKENIZER.encode("cube.")
    assert TOKENIZER.decode([wait, *red, wait, wait, *cube, wait]) == "red cube."


def test_training_is_reproducible_and_bounded() -> None:
    again = train()
    assert [again.piece(i) for i in range(len(again))] == [TOKENIZER.piece(i) for i in range(len(TOKENIZER))]
    assert len(train(90)) <= 90
    with pytest.raises(InputError, match="too small"):
        train(40)
    with pytest.raises(InputError, match="normalize"):
        Tokenizer.train(["Hello!"])


def test_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    TOKENIZER.save(path)
    loaded = Tokenizer.load(path)
    assert loaded.specials == TOKENIZER.specials
    assert [loaded.encode(s) for s in SENTENCES] == [TOKENIZER.encode(s) for s in SENTENCES]
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    TOKENIZER.save(path)
    before = path.read_bytes()
    with files_of_at_most(100), pytest.raises(OSError, match="too large") as caught:
        train(90).save(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]
    path.write_bytes(before[: len(before) // 2])
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is not a readable"):
        Tokenizer.load(path)


def test_bad_files_and_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is missing"):
        Tokenizer.load(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not a readable"):
        Tokenizer.load(tmp_path / "tokenizer.json")
    with pytest.raises(InputError, match="ids go from"):
        TOKENIZER.piece(len(TOKENIZER))
    with pytest.raises(InputError, match="ids go from"):
        TOKENIZER.piece(-1)
    with pytest.raises(InputError, match=r"normalize\(\)"):
        TOKENIZER.encode("Red cube 5")
