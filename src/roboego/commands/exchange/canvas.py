"""What the lanes of a timeline share: the scene, the span of time, colours, and how sound, cells and small text are drawn."""
# N samples, T frames; x is seconds, y is inches

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from roboego.commands.exchange.record import BLOCKS_PER_FRAME, Record
from roboego.commands.exchange.turns import EgoTurn, UserTurn
from roboego.timebase import FRAME_S, SAMPLE_RATE, frames_to_seconds, seconds_to_samples

# Okabe and Ito's colours, told apart by colour-blind eyes too.
USER, EGO, WRITTEN, READ, ACTED = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#B07D00"
INK, QUIET_INK, GRID = "#222222", "#777777", "#E4E4E4"

SMALL_PT, LABEL_PT = 7.2, 8.5
EAST_ASIAN_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei",
)  # fmt: skip
"""For what matplotlib's own font lacks; those that are installed are used."""
ROW_IN, CELL_IN, WAVE_IN = 0.158, 0.085, 0.62


@dataclass(frozen=True, kw_only=True)
class Span:
    """The part of the time axis that a strip shows; what it shows may be over before, at `last_s`."""

    start_s: float
    end_s: float
    last_s: float
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
    replies: tuple[EgoTurn, ...]


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One stream of a strip; `above_in` is kept free over it."""

    label: str
    height_in: float
    draw: Callable[[Axes], None]
    colour: str = INK
    above_in: float = 0.0


@cache
def fonts() -> list[str]:
    """Families in which a character is looked for, in turn; one that none has is drawn as a box."""
    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in EAST_ASIAN_FONTS if name in installed)]


def plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")


def text_width_in(text: str) -> float:
    """Width of small text in inches."""
    return _width_pt(text) / 72


@cache
def _width_pt(text: str) -> float:
    return (
        float(TextPath((0, 0), plain(text), size=SMALL_PT, prop=FontProperties(family=fonts())).get_extents().width)
        if text.strip()
        else 0.0
    )


def fitting(text: str, room_in: float) -> str:
    """As much of a text as fits."""
    if text_width_in(text) <= room_in:
        return text
    while text and text_width_in(text + "…") > room_in:
        text = text[:-1]
    return text + "…" if text else ""


def band(axes: Axes, span: Span, start_s: float, end_s: float, colour: str) -> None:
    """The ground of a turn."""
    if span.holds(start_s, end_s):
        axes.fill_between([max(start_s, span.start_s), min(end_s, span.end_s)], CELL_IN, CELL_IN + WAVE_IN, color=colour, alpha=0.09, lw=0)


def sound(axes: Axes, span: Span, pcm: NDArray[np.float32], rms: NDArray[np.float32], late: int, colour: str) -> None:
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
        power = np.square(rms).reshape(-1, BLOCKS_PER_FRAME).mean(1)[[t - late for t in frames]]
        level = (10 * np.log10(np.maximum(power, 1e-12)) + 60) / 50
        place = (frames_to_seconds(frames[0]), frames_to_seconds(frames[-1] + 1), 0.01, CELL_IN - 0.01)
        axes.imshow(level[None], extent=place, aspect="auto", cmap=tint(colour), vmin=0, vmax=1, interpolation="nearest")


def cells(axes: Axes, span: Span, frames: list[int], y: float, height: float, colour: str, *, late: int) -> None:
    """A filled cell for each frame, `late` frames to the right."""
    shown = [f + late for f in frames if f + late in span.frames]
    axes.bar([frames_to_seconds(f) for f in shown], height - 0.02, FRAME_S * 0.86, bottom=y + 0.01, align="edge", color=colour, lw=0)


@cache
def tint(colour: str, strength: float = 1.0) -> LinearSegmentedColormap:
    """From nothing, through which the grid shows, to a colour; `strength` 1 covers the grid."""
    red, green, blue = to_rgb(colour)
    return LinearSegmentedColormap.from_list(f"tint {colour}", [(0.0, (red, green, blue, 0.0)), (1.0, (red, green, blue, strength))])
