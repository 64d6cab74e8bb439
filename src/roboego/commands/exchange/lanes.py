"""The lanes of a timeline: one a stream, each drawn on axes whose x is seconds and whose y is inches."""
# N samples, T frames, K codebooks

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from roboego.commands.exchange.record import BLOCKS_PER_FRAME, Record, Token, out_s
from roboego.commands.exchange.turns import Reply, UserTurn, Word
from roboego.timebase import FRAME_MS, FRAME_S, SAMPLE_RATE, frames_to_seconds, seconds_to_samples

# Okabe and Ito's colours, told apart by colour-blind eyes too.
USER, EGO, WRITTEN, READ, ACTED = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#B07D00"
INK, QUIET_INK, GRID = "#222222", "#777777", "#E4E4E4"

SMALL_PT, LABEL_PT = 7.2, 8.5
ROW_IN, CELL_IN, WAVE_IN = 0.158, 0.085, 0.62
MOST_ROWS = 22
"""Rows of a reply; the words of longer ones share rows."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The part of the time axis that a strip shows."""

    start_s: float
    end_s: float
    inches_per_s: float

    def holds(self, start_s: float, end_s: float) -> bool:
        return start_s < self.end_s and end_s > self.start_s

    @property
    def frames(self) -> range:
        """Frames of the grid that begin in it."""
        return range(round(self.start_s / FRAME_S), round(self.end_s / FRAME_S))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is drawn.

    Attributes:
        user, ego: [N] samples from the conversation's start; Ego's lie where they are heard.
    """

    record: Record
    user: NDArray[np.float32]
    ego: NDArray[np.float32]
    turns: tuple[UserTurn, ...]
    replies: tuple[Reply, ...]


@dataclass(frozen=True, kw_only=True)
class Lane:
    label: str
    height_in: float
    draw: Callable[[Axes], None]
    colour: str = INK


def lanes(scene: Scene, span: Span) -> list[Lane]:
    """Top to bottom, as information flows: in, words, sound out, motion out, time spent. Streams that were not used have no lane."""
    record = scene.record
    built = [look_lane(scene, span)] if record.looks else []
    built.append(user_lane(scene, span))
    if record.read:
        built.append(read_lane(scene, span))
    built += [text_lane(scene, span), ego_lane(scene, span)]
    if record.codes:
        built.append(codes_lane(scene, span))
    if record.actions:
        built.append(action_lane(scene, span))
    return [*built, compute_lane(scene, span)]


def look_lane(scene: Scene, span: Span) -> Lane:
    height = 0.62

    def draw(axes: Axes) -> None:
        looks = scene.record.looks
        ends = [frames_to_seconds(look.frame) for look in looks[1:]] + [scene.record.duration_s]
        for look, end_s in zip(looks, ends, strict=True):
            start_s = frames_to_seconds(look.frame)
            if not span.holds(start_s, end_s):
                continue
            shown_s = max(start_s, span.start_s)
            axes.fill_between([shown_s, min(end_s, span.end_s)], 0, height, color=ACTED, alpha=0.10, lw=0)
            picture = _thumbnail(look.path)
            width_s = height * picture.shape[1] / picture.shape[0] / span.inches_per_s
            axes.imshow(picture, extent=(shown_s, shown_s + width_s, 0, height), aspect="auto", interpolation="antialiased", zorder=3)

    return Lane(label="look", height_in=height, draw=draw, colour=ACTED)


def user_lane(scene: Scene, span: Span) -> Lane:
    def draw(axes: Axes) -> None:
        for turn in scene.turns:
            _band(axes, span, turn.start_s, turn.end_s, USER)
        _sound(axes, span, scene.user, scene.record.user_rms, 0, USER)

    return Lane(label="user", height_in=WAVE_IN + CELL_IN, draw=draw, colour=USER)


def ego_lane(scene: Scene, span: Span) -> Lane:
    def draw(axes: Axes) -> None:
        for reply in scene.replies:
            if reply.speech_start_s is not None and reply.speech_end_s is not None:
                _band(axes, span, reply.speech_start_s, reply.speech_end_s, EGO)
                _latency(axes, span, reply.speech_start_s, reply.latency_s)
        _sound(axes, span, scene.ego, scene.record.ego_rms, 1, EGO)

    return Lane(label="Ego", height_in=WAVE_IN + CELL_IN, draw=draw, colour=EGO)


def read_lane(scene: Scene, span: Span) -> Lane:
    def draw(axes: Axes) -> None:
        _cells(axes, span, [t.frame for t in scene.record.read], 0, ROW_IN, READ, late=0)
        groups: list[list[Token]] = []
        for token in scene.record.read:
            if not groups or token.frame != groups[-1][-1].frame + 1:
                groups.append([])
            groups[-1].append(token)
        starts = [frames_to_seconds(g[0].frame) for g in groups[1:]] + [np.inf]
        for group, next_s in zip(groups, starts, strict=True):
            x = max(frames_to_seconds(group[-1].frame + 1), span.start_s) + 0.04
            if not span.holds(frames_to_seconds(group[0].frame), x + 0.1):
                continue
            text = _fitting("".join(t.text for t in group).strip(), (min(next_s, span.end_s) - x) * span.inches_per_s)
            axes.text(x, ROW_IN / 2, text, size=SMALL_PT, color=READ, va="center_baseline", clip_on=True)

    return Lane(label="read", height_in=ROW_IN, draw=draw, colour=READ)


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """Words that share a row: from when they were written to when they had been heard."""

    text: str
    start_s: float
    heard_s: float | None
    end_s: float
    row: int


def text_lane(scene: Scene, span: Span) -> Lane:
    """The tokens as cells; below, each word's bar from the frame it was written at to the frame it had been heard in."""
    bars = _bars(scene, span)
    height = CELL_IN + 0.06 + ROW_IN * max([2, *(bar.row + 1 for bar in bars)])
    top = height - CELL_IN

    def draw(axes: Axes) -> None:
        written = [t.frame for t in scene.record.text if t.piece]
        _cells(axes, span, written, top, CELL_IN, WRITTEN, late=1)
        axes.axhline(top, color=GRID, lw=0.5, zorder=0)
        for bar in bars:
            _draw_bar(axes, span, bar, top - 0.06 - ROW_IN * (bar.row + 1))
        for token in scene.record.text:
            if not token.piece and span.holds(token.time_s, token.time_s + FRAME_S):
                axes.vlines(token.time_s, 0, height, color=INK, lw=1.0, ls=(0, (3, 2)))
                axes.text(
                    token.time_s + 0.03, top - 0.03, token.text.strip("<>"), size=SMALL_PT, color=INK, va="top", weight="bold", clip_on=True
                )

    return Lane(label="text\nto speech", height_in=height, draw=draw, colour=WRITTEN)


