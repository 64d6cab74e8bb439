"""The lane on which Ego's text runs ahead of its speech."""

from dataclasses import dataclass, replace

from matplotlib.axes import Axes

from roboego.commands.exchange.canvas import (
    CELL_IN,
    EGO,
    GRID,
    INK,
    QUIET_INK,
    ROW_IN,
    SMALL_PT,
    WRITTEN,
    Lane,
    Scene,
    Span,
    cells,
    plain,
    text_width_in,
)
from roboego.commands.exchange.record import out_s
from roboego.commands.exchange.turns import EgoTurn, Word

MOST_ROWS = 22
"""Rows of a reply; the words of longer ones share rows."""


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """Words that share a row, from when they were written to when they had been heard, were cut off, or the recording ended."""

    text: str
    start_s: float
    end_s: float
    heard: bool
    cut: bool
    row: int


def text_lane(scene: Scene, span: Span) -> Lane:
    """The tokens as cells; below, each word's bar from the frame it was written at to the frame it had been heard in."""
    bars = _bars(scene, span)
    specials = [t for t in scene.record.text if not t.piece and span.start_s <= out_s(t.frame) < span.end_s]
    height = CELL_IN + 0.06 + ROW_IN * max([2, *(bar.row + 1 for bar in bars)])
    top = height - CELL_IN

    def draw(axes: Axes) -> None:
        cells(axes, span, [t.frame for t in scene.record.text if t.piece], top, CELL_IN, WRITTEN, late=1)
        axes.hlines(top, span.start_s, span.last_s, color=GRID, lw=0.5, zorder=0)
        for bar in bars:
            _draw_bar(axes, span, bar, top - 0.06 - ROW_IN * (bar.row + 1))
        free_s = span.start_s
        for token in specials:
            at_s, name = out_s(token.frame), token.text.strip("<>")
            axes.vlines(at_s, 0, height, color=INK, lw=1.0, ls=(0, (3, 2)))
            width_s = (1.1 * text_width_in(name) + 0.06) / span.inches_per_s
            if at_s >= free_s and at_s + width_s < span.end_s:
                free_s = at_s + width_s
                axes.text(at_s, height + 0.02, plain(name), size=SMALL_PT, color=INK, va="bottom", weight="bold")

    return Lane(label="text", height_in=height, draw=draw, colour=WRITTEN, above_in=0.12 if specials else 0.0)


def _bars(scene: Scene, span: Span) -> list[_Bar]:
    """The bars that a strip shows, in rows: words of a reply one below the other, replies that meet in time side by side or below."""
    bars: list[_Bar] = []
    for reply in scene.replies:
        shown = [g for g in _shared(reply.words) if span.holds(g[0].start_s, _end_s(scene, reply, g[-1]))]
        fresh = [_bar(scene, reply, group, row) for row, group in enumerate(shown)]
        down = 0
        while any(_meet(span, a, b, down) for a in fresh for b in bars):
            down += 1
        bars += [replace(b, row=b.row + down) for b in fresh]
    return bars


def _bar(scene: Scene, reply: EgoTurn, words: tuple[Word, ...], row: int) -> _Bar:
    return _Bar(
        text=" ".join(w.text for w in words),
        start_s=words[0].start_s,
        end_s=_end_s(scene, reply, words[-1]),
        heard=words[-1].heard_s is not None,
        cut=words[-1].heard_s is None and reply.cut_s is not None,
        row=row,
    )


def _shared(words: tuple[Word, ...]) -> list[tuple[Word, ...]]:
    """Words that share a row; those that were heard and those that were not do not."""
    many = -(-len(words) // MOST_ROWS)
    heard = sum(word.heard_s is not None for word in words)
    return [part[i : i + many] for part in (words[:heard], words[heard:]) for i in range(0, len(part), many)]


def _end_s(scene: Scene, reply: EgoTurn, word: Word) -> float:
    """Where a word's bar ends: heard, cut off, or never heard."""
    last_s = next(s for s in (word.heard_s, reply.cut_s, scene.record.duration_s) if s is not None)
    return max(last_s, word.end_s)


def _meet(span: Span, a: _Bar, b: _Bar, down: int) -> bool:
    """Whether two bars with their labels touch, the first moved down."""
    if a.row + down != b.row:
        return False
    (a_start_s, a_end_s), (b_start_s, b_end_s) = _extent(span, a), _extent(span, b)
    gap_s = 0.08 / span.inches_per_s
    return a_start_s < b_end_s + gap_s and b_start_s < a_end_s + gap_s


def _label(span: Span, bar: _Bar) -> tuple[float, float] | None:
    """Left and right edge of a bar's label: on the bar, else to its right, else to its left. None: the next strip has room for it."""
    start_s, width_s = max(bar.start_s, span.start_s), (text_width_in(bar.text) + 0.06) / span.inches_per_s
    inset_s = 0.045 / span.inches_per_s
    if start_s + inset_s + width_s <= min(bar.end_s, span.end_s):
        return start_s + inset_s, start_s + inset_s + width_s
    if bar.end_s > span.end_s:
        return None
    if bar.end_s + inset_s + width_s <= span.end_s:
        return bar.end_s + inset_s, bar.end_s + inset_s + width_s
    return start_s - inset_s - width_s, start_s - inset_s


def _extent(span: Span, bar: _Bar) -> tuple[float, float]:
    label = _label(span, bar) or (bar.start_s, bar.end_s)
    return min(bar.start_s, label[0]), max(bar.end_s, label[1])


def _draw_bar(axes: Axes, span: Span, bar: _Bar, y: float) -> None:
    low, high, start_s = y + 0.015, y + ROW_IN - 0.015, max(bar.start_s, span.start_s)
    colour = QUIET_INK if bar.cut else WRITTEN
    axes.fill_between([start_s, min(bar.end_s, span.end_s)], low, high, color=colour, alpha=0.17, lw=0)
    if bar.start_s >= span.start_s:
        axes.vlines(bar.start_s, low, high, color=colour, lw=1.6)
    if bar.heard and bar.end_s <= span.end_s:
        axes.plot([bar.end_s], [y + ROW_IN / 2], "o", ms=3.6, color=EGO, zorder=4, clip_on=False)
    if label := _label(span, bar):
        ink, style = (QUIET_INK, "italic") if bar.cut else (INK, "normal")
        axes.text(label[0], y + ROW_IN / 2, plain(bar.text), size=SMALL_PT, color=ink, va="center_baseline", style=style)
