"""Configuration dataclasses <-> JSON, with unknown, missing and mistyped keys refused."""

import dataclasses
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from roboego.errors import CheckpointError, InputError

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A dataclass (nested ones too) as JSON values."""
    return dataclasses.asdict(value)


def from_json(kind: type[T], data: Any, where: str = "config") -> T:
    """Builds a dataclass from JSON values.

    Raises:
        CheckpointError: a key is unknown or missing, or a value has the wrong type or is none that the dataclass takes; the message
            names it.
    """
    if not isinstance(data, dict):
        raise CheckpointError(f"{where} must be an object, not {type(data).__name__}")
    hints = _hints(kind)  # type: ignore[arg-type]
    names = [f.name for f in dataclasses.fields(kind) if f.init]  # type: ignore[arg-type]
    unknown = sorted(set(data) - set(names))
    if unknown:
        raise CheckpointError(
            f"{where} has unknown keys {', '.join(unknown)}; it may come from a newer version: upgrade roboego, or remove them"
        )
    values = {name: _value(hints[name], data[name], f"{where}.{name}") for name in names if name in data}
    try:
        with naming(where):
            return kind(**values)
    except TypeError as error:
        raise CheckpointError(f"{where} is incomplete: {error}") from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields, which take long to find: pictures are told of by many small ones."""
    return get_type_hints(kind)


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Turns an InputError of a configuration into a CheckpointError that names the file and the part that it is in."""
    try:
        yield
    except InputError as error:
        raise CheckpointError(f"{where}: {error}") from error


def check_at_least(least: int, config: Any, *names: str) -> None:
    """Raises an InputError that names the first of these fields that is too small."""
    for name in names:
        if (value := getattr(config, name)) < least:
            raise InputError(f"{name} must be at least {least}, not {value}")


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value, where)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        if value is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if origin is Literal:
        if value not in arguments:
            raise CheckpointError(f"{where} must be one of {', '.join(map(str, arguments))}, not {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise CheckpointError(f"{where} must be a list, not {value!r}")
        return tuple(_value(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, origin or hint) or (hint is int and isinstance(value, bool)):
        raise CheckpointError(f"{where} must be of type {getattr(hint, '__name__', hint)}, not {value!r}")
    return value
