"""How a model's tokens read."""

from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.streams.alphabet import normalize
from roboego.streams.tokenizer import Tokenizer


class Vocabulary:
    """Names of tokens, whatever tokenizer the model has.

    Attributes:
        wait: the token that says nothing.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._text, self._tokenizer, self._model = loaded.model.config.layout.text, loaded.tokenizer, loaded.name
        self.wait = self._text.wait

    def is_piece(self, token: int) -> bool:
        """Part of a word, and no special token."""
        return token >= self._text.first_word and (not self._text.words_end or token < self._text.words_end)

    def special(self, token: int) -> str:
        """A special token's name, as "<cut>"; "" for the others."""
        if self.is_piece(token):
            return ""
        named = {getattr(self._text, name): f"<{name}>" for name in ("wait", "cut", "asr", "tts", "duplex", "end")}
        if token not in named and isinstance(self._tokenizer, Tokenizer) and self._tokenizer.is_special(token):
            return self._tokenizer.piece(token)
        return named.get(token, f"<{token}>")

    def reads(self, token: int) -> str:
        """How any token reads on from one before."""
        if special := self.special(token):
            return special
        return "" if self._tokenizer is None else self._tokenizer.piece(token)

    def tokens(self, text: str) -> list[int]:
        """A text's tokens.

        Raises:
            InputError: the model has no words for it, or no words at all.
        """
        if self._tokenizer is None:
            raise InputError(f"{self._model} came without its tokenizer, so it can be given no text; put tokenizer.json into its folder")
        return self._tokenizer.encode(normalize(text) if isinstance(self._tokenizer, Tokenizer) else text)
