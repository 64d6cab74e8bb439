"""A page of what an evaluation found: every rate with its interval, drawn and told, and conversations to look at and to listen to."""
# N samples

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from roboego.evaluation.talk import Talked
from roboego.sound.files import appearing
from roboego.timebase import SAMPLE_RATE, frames_to_seconds

USER, EGO, INK, GRID = "#0072B2", "#D55E00", "#222222", "#E4E4E4"
"""Okabe and Ito's colours, as in the timelines."""
DPI = 110
_UNITS = {"share": "percent", "points": "points of WER", "s": "seconds", "nats": "nats a word", "MOS": "opinion, 1 to 5"}

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-top: 1px solid #ddd; padding-top: 1rem }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left } td.n { font-variant-numeric: tabular-nums }
img { max-width: 100%; height: auto } audio { width: 100%; max-width: 40rem; display: block; margin: .3rem 0 1.2rem }
figure { margin: 1.2rem 0 0 } figcaption { color: #555 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } img { background: #fff } figcaption { color: #aaa } }
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A conversation worth a look.

    Attributes:
        suite, title: where it belongs and what it is. note: what came of it.
    """

    suite: str
    title: str
    note: str
    talked: Talked


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A rate with its interval, or a time or a likelihood with its own, and of how many it is."""

    name: str
    value: float
    low: float
    high: float
    of: str
    unit: str


def write_report(folder: Path, results: dict[str, Any], samples: Sequence[Sample], *, command: str) -> Path:
    """Writes `index.html` with its pictures and sounds into a folder, and returns it.

    Args:
        results: by suite, as `roboego eval` prints them.
        command: what was run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f"<h1>{html.escape(str(results.get('model', 'model')))}</h1><p>Measured by <code>{html.escape(command)}</code></p>"]
    for suite, found in results.items():
        if isinstance(found, dict):
            parts.append(_section(folder, suite, found, [s for s in samples if s.suite == suite]))
    page = folder / "index.html"
    body = "\n".join(parts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    with appearing(page) as file:
        file.write_text(
            f"<!doctype html><html lang=en>{head}<title>Evaluation</title><style>{_STYLE}</style>{body}</html>\n", encoding="utf-8"
        )
    return page


def _section(folder: Path, suite: str, found: dict[str, Any], samples: Sequence[Sample]) -> str:
    parts = [f"<h2>{html.escape(suite)}</h2>"]
    for unit, title in (("share", "rates"), ("points", "points"), ("s", "times"), ("nats", "likelihoods"), ("MOS", "opinions")):
        figures = [f for f in figures_of(found) if f.unit == unit]
        if not figures:
            continue
        name = f"{suite}-{title}.png"
        _save(_drawn(figures, unit), folder / name)
        parts.append(f'<img src="{name}" alt="{title} with 95% intervals">')
        rows = "".join(
            f"<tr><td>{html.escape(f.name)}</td><td class=n>{_told(f.value, unit)}</td>"
            f"<td class=n>{_told(f.low, unit)} to {_told(f.high, unit)}</td><td class=n>{f.of}</td></tr>"
            for f in figures
        )
        parts.append(f"<table><tr><th>figure</th><th>measured</th><th>95% interval</th><th>of</th></tr>{rows}</table>")
    for i, sample in enumerate(samples):
        stem = f"{suite}-{i:02d}"
        _save(_timeline(sample.talked), folder / f"{stem}.png")
        _save_sound(sample.talked, folder / f"{stem}.flac")
        caption = f"{html.escape(sample.title)}<br>{html.escape(sample.note)}"
        parts.append(
            f'<figure><figcaption>{caption}</figcaption><img src="{stem}.png" alt="user above, Ego below">'
            f'<audio controls preload=none src="{stem}.flac"></audio></figure>'
        )
    return "\n".join(parts)


def figures_of(found: dict[str, Any], name: str = "") -> Iterator[Measured]:
    """Every figure with an interval in a suite's results, in their order."""
    for key, value in found.items():
        label = f"{name} {key.removesuffix('_s')}".strip().replace("_", " ")
        if not isinstance(value, dict):
            continue
        if "points_interval" in value:
            low, high = value["points_interval"]
            yield Measured(name=f"{label} points", value=value["points"], low=low, high=high, of="", unit="points")
        if "wer" in value:
            low, high = value["interval"]
            yield Measured(name=f"{label} WER", value=value["wer"], low=low, high=high, of=f"{value['words']} words", unit="share")
        elif value.get("rate") is not None and "interval" in value:
            low, high = value["interval"]
            yield Measured(name=label, value=value["rate"], low=low, high=high, of=str(value["of"]), unit="share")
        elif "nats_a_word" in value:
            low, high = value["interval"]
            yield Measured(name=f"{label} word", value=value["nats_a_word"], low=low, high=high, of=f"{value['words']} words", unit="nats")
        elif "mos" in value:
            low, high = value["interval"]
            yield Measured(name=f"{label} ({value['predictor']})", value=value["mos"], low=low, high=high, of=str(value["of"]), unit="MOS")
        elif value.get("median") is not None and value.get("median_interval"):
            low, high = value["median_interval"]
            yield Measured(name=f"{label} median", value=value["median"], low=low, high=high, of=str(value.get("of", "")), unit="s")
        else:
            yield from figures_of(value, label)


def _told(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "share" else f"{value:.2f} {unit}"


def _drawn(figures: Sequence[Measured], unit: str) -> Figure:
    """Each figure as a point with its interval, the first on top."""
    drawing, axes = _canvas(9.0, 0.6 + 0.27 * len(figures))
    places = np.arange(len(figures))[::-1]
    scale = 100 if unit == "share" else 1
    values, low, high = (np.array([getattr(f, part) * scale for f in figures]) for part in ("value", "low", "high"))
    axes.hlines(places, low, high, color=USER, lw=2.5, alpha=0.45)
    axes.plot(values, places, "o", color=USER, ms=5)
    axes.set_yticks(places, [f.name for f in figures], fontsize=8.5)
    axes.set_ylim(-0.7, len(figures) - 0.3)
    axes.set_xlim(min(0.0, float(low.min()) * 1.05), 100 if unit == "share" else None)
    axes.set_xlabel(_UNITS[unit], fontsize=8.5)
    axes.grid(axis="x", color=GRID)
    return drawing


def _timeline(talked: Talked) -> Figure:
    """The user's sound above, Ego's below; what Ego heard and wrote where it did."""
    drawing, axes = _canvas(11.0, 2.6)
    for pcm, height, colour in ((talked.user, 1.0, USER), (talked.ego, -1.0, EGO)):
        _wave(axes, pcm, height, colour)
    for row, colour, name in ((2.1, USER, "heard"), (-2.35, EGO, "text")):
        for i, (at, word) in enumerate(_words(talked, name)):
            axes.text(at, row + (0.32 if i % 2 else 0.0), word, fontsize=7, color=colour, ha="left", va="center")
    axes.set_yticks([1.0, -1.0], ["user", "Ego"], fontsize=8.5)
    axes.set_ylim(-2.7, 2.75)
    axes.set_xlim(0, len(talked.user) / SAMPLE_RATE)
    axes.set_xlabel("seconds", fontsize=8.5)
    axes.grid(axis="x", color=GRID)
    return drawing


def _wave(axes: Axes, pcm_N: np.ndarray[Any, np.dtype[np.float32]], height: float, colour: str) -> None:
    """A lane of sound, its loudest and softest sample every 10 ms."""
    hop = SAMPLE_RATE // 100
    blocks = np.pad(pcm_N, (0, -len(pcm_N) % hop)).reshape(-1, hop)
    times = np.arange(len(blocks)) / 100
    axes.fill_between(times, height + 1.6 * blocks.min(1), height + 1.6 * blocks.max(1), color=colour, lw=0)


def _words(talked: Talked, name: str) -> Iterator[tuple[float, str]]:
    """Words that Ego wrote down of what it heard, or as its own text, each at the time of its first piece."""
    word, at = "", 0.0
    for t, frame in enumerate(talked.frames):
        piece: str = getattr(frame, name)
        if piece.startswith(" ") or not word:
            if word.strip():
                yield at, word.strip()
            word, at = "", frames_to_seconds(t + 1)
        word += piece
    if word.strip():
        yield at, word.strip()


def _canvas(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    drawing = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(drawing)
    axes: Axes = drawing.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8.5, colors=INK)
    return drawing, axes


def _save(drawing: Figure, target: Path) -> None:
    with appearing(target) as file:
        drawing.savefig(file, format="png")


def _save_sound(talked: Talked, target: Path) -> None:
    """Stereo, the user left and Ego right."""
    both = np.stack([talked.user, talked.ego], 1)
    with appearing(target) as file:
        soundfile.write(file, np.clip(both, -1, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
