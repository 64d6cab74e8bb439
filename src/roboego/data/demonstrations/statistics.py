"""Least, greatest, mean and spread of every feature, of an episode and of all of them."""
# T frames, H high, W wide, D dimensions

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Figures = dict[str, NDArray[Any]]
"""min, max, mean, std: [D], or [3, 1, 1] of pictures, whose values go from 0 to 1; count: [1] frames."""
Stats = dict[str, Figures]
"""Figures by feature."""
PREFIX = "stats/"


def of_numbers(values_TD: NDArray[Any]) -> Figures:
    """Of numbers [T, D], or [T], which counts as one dimension."""
    rows = values_TD.reshape(len(values_TD), -1)
    return {
        "min": rows.min(0),
        "max": rows.max(0),
        "mean": rows.mean(0, dtype=np.float64),
        "std": rows.std(0, dtype=np.float64),
        "count": np.array([len(rows)]),
    }


class PictureFigures:
    """The same of pictures, one after another."""

    def __init__(self) -> None:
        self._count = self._pixels = 0
        self._least, self._most = np.full(3, 255, np.uint8), np.zeros(3, np.uint8)
        self._sum, self._squares = np.zeros(3, np.int64), np.zeros(3, np.int64)

    def add(self, picture_HWC: NDArray[np.uint8]) -> None:
        pixels = picture_HWC.reshape(-1, 3)
        self._count, self._pixels = self._count + 1, self._pixels + len(pixels)
        self._least, self._most = np.minimum(self._least, pixels.min(0)), np.maximum(self._most, pixels.max(0))
        self._sum += pixels.sum(0, dtype=np.int64)
        self._squares += np.square(pixels, dtype=np.uint32).sum(0, dtype=np.int64)

    def figures(self) -> Figures:
        mean = self._sum / self._pixels
        spread = np.sqrt(np.maximum(self._squares / self._pixels - mean**2, 0))
        named: dict[str, NDArray[Any]] = {"min": self._least, "max": self._most, "mean": mean, "std": spread}
        return {**{name: (value / 255).reshape(3, 1, 1) for name, value in named.items()}, "count": np.array([self._count])}


def merged(a: Stats, b: Stats) -> Stats:
    """The figures of two recordings taken together; a feature that only one has keeps that one's."""
    return {
        key: _merged(a[key], b[key]) if key in a and key in b else (a.get(key) or b[key]) for key in (*a, *(k for k in b if k not in a))
    }


def _merged(a: Figures, b: Figures) -> Figures:
    """By the parallel algorithm of Chan, Golub and LeVeque."""
    count = a["count"] + b["count"]
    share = b["count"] / count
    apart = b["mean"] - a["mean"]
    variance = (1 - share) * a["std"] ** 2 + share * b["std"] ** 2 + share * (1 - share) * apart**2
    return {
        "min": np.minimum(a["min"], b["min"]),
        "max": np.maximum(a["max"], b["max"]),
        "mean": a["mean"] + share * apart,
        "std": np.sqrt(variance),
        "count": count,
    }


def as_columns(stats: Stats) -> dict[str, Any]:
    """Plain lists as an episode's row has them: `stats/FEATURE/FIGURE`."""
    return {f"{PREFIX}{key}/{name}": value.tolist() for key, figures in stats.items() for name, value in figures.items()}


def from_columns(row: Mapping[str, Any]) -> Stats:
    """The other way; columns of other figures are left alone."""
    stats: Stats = {}
    for column, value in row.items():
        key, _, name = column.removeprefix(PREFIX).rpartition("/")
        if column.startswith(PREFIX) and name in ("min", "max", "mean", "std", "count") and value is not None:
            stats.setdefault(key, {})[name] = np.array(value)
    return {key: figures for key, figures in stats.items() if len(figures) == 5}


def as_json(stats: Stats) -> dict[str, Any]:
    return {key: {name: value.tolist() for name, value in figures.items()} for key, figures in stats.items()}
