"""Strict configuration: what is unknown, missing or mistyped is named."""

from dataclasses import dataclass

import pytest

from roboego.errors import CheckpointError
from roboego.strict import check_at_least, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int
    name: str | None = None

    def __post_init__(self) -> None:
        check_at_least(1, self, "size")


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner
    rates: tuple[float, ...] = ()
    on: bool = False


def test_round_trip() -> None:
    value = Outer(inner=Inner(size=2, name="x"), rates=(1.0, 0.5), on=True)
    assert from_json(Outer, to_json(value)) == value
    assert from_json(Outer, {"inner": {"size": 2}, "rates": [1]}) == Outer(inner=Inner(size=2), rates=(1.0,))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"inner": {"size": 2, "colour": 1}}, "config.inner has unknown keys colour"),
        ({}, "config is incomplete"),
        ({"inner": {"size": "2"}}, "config.inner.size must be of type int"),
        ({"inner": {"size": True}}, "config.inner.size must be of type int"),
        ({"inner": {"size": 0}}, "config.inner: size must be at least 1, not 0"),
        ({"inner": 3}, "config.inner must be an object"),
        ({"inner": {"size": 2}, "rates": 1}, "config.rates must be a list"),
    ],
)
def test_refusals(data: object, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        from_json(Outer, data)
