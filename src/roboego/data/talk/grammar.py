"""Patterns: sentences with choices, optional parts and slots, from which a random generator draws."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, Union

import numpy as np

from roboego.streams.alphabet import words

Rng = np.random.Generator
Slot = Union[str, tuple[str, ...], "Pattern"]
"""What stands in a slot: a text, one of several texts, or whatever a pattern yields."""
Slots = Mapping[str, Slot]
NO_SLOTS: Slots = {}

_TOKENS = re.compile(r"[(\[|)\]]|\{\w+\}|[^(\[|)\]{}]+")
_OPTIONAL = 0.4  # how often an optional part is said

T = TypeVar("T")


class Pattern:
    """A set of sentences written as one line.

    `(a|b)` is one of several, `[a]` or `[a|b]` may be left out, `{name}` is a slot. They nest. Spaces and commas are tidied afterwards.

    >>> Pattern("(hi|hello) [there], {name}.").sample(rng, {"name": "anna"})
    "hello there, anna."
    """

    def __init__(self, source: str) -> None:
        self.source = source
        tokens = [t for t in _TOKENS.findall(source) if t]
        if "".join(tokens) != source:
            raise ValueError(f"a stray brace in the pattern {source!r}")
        self._choice, rest = _parse(tokens, 0)
        if rest != len(tokens):
            raise ValueError(f"unbalanced brackets in the pattern {source!r}")
        self.weight = 1 + math.log2(self.forms())

    def sample(self, rng: Rng, slots: Slots = NO_SLOTS) -> str:
        """One sentence.

        Raises:
            KeyError: a slot of the pattern is not in `slots`.
        """
        parts: list[str] = []
        self._choice.write(rng, slots, parts)
        return tidy(" ".join(parts))

    def forms(self) -> int:
        """How many ways there are through the pattern, slots counted once (two ways may read the same)."""
        return self._choice.forms()

    def words(self, slots: Slots = NO_SLOTS) -> set[str]:
        """All words that can occur, those of the slots that are given included."""
        found: set[str] = set()
        for leaf in self._choice.leaves():
            if isinstance(leaf, str):
                found.update(words(leaf))
            elif leaf.name in slots:
                found |= slot_words(slots[leaf.name], slots)
        return found

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"


def patterns(*sources: str) -> tuple[Pattern, ...]:
    return tuple(Pattern(s) for s in sources)


def pick(rng: Rng, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of several, all alike or by weight."""
    if weights is None:
        return options[int(rng.random() * len(options))]
    left = rng.random() * sum(weights)
    for option, weight in zip(options, weights, strict=True):
        left -= weight
        if left < 0:
            return option
    return options[-1]


def chance(rng: Rng, probability: float) -> bool:
    return bool(rng.random() < probability)


def slot_words(slot: Slot, slots: Slots) -> set[str]:
    """All words that a slot can say."""
    if isinstance(slot, Pattern):
        return slot.words(slots)
    return {word for text in ((slot,) if isinstance(slot, str) else slot) for word in words(text)}


def tidy(text: str) -> str:
    """One space between words, none before a mark, no doubled or leading commas."""
    out = re.sub(r"\s+", " ", text).strip()
    out = re.sub(r" ?([,.?])", r"\1", out)
    out = re.sub(r",(?=[,.?])|(?<=[.?]),", "", out)
    out = re.sub(r"([,.?])(?=[a-z])", r"\1 ", out)
    return out.lstrip(", ")


class _Gap:
    """A slot."""

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, rng: Rng, slots: Slots, parts: list[str]) -> None:
        slot = slots[self.name]
        if isinstance(slot, Pattern):
            slot._choice.write(rng, slots, parts)
        else:
            parts.append(slot if isinstance(slot, str) else pick(rng, slot))


_Item = Union[str, _Gap, "_Choice"]


class _Choice:
    """One of several sequences, or nothing if optional."""

    def __init__(self, options: list[list[_Item]], optional: bool) -> None:
        self.options, self.optional = options, optional

    def write(self, rng: Rng, slots: Slots, parts: list[str]) -> None:
        if self.optional and not chance(rng, _OPTIONAL):
            return
        for item in pick(rng, self.options):
            if isinstance(item, str):
                parts.append(item)
            else:
                item.write(rng, slots, parts)

    def forms(self) -> int:
        total = int(self.optional)
        for option in self.options:
            ways = 1
            for item in option:
                ways *= item.forms() if isinstance(item, _Choice) else 1
            total += ways
        return total

    def leaves(self) -> Iterator[str | _Gap]:
        for option in self.options:
            for item in option:
                if isinstance(item, _Choice):
                    yield from item.leaves()
                else:
                    yield item


def _parse(tokens: list[str], at: int, optional: bool = False, closing: str = "") -> tuple[_Choice, int]:
    """Reads alternatives up to the closing bracket; returns them and where it stopped."""
    options: list[list[_Item]] = [[]]
    while at < len(tokens):
        token = tokens[at]
        if token in ("(", "["):
            inner, at = _parse(tokens, at + 1, token == "[", ")" if token == "(" else "]")
            options[-1].append(inner)
        elif token == "|":
            options.append([])
        elif token in (")", "]"):
            if token != closing:
                raise ValueError(f"unexpected {token!r} in the pattern {''.join(tokens)!r}")
            return _Choice(options, optional), at
        elif token[0] == "{":
            options[-1].append(_Gap(token[1:-1]))
        elif token.strip():
            options[-1].append(token.strip())
        at += 1
    if closing:
        raise ValueError(f"missing {closing!r} in the pattern {''.join(tokens)!r}")
    return _Choice(options, optional), at
