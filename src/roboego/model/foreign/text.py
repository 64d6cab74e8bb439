"""Tokenizers of foreign checkpoints: any tokenizer.json, kept as it is."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import tokenizers

from roboego.errors import CheckpointError
from roboego.hubformat import HubConfig

PROBE = "it's seven, is a red cup there? yes."
"""A text that a vocabulary must give back, with a token at the beginning of each word."""
HALF = "\ufffd"
"""What a part of a character reads as."""


def vocabulary(folder: Path) -> int:
    """How many ids a decoder has: rows of its embedding, of which a tokenizer may leave the last ones unused."""
    return HubConfig.read(folder / "config.json").size("vocab_size")


class ForeignTokenizer:
    """Text <-> ids, as a foreign checkpoint's tokenizer.json has it. Special tokens are neither added nor spelled out.

    Implements `roboego.streams.tokenizer.TextCodec`.

    Args:
        source: what a tokenizer.json holds.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._inner = tokenizers.Tokenizer.from_str(source)
        # A file may ask for texts of one length.
        self._inner.no_padding()
        self._inner.no_truncation()
        self._pieces: dict[int, str] = {}

    @classmethod
    def load(cls, path: Path, ids: int) -> Self:
        """Opens a tokenizer.json.

        Args:
            ids: size of the model's vocabulary.
        Raises:
            CheckpointError: the file is missing, damaged, of a model with more ids, or none that this class can use.
        """
        try:
            made = cls(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise CheckpointError(f"{path} is missing: give a folder that holds a tokenizer.json") from error
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error
        except Exception as error:  # the tokenizers library raises plain Exception for bad files
            raise CheckpointError(f"{path} is not a readable tokenizer.json ({error}); download it again") from error
        most = max(made._inner.get_vocab(with_added_tokens=True).values(), default=-1)
        if most >= ids:
            raise CheckpointError(f"{path} has ids up to {most}, the model only {ids}; they do not belong together: download both again")
        return made

    def save(self, path: Path) -> None:
        """Writes the tokenizer.json as it was, to a temporary name first."""
        temporary = path.with_name(f"{path.name}.part{os.getpid()}")
        temporary.write_text(self._source, encoding="utf-8")
        temporary.replace(path)

    @property
    def fingerprint(self) -> str:
        """Hex digest of the file: data and models of different tokenizers do not mix."""
        return hashlib.sha256(self._source.encode()).hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        return list(self._inner.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Iterable[int]) -> str:
        return self._inner.decode([int(i) for i in ids], skip_special_tokens=True)

    def piece(self, token: int) -> str:
        """What a token reads as after another: " red", "ing", ","; "" for special tokens and parts of a character."""
        if token not in self._pieces:
            # A text's first word may lose its space.
            once, twice = (self._inner.decode([token] * n, skip_special_tokens=True) for n in (1, 2))
            reads = twice[len(once) :]
            self._pieces[token] = "" if HALF in reads else reads
        return self._pieces[token]

    def starts_word(self, token: int) -> bool:
        """True if a new word begins with this token."""
        return self.piece(token).startswith(" ")


class DecoderTokenizer(ForeignTokenizer):
    """The tokenizer of a decoder that a RoboEgo stands on: every text begins a word, as with our own tokenizer.

    So words can be encoded one by one; vocabularies of bytes tell " red" from "red". Text is taken as it is written, so what our data
    writes in small letters and words (see `roboego.streams.alphabet.normalize`) is for the caller to write that way.

    Raises:
        CheckpointError: the vocabulary does not give English text back, or its words do not begin with a space.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source)
        # Some tokenizers put a space before a text by themselves.
        self._lead = ""
        if not self._parts_words():
            self._lead = " "
        if not self._parts_words():
            raise CheckpointError("its words do not begin with a space, or lose their spelling; choose a decoder with another vocabulary")

    def _parts_words(self) -> bool:
        tokens = self.encode(PROBE)
        starts = [self.starts_word(token) for token in tokens]
        return starts[:1] == [True] and sum(starts) == len(PROBE.split()) and self.decode(tokens) == PROBE

    def encode(self, text: str) -> list[int]:
        return super().encode(self._lead + text)

    def decode(self, ids: Iterable[int]) -> str:
        return super().decode(ids).removeprefix(" ")
