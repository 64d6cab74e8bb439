"""The text tokenizer: byte-pair pieces over the restricted alphabet. A word carries its leading space; punctuation stands alone."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from roboego.errors import CheckpointError, InputError
from roboego.streams.alphabet import ALPHABET, PUNCTUATION, check_alphabet

WAIT, CUT, ASR, TTS, DUPLEX, END, UNK = "<wait>", "<cut>", "<asr>", "<tts>", "<duplex>", "<end>", "<unk>"
SPECIALS = (WAIT, CUT, ASR, TTS, DUPLEX, END, UNK, *(f"<reserved_{i}>" for i in range(25)))
"""Special tokens in the order of their ids, from 0. The reserved ones wait for uses to come, so that a grown model keeps its ids."""

_SPACE = "▁"


class TextCodec(Protocol):
    """Text <-> token ids, as our own `Tokenizer` and those of foreign checkpoints offer it."""

    @property
    def fingerprint(self) -> str:
        """Hex digest: data and models of different tokenizers do not mix."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Iterable[int]) -> str: ...

    def piece(self, token: int) -> str:
        """What a token reads as after another, a word with the space before it."""

    def starts_word(self, token: int) -> bool: ...

    def save(self, path: Path) -> None:
        """Writes a tokenizer.json."""


class Tokenizer:
    """Text <-> token ids. Ids below `len(specials)` are special tokens, the rest are pieces of text.

    Build one with `train` or `load`. For text in normal form (see `roboego.streams.alphabet.normalize`), `decode(encode(text)) == text`,
    and pieces of a text that are encoded one by one, each starting at a word, decode to the whole.
    """

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        self._inner = inner
        self._pieces = [inner.id_to_token(i) or "" for i in range(inner.get_vocab_size())]
        specials = [token.content for _, token in sorted(inner.get_added_tokens_decoder().items()) if token.special]
        self.specials: tuple[str, ...] = tuple(specials)
        if self._pieces[: len(specials)] != specials or UNK not in specials:
            raise CheckpointError("the tokenizer's special tokens are not its first ids: it is not one of RoboEgo's")
        missing = {_SPACE if c == " " else c for c in ALPHABET} - set(self._pieces)
        if missing:
            raise CheckpointError(f"the tokenizer lacks pieces for {sorted(missing)}: it is not one of RoboEgo's")

    @classmethod
    def train(cls, sentences: Iterable[str], *, vocab_size: int = 1_000, specials: Sequence[str] = SPECIALS) -> Self:
        """Learns the pieces from sentences.

        Args:
            sentences: texts in the alphabet.
            vocab_size: at most so many ids, special tokens included.
            specials: special tokens in the order of their ids; `<unk>` must be among them.
        Raises:
            InputError: a sentence has characters outside the alphabet, or `vocab_size` leaves no room for single characters.
        """
        if vocab_size < len(specials) + len(ALPHABET):
            raise InputError(f"vocab_size {vocab_size} is too small: at least {len(specials) + len(ALPHABET)}")
        if UNK not in specials or len(set(specials)) != len(specials):
            raise InputError(f"special tokens must be distinct and include {UNK}")
        inner = tokenizers.Tokenizer(models.BPE(unk_token=UNK))
        inner.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(tokenizers.Regex(f"[{PUNCTUATION}]"), "isolated"),
                pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="first"),
            ]
        )
        inner.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="first")
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(specials),
            initial_alphabet=[_SPACE if c == " " else c for c in ALPHABET],
            limit_alphabet=len(ALPHABET),
            show_progress=False,
        )
        inner.train_from_iterator(_checked(sentences), trainer)
        return cls(inner)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Opens a tokenizer.json.

        Raises:
            CheckpointError: the file is missing, corrupt, or not one of ours.
        """
        try:
            return cls(tokenizers.Tokenizer.from_str(Path(path).read_text(encoding="utf-8")))
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error
        except FileNotFoundError as error:
            raise CheckpointError(f"{path} is missing: pass a folder that holds a tokenizer.json") from error
        except Exception as error:  # the tokenizers library raises plain Exception for bad files
            raise CheckpointError(f"{path} is not a readable tokenizer.json ({error}): copy or download it again") from error

    def save(self, path: Path | str) -> None:
        """Writes a tokenizer.json, to a temporary name first.

        Raises:
            OSError: it cannot be written, for instance because the disk is full; then what was there stays.
        """
        path = Path(path)
        temporary = path.with_name(f"{path.name}.part{os.getpid()}")
        try:
            temporary.write_text(self._inner.to_str(pretty=True), encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise OSError(error.errno, error.strerror, str(path)) from error

    @property
    def fingerprint(self) -> str:
        """Hex digest of the pieces: data and models of different tokenizers do not mix."""
        return hashlib.sha256("\n".join(self._pieces).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        """Ids in use: 0 .. len - 1."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Text in the alphabet -> ids.

        Raises:
            InputError: the text has other characters; `normalize` writes it in the alphabet.
        """
        check_alphabet(text)
        return list(self._inner.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Ids -> text; special tokens are skipped."""
        return self._inner.decode([int(i) for i in ids], skip_special_tokens=True)

    def special(self, name: str) -> int:
        """Id of a special token, such as "<wait>".

        Raises:
            InputError: there is none of this name.
        """
        if name not in self.specials:
            raise InputError(f"no special token {name!r}: choose one of {', '.join(self.specials)}")
        return self.specials.index(name)

    def is_special(self, token: int) -> bool:
        return 0 <= token < len(self.specials)

    def piece(self, token: int) -> str:
        """What a token reads as: " red" (a word with its space), "ing", ",", or the name of a special token."""
        if not 0 <= token < len(self._pieces):
            raise InputError(f"no token {token}: ids go from 0 to {len(self._pieces) - 1}")
        return self._pieces[token].replace(_SPACE, " ")

    def starts_word(self, token: int) -> bool:
        """True if a new word begins with this token; False for later pieces of a word, punctuation and special tokens."""
        return self.piece(token).startswith(" ")


def _checked(sentences: Iterable[str]) -> Iterable[str]:
    for sentence in sentences:
        check_alphabet(sentence)
        yield sentence
