"""Functions that Ego may call: how it is told of them, how its calls read, and how it is told of results.

All of it is plain text. Where the alphabet has no braces, `{"name": "set_timer", "arguments": {"minutes": 5}}` is written
`set timer, minutes five`; a model with a larger vocabulary may write the JSON itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from roboego.errors import InputError
from roboego.streams.alphabet import normalize, number_words

LARGEST = 999
"""The largest number that is written in words."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """What may be called.

    Attributes:
        name: letters, digits, `_` and `-`.
        description: what it does, in a sentence; may be empty.
        parameters: their JSON schema, an object's; `type` and `enum` of its properties and what is `required` are heeded.
    Raises:
        InputError: the name has other characters, or the parameters are no object's.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or not self.name.replace("_", "a").replace("-", "a").isalnum() or not self.name.isascii():
            raise InputError(f"a function's name has letters, digits, _ and -, not {self.name!r}")
        kind, properties = self.parameters.get("type", "object"), self.parameters.get("properties", {})
        if kind != "object" or not isinstance(properties, Mapping) or not all(isinstance(p, Mapping) for p in properties.values()):
            raise InputError(f"the parameters of {self.name} must be the JSON schema of an object, with its properties")

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """Schemas of the parameters, by name."""
        return self.parameters.get("properties", {})  # type: ignore[no-any-return]

    @property
    def required(self) -> tuple[str, ...]:
        """Parameters that a call must have."""
        return tuple(self.parameters.get("required", ()))


@dataclass(frozen=True, kw_only=True)
class FunctionCall:
    """A call: the function's name and its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


def announcement(functions: Sequence[Function]) -> str:
    """What Ego reads when functions are declared; "" if there are none."""
    told = []
    for function in functions:
        parts = [f"you can call {_spelt(function.name)}", *(_spelt(name) for name in function.properties)]
        told.append(", ".join(parts) + "." + (f" {normalize(function.description).rstrip('.')}." if function.description else ""))
    return " ".join(told)


def parse_call(text: str, functions: Sequence[Function]) -> FunctionCall:
    """A call as Ego wrote it.

    Raises:
        InputError: it is of no function that was declared, or its arguments are not what that takes.
    """
    name, given = _of_json(text) if text.lstrip().startswith("{") else _of_words(text, functions)
    function = next((f for f in functions if f.name == name), None)
    if function is None:
        raise InputError(
            f"Ego called {name!r}, which is not among the functions: {', '.join(f.name for f in functions) or 'there are none'}"
        )
    unknown = [key for key in given if key not in function.properties]
    missing = [key for key in function.required if key not in given]
    if unknown or missing:
        raise InputError(f"Ego called {name} with arguments that it does not take ({unknown}) or without those it needs ({missing})")
    return FunctionCall(name=name, arguments={key: _value(key, value, function.properties[key]) for key, value in given.items()})


def written_call(call: FunctionCall) -> str:
    """A call in words, as `parse_call` takes it apart again.

    Raises:
        InputError: an argument cannot be said in words.
    """
    return ", ".join([_spelt(call.name), *(f"{_spelt(key)} {normalize(_said(value))}" for key, value in call.arguments.items())])


def readable(result: str) -> str:
    """A function's result as Ego may read it: JSON without its signs, everything in the alphabet.

    Raises:
        InputError: it has letters or numbers that the alphabet has no words for.
    """
    try:
        value = json.loads(result)
    except ValueError:
        value = result
    return normalize(_said(value))


def _of_json(text: str) -> tuple[str, Mapping[str, Any]]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise InputError(f"Ego wrote a call that is no JSON: {text!r}") from error
    arguments = read.get("arguments", {}) if isinstance(read, dict) else None
    if not isinstance(arguments, dict) or not isinstance(read.get("name"), str):
        raise InputError(f"Ego wrote a call without a name or an object of arguments: {text!r}")
    return read["name"], arguments


def _of_words(text: str, functions: Sequence[Function]) -> tuple[str, Mapping[str, Any]]:
    name, *parts = [part.strip() for part in text.strip().rstrip(".").split(",")]
    function = next((f for f in functions if _spelt(f.name) == name), None)
    if function is None:
        return name, {}
    given: dict[str, Any] = {}
    for part in parts:
        keys = [key for key in function.properties if f"{part} ".startswith(f"{_spelt(key)} ")]
        if not keys:
            raise InputError(f"Ego called {function.name} with {part!r}, which begins with none of its parameters")
        key = max(keys, key=lambda k: len(_spelt(k)))
        given[key] = part[len(_spelt(key)) :].strip()
    return function.name, given


def _value(key: str, value: Any, schema: Mapping[str, Any]) -> Any:
    """An argument as its schema has it; words become numbers, yes and no truths, choices themselves."""
    choices = schema.get("enum")
    if choices is not None:
        found = [choice for choice in choices if value == choice or (isinstance(value, str) and normalize(_said(choice)) == value)]
        if not found:
            raise InputError(f"{key} must be one of {choices}, not {value!r}")
        return found[0]
    if not isinstance(value, str):
        return value
    kind = schema.get("type", "string")
    if kind in ("integer", "number"):
        return _number(key, value)
    if kind == "boolean":
        if value not in ("yes", "no", "true", "false"):
            raise InputError(f"{key} must be yes or no, not {value!r}")
        return value in ("yes", "true")
    if kind != "string":
        raise InputError(f"{key} is of type {kind}, which has no words; only JSON can say it")
    return value


def _number(key: str, words: str) -> float:
    sign, unsigned = (-1, words.removeprefix("minus ")) if words.startswith("minus ") else (1, words)
    whole, point, digits = unsigned.partition(" point ")
    known = _numbers()
    places = [known.get(digit, -1) for digit in digits.split()]
    if whole not in known or (point and not places) or not all(0 <= place < 10 for place in places):
        raise InputError(f"{key} must be a number, not {words!r}")
    if not point:
        return sign * known[whole]
    return sign * float(f"{known[whole]}.{''.join(map(str, places))}")


@lru_cache
def _numbers() -> dict[str, int]:
    return {number_words(n): n for n in range(LARGEST + 1)}


def _spelt(name: str) -> str:
    """A name in words."""
    return normalize(name)


def _said(value: Any) -> str:
    """A JSON value without its signs."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, int | float):
        return f"minus {-value}" if value < 0 else str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_said(part) for part in value)
    return str(value)
