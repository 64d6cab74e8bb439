"""Tokenizers of foreign checkpoints: what is encoded comes back, words begin where they begin, files are kept as they are."""

import json
from pathlib import Path

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from decoders import SENTENCES, bytes_tokenizer, spaces_tokenizer
from roboego.errors import CheckpointError
from roboego.model.foreign.text import DecoderTokenizer, ForeignTokenizer
from roboego.runtime.replies import ReplyTracker
from roboego.streams.layout import TextLayout

KINDS = {"bytes": bytes_tokenizer, "spaces": spaces_tokenizer}
UNSEEN = "quick foxes jump over zebras, don't they?"


@pytest.fixture(params=KINDS, scope="module")
def inner(request: pytest.FixtureRequest) -> tokenizers.Tokenizer:
    return KINDS[request.param]()


@pytest.fixture(scope="module")
def tokenizer(inner: tokenizers.Tokenizer) -> DecoderTokenizer:
    return DecoderTokenizer(inner.to_str())


@pytest.mark.parametrize("text", [*SENTENCES, UNSEEN])
def test_texts_come_back_and_their_words_begin_where_they_begin(tokenizer: DecoderTokenizer, text: str) -> None:
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert "".join(tokenizer.piece(token) for token in tokens) == " " + text
    starts = [i for i, token in enumerate(tokens) if tokenizer.starts_word(token)]
    assert starts[0] == 0
    assert [tokenizer.decode(tokens[a:b]) for a, b in zip(starts, [*starts[1:], None], strict=True)] == text.split()
    # Words encoded one by one make the same text.
    assert tokenizer.decode([token for word in text.split() for token in tokenizer.encode(word)]) == text


def test_special_tokens_read_as_nothing(inner: tokenizers.Tokenizer, tokenizer: DecoderTokenizer) -> None:
    special = next(token for token in ("<|im_end|>", "</s>") if inner.token_to_id(token) is not None)
    assert tokenizer.piece(inner.token_to_id(special)) == ""
    # So do those that a RoboEgo needs, which come after all of the decoder's.
    assert tokenizer.piece(inner.get_vocab_size() + 3) == ""


def test_both_streams_of_a_session_read_on(tokenizer: DecoderTokenizer) -> None:
    tracker = ReplyTracker(
        TextLayout(ids=500, wait=490, cut=491, asr=492, tts=493, duplex=494, end=495, first_word=0, words_end=490), tokenizer, speaks=True
    )
    said, heard = SENTENCES[0] + " ça va?", SENTENCES[1]
    assert "".join(tracker.follow(t, token, 0)[0] for t, token in enumerate(tokenizer.encode(said))).strip() == said
    assert "".join(tracker.reads_on(token) for token in tokenizer.encode(heard)).strip() == heard
    assert tracker.reads_on(490) == ""


def test_a_saved_file_is_the_same_and_asks_for_no_length(inner: tokenizers.Tokenizer, tmp_path: Path) -> None:
    cut = tokenizers.Tokenizer.from_str(inner.to_str())
    cut.enable_truncation(max_length=2)
    cut.enable_padding(length=7)
    cut.save(str(tmp_path / "tokenizer.json"))
    opened = DecoderTokenizer.load(tmp_path / "tokenizer.json", 500)
    assert opened.decode(opened.encode(UNSEEN)) == UNSEEN
    opened.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()
    assert DecoderTokenizer.load(tmp_path / "again.json", 500).fingerprint == opened.fingerprint
    values = json.loads(inner.to_str())
    values["model"]["merges"].pop()
    assert DecoderTokenizer(json.dumps(values)).fingerprint != opened.fingerprint


def test_vocabularies_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(CheckpointError, match="is missing"):
        DecoderTokenizer.load(path, 500)
    bytes_tokenizer().save(str(path))
    with pytest.raises(CheckpointError, match="do not belong together"):
        DecoderTokenizer.load(path, 300)
    whole = tokenizers.Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(["[UNK]", "it", "a", "red", "cup"])}, unk_token="[UNK]")
    )
    whole.pre_tokenizer = pre_tokenizers.Whitespace()
    whole.save(str(path))
    # Its words have no space and its marks no place: what they were written as is lost. To be read as it is, the file will do.
    with pytest.raises(CheckpointError, match="another vocabulary"):
        DecoderTokenizer.load(path, 500)
    plain = ForeignTokenizer.load(path, 500)
    assert plain.decode(plain.encode("a red cup")) == "a red cup"
