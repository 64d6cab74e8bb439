"""Tokenizers of foreign checkpoints: any tokenizer.json."""

from pathlib import Path
from typing import Self

import tokenizers

from roboego.errors import CheckpointError


class ForeignTokenizer:
    """Text <-> ids, as a foreign checkpoint's tokenizer.json has it. Special tokens are neither added nor spelled out."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        self._inner = inner

    @classmethod
    def load(cls, path: Path, ids: int) -> Self:
        """Opens a tokenizer.json.

        Args:
            ids: size of the model's vocabulary.
        Raises:
            CheckpointError: the file is missing, damaged, or of a model with more ids.
        """
        try:
            inner = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the tokenizers library raises plain Exception for bad files
            raise CheckpointError(f"{path} is not a readable tokenizer.json ({error}); download it again") from error
        most = max(inner.get_vocab(with_added_tokens=True).values(), default=-1)
        if most >= ids:
            raise CheckpointError(f"{path} has ids up to {most}, the model only {ids}; they do not belong together: download both again")
        return cls(inner)

    def encode(self, text: str) -> list[int]:
        return list(self._inner.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        return self._inner.decode([int(i) for i in ids], skip_special_tokens=True)