def _bars(scene: Scene, span: Span) -> list[_Bar]:
    """The bars that a strip shows, in rows: words of a reply one below the other, replies that meet in time side by side or below."""
    bars: list[_Bar] = []
    for reply in scene.replies:
        shown = [g for g in _shared(reply.words) if span.holds(g[0].start_s, _end_s(scene, reply, g[-1]))]
        fresh = [
            _Bar(
                text=" ".join(w.text for w in group),
                start_s=group[0].start_s,
                heard_s=group[-1].heard_s,
                end_s=_end_s(scene, reply, group[-1]),
                row=row,
            )
            for row, group in enumerate(shown)
        ]
        down = 0
        while any(_meet(span, a, b, down) for a in fresh for b in bars):
            down += 1
        bars += [_Bar(text=b.text, start_s=b.start_s, heard_s=b.heard_s, end_s=b.end_s, row=b.row + down) for b in fresh]
    return bars


def _shared(words: tuple[Word, ...]) -> list[tuple[Word, ...]]:
    many = -(-len(words) // MOST_ROWS)
    return [words[i : i + many] for i in range(0, len(words), many)]


def _end_s(scene: Scene, reply: Reply, word: Word) -> float:
    """Where a word's bar ends: heard, cut off, or never heard."""
    if word.heard_s is not None:
        return max(word.heard_s, word.end_s)
    return max(word.end_s, reply.cut_s if reply.cut_s is not None else word.end_s)


def _meet(span: Span, a: _Bar, b: _Bar, down: int) -> bool:
    if a.row + down != b.row:
        return False
    return a.start_s < _right_s(span, b) + 0.05 and b.start_s < _right_s(span, a) + 0.05


def _right_s(span: Span, bar: _Bar) -> float:
    """Right edge of bar and label."""
    start_s, label_s = max(bar.start_s, span.start_s), (text_width_in(bar.text) + 0.09) / span.inches_per_s
    inside = label_s <= bar.end_s - start_s
    return bar.end_s if inside else bar.end_s + label_s


def _draw_bar(axes: Axes, span: Span, bar: _Bar, y: float) -> None:
    start_s, middle = max(bar.start_s, span.start_s), y + ROW_IN / 2
    colour = WRITTEN if bar.heard_s is not None else QUIET_INK
    axes.fill_between([start_s, bar.end_s], y + 0.015, y + ROW_IN - 0.015, color=colour, alpha=0.17, lw=0)
    if bar.start_s >= span.start_s:
        axes.vlines(bar.start_s, y + 0.015, y + ROW_IN - 0.015, color=colour, lw=1.6)
    if bar.heard_s is not None and bar.end_s <= span.end_s:
        axes.plot([bar.end_s], [middle], "o", ms=3.6, color=EGO, zorder=4, clip_on=False)
    width_s = (text_width_in(bar.text) + 0.09) / span.inches_per_s
    x = start_s + 0.04 / span.inches_per_s if width_s <= bar.end_s - start_s else bar.end_s + 0.055 / span.inches_per_s
    if x + width_s > span.end_s + 0.05 / span.inches_per_s and bar.end_s > span.end_s:
        return  # The next strip has room for it.
    style = "normal" if bar.heard_s is not None else "italic"
    axes.text(x, middle, bar.text, size=SMALL_PT, color=INK if bar.heard_s is not None else QUIET_INK, va="center_baseline", style=style)


def codes_lane(scene: Scene, span: Span) -> Lane:
    height = 0.36

    def draw(axes: Axes) -> None:
        frames = [t for t in span.frames if 0 <= t - 1 < scene.record.frames]
        if frames:
            codes_KT = np.stack([scene.record.codes[t - 1] for t in frames], 1).astype(np.float64)
            most = max(int(max(c.max() for c in scene.record.codes)), 1)
            place = (frames_to_seconds(frames[0]), frames_to_seconds(frames[-1] + 1), 0, height)
            axes.imshow(
                codes_KT / most, extent=place, aspect="auto", cmap=_tint(EGO, 0.75), vmin=0, vmax=1, interpolation="nearest", origin="upper"
            )

    return Lane(label="codes", height_in=height, draw=draw, colour=EGO)


def action_lane(scene: Scene, span: Span) -> Lane:
    height = 0.5

    def draw(axes: Axes) -> None:
        actions_TD = np.stack(scene.record.actions)
        low, high = actions_TD.min(0), actions_TD.max(0)
        scaled = (actions_TD - low) / np.maximum(high - low, 1e-9) * (height - 0.08) + 0.04
        times = [out_s(t) for t in range(len(actions_TD))]
        for d in range(actions_TD.shape[1]):
            axes.plot(times, scaled[:, d], color=ACTED, lw=0.9, alpha=1 - 0.6 * d / actions_TD.shape[1], drawstyle="steps-post")

    return Lane(label="act", height_in=height, draw=draw, colour=ACTED)


def compute_lane(scene: Scene, span: Span) -> Lane:
    """How much of each frame's 80 ms its step took."""
    height = 0.34

    def draw(axes: Axes) -> None:
        frames = [t for t in span.frames if t - 1 in range(scene.record.frames)]
        ms = np.array([scene.record.step_ms[t - 1] for t in frames])
        colours = np.where(ms > FRAME_MS, EGO, QUIET_INK)
        axes.bar(
            [frames_to_seconds(t) for t in frames],
            np.minimum(ms / FRAME_MS, 1) * height,
            FRAME_S * 0.72,
            align="edge",
            color=list(colours),
            lw=0,
        )
        axes.axhline(height, color=QUIET_INK, lw=0.6, ls=(0, (4, 3)))

    return Lane(label="step\nof 80 ms", height_in=height, draw=draw, colour=QUIET_INK)


def text_width_in(text: str) -> float:
    """Width of small text in inches."""
    return _width_pt(text) / 72


@cache
def _width_pt(text: str) -> float:
    return float(TextPath((0, 0), text, size=SMALL_PT, prop=FontProperties()).get_extents().width) if text.strip() else 0.0


def _fitting(text: str, room_in: float) -> str:
    """As much of a text as fits."""
    if text_width_in(text) <= room_in:
        return text
    while text and text_width_in(text + "…") > room_in:
        text = text[:-1]
    return text + "…" if text else ""


def _band(axes: Axes, span: Span, start_s: float, end_s: float, colour: str) -> None:
    if span.holds(start_s, end_s):
        axes.fill_between([max(start_s, span.start_s), min(end_s, span.end_s)], CELL_IN, CELL_IN + WAVE_IN, color=colour, alpha=0.09, lw=0)


def _sound(axes: Axes, span: Span, pcm: NDArray[np.float32], rms: list[float], late: int, colour: str) -> None:
    """Waveform, scaled to the track's peak, and under it a cell a frame whose tint is the level from -60 to -10 dBFS."""
    hop = 96
    start = seconds_to_samples(span.start_s)
    part = pcm[start : seconds_to_samples(span.end_s)]
    part = np.pad(part, (0, -len(part) % hop)).reshape(-1, hop)
    peak = max(float(np.abs(pcm).max(initial=0)), 0.02)
    middle, half = CELL_IN + WAVE_IN / 2, 0.46 * WAVE_IN
    times = span.start_s + np.arange(len(part)) * hop / SAMPLE_RATE
    axes.fill_between(times, middle + part.min(1) / peak * half, middle + part.max(1) / peak * half, color=colour, lw=0.3)
    frames = [t for t in span.frames if 0 <= t - late < len(rms) // BLOCKS_PER_FRAME]
    if frames:
        power = np.square(np.array(rms)).reshape(-1, BLOCKS_PER_FRAME).mean(1)[[t - late for t in frames]]
        level = (10 * np.log10(np.maximum(power, 1e-12)) + 60) / 50
        place = (frames_to_seconds(frames[0]), frames_to_seconds(frames[-1] + 1), 0.01, CELL_IN - 0.01)
        axes.imshow(level[None], extent=place, aspect="auto", cmap=_tint(colour, 1.0), vmin=0, vmax=1, interpolation="nearest")


def _cells(axes: Axes, span: Span, frames: list[int], y: float, height: float, colour: str, *, late: int) -> None:
    shown = [f + late for f in frames if f + late in span.frames]
    axes.bar([frames_to_seconds(f) for f in shown], height - 0.02, FRAME_S * 0.86, bottom=y + 0.01, align="edge", color=colour, lw=0)


def _latency(axes: Axes, span: Span, speech_start_s: float, latency_s: float | None) -> None:
    """From the end of the user's turn to the first sound of the reply."""
    if latency_s is None or latency_s <= 0 or not span.start_s <= speech_start_s <= span.end_s:
        return
    y, start_s = CELL_IN + WAVE_IN * 0.86, max(speech_start_s - latency_s, span.start_s)
    axes.annotate(
        "", (speech_start_s, y), (start_s, y), arrowprops={"arrowstyle": "<->", "color": INK, "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
    )
    label = f"{latency_s:.2f} s"
    left = (start_s - span.start_s) * span.inches_per_s > text_width_in(label) + 0.1
    axes.text(
        start_s - 0.04 if left else speech_start_s + 0.04,
        y,
        label,
        size=SMALL_PT,
        color=INK,
        va="center",
        ha="right" if left else "left",
        weight="bold",
    )


@cache
def _tint(colour: str, strength: float) -> LinearSegmentedColormap:
    """From white to a colour."""
    end = LinearSegmentedColormap.from_list("full", ["white", colour])(strength)
    return LinearSegmentedColormap.from_list(f"tint {colour}", ["white", end])


@cache
def _thumbnail(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
        small.thumbnail((320, 200))
        return np.asarray(small)
