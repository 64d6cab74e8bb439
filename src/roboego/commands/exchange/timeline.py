"""The picture of a conversation: all streams as lanes on one 80 ms grid, strip by strip like lines of a page."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from roboego.commands.exchange.canvas import EGO, GRID, INK, LABEL_PT, QUIET_INK, SMALL_PT, USER, WRITTEN, Lane, Scene, Span, fonts, plain
from roboego.commands.exchange.lanes import lanes
from roboego.commands.exchange.record import DRAWN_FRAMES, Record
from roboego.commands.exchange.turns import ego_turns, user_turns
from roboego.timebase import (
    FRAME_MS,
    FRAME_S,
    FRAME_SAMPLES,
    frames_to_seconds,
    seconds_to_frames,
    seconds_to_frames_up,
    seconds_to_samples,
)

WIDTH_IN, LEFT_IN, RIGHT_IN, TITLE_IN = 16.0, 1.2, 0.2, 0.3
HEAD_IN, FOOT_IN, AXIS_IN, STRIP_GAP_IN, LANE_GAP_IN = 0.62, 0.56, 0.26, 0.30, 0.055
SHORTEST_STRIP_S, STRIP_S, LONGEST_STRIP_S = 4.0, 9.6, 12.0
MOST_STRIPS = DRAWN_FRAMES // seconds_to_frames(STRIP_S)
"""Of a longer conversation, the first minutes are drawn."""
LONGEST_NAME = 40
"""Letters of the model's name that are shown."""
DPI = 160


def draw_timeline(record: Record, conversation: Path, target: Path) -> None:
    """Draws a PNG.

    Args:
        record: what happened.
        conversation: the stereo wav, user left and Ego right.
        target: the file to write.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        compose(record, conversation).savefig(target, format="png")


def compose(record: Record, conversation: Path) -> Figure:
    """The picture, before it is written. Arguments as of `draw_timeline`."""
    spans = _spans(record)
    with soundfile.SoundFile(conversation) as file:
        pcm = file.read(seconds_to_samples(spans[-1].end_s), dtype="float32", always_2d=True)
    turns = user_turns(record)
    scene = Scene(record=record, user=pcm[:, 0], ego=pcm[:, 1], turns=turns, replies=ego_turns(record, turns))
    strips = [(span, lanes(scene, span)) for span in spans]
    height = HEAD_IN + FOOT_IN + sum(_height(strip) for _, strip in strips) + STRIP_GAP_IN * (len(strips) - 1)
    figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    top = height - HEAD_IN
    with rc_context({"font.family": fonts()}):
        for span, strip in strips:
            _draw_strip(figure, span, strip, top)
            top -= _height(strip) + STRIP_GAP_IN
        _head(figure, scene, spans)
        _foot(figure, scene)
    return figure


def _spans(record: Record) -> list[Span]:
    """Strips of whole frames, one long one for a short conversation."""
    total_s = record.duration_s
    strip_s = max(total_s, SHORTEST_STRIP_S) if total_s <= LONGEST_STRIP_S else STRIP_S
    strip_frames = seconds_to_frames(strip_s)
    count = min(-(-seconds_to_frames_up(total_s) // strip_frames), MOST_STRIPS)
    room_in = WIDTH_IN - LEFT_IN - RIGHT_IN
    return [
        Span(
            start_s=frames_to_seconds(i * strip_frames),
            end_s=frames_to_seconds((i + 1) * strip_frames),
            last_s=min(frames_to_seconds((i + 1) * strip_frames), total_s),
            inches_per_s=room_in / (strip_frames * FRAME_S),
        )
        for i in range(count)
    ]


def _height(strip: list[Lane]) -> float:
    return sum(lane.above_in + lane.height_in + LANE_GAP_IN for lane in strip) + AXIS_IN


def _draw_strip(figure: Figure, span: Span, strip: list[Lane], top: float) -> None:
    height = _height(strip) - AXIS_IN
    back = _axes(figure, span, top - height, height)
    frames = np.arange(span.start_s, span.last_s + 1e-6, FRAME_S)
    seconds = np.arange(np.ceil(span.start_s), span.last_s + 1e-6)
    back.vlines(frames, 0, height, color=GRID, lw=0.35)
    back.vlines(seconds, 0, height, color="#BDBDBD", lw=0.8)
    back.set_xticks(seconds, [f"{s:.0f} s" for s in seconds], size=SMALL_PT, color=QUIET_INK)
    back.tick_params(axis="x", length=0, pad=3)
    y = top
    for lane in strip:
        y -= lane.above_in + lane.height_in
        axes = _axes(figure, span, y, lane.height_in)
        axes.set_xticks([])
        lane.draw(axes)
        axes.set_xlim(span.start_s, span.end_s)
        axes.set_ylim(0, lane.height_in)
        figure.text(
            (LEFT_IN - 0.1) / WIDTH_IN, (y + lane.height_in / 2) / figure.get_figheight(), lane.label,
            ha="right", va="center", size=LABEL_PT, color=lane.colour, weight="bold", linespacing=1.0,
        )  # fmt: skip
        y -= LANE_GAP_IN


def _axes(figure: Figure, span: Span, bottom: float, height: float) -> Any:
    """Axes in inches, transparent and without a frame."""
    total = figure.get_figheight()
    axes = figure.add_axes((LEFT_IN / WIDTH_IN, bottom / total, (WIDTH_IN - LEFT_IN - RIGHT_IN) / WIDTH_IN, height / total))
    axes.set_facecolor("none")
    axes.set_xlim(span.start_s, span.end_s)
    axes.set_ylim(0, height)
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _head(figure: Figure, scene: Scene, spans: list[Span]) -> None:
    record, total = scene.record, figure.get_figheight()
    y = 1 - 0.30 / total
    name = record.title if len(record.title) <= LONGEST_NAME else record.title[: LONGEST_NAME - 1] + "…"
    figure.text(TITLE_IN / WIDTH_IN, y, plain(f"A conversation with {name}"), size=15, weight="bold", color=INK, va="center")
    facts = [f"{record.duration_s:.1f} s"]
    if spans[-1].end_s < record.duration_s - FRAME_S:
        facts = [f"the first {spans[-1].end_s:.0f} s of {record.duration_s:.0f} s"]
    latencies = [r.latency_s for r in scene.replies if r.latency_s is not None]
    if latencies:
        facts.append(f"first sound {float(np.median(latencies)):.2f} s after the user" + (" (median)" if len(latencies) > 1 else ""))
    if record.step_ms:
        p50, p99 = record.step_percentiles()
        facts.append(f"a step of 80 ms takes {p50:.1f} ms, 99% at most {p99:.1f} ms")
    figure.text(1 - RIGHT_IN / WIDTH_IN, y, "   ·   ".join(facts), size=LABEL_PT + 1, color=QUIET_INK, va="center", ha="right")


def _foot(figure: Figure, scene: Scene) -> None:
    """What the signs mean, in two rows; those that do not occur are left out."""
    record, replies = scene.record, scene.replies
    frame = f"one line a frame: {FRAME_MS:.0f} ms, {FRAME_SAMPLES} samples"
    keys: list[Patch | Line2D] = [Line2D([], [], color="#CCCCCC", lw=1, label=frame)]
    if scene.turns:
        keys.append(Patch(facecolor=USER, alpha=0.2, label="the user's turn"))
    if replies:
        keys += [
            Patch(facecolor=EGO, alpha=0.2, label="Ego's speech"),
            Patch(facecolor=WRITTEN, label="a token written"),
            Patch(facecolor=WRITTEN, alpha=0.25, label="written, not yet heard"),
            Line2D([], [], marker="o", ls="", ms=5, color=EGO, label="heard, as spoken_upto reports it"),
        ]
    if any(turn.cut_s is not None and turn.words[-1].heard_s is None for turn in replies):
        keys.append(Patch(facecolor=QUIET_INK, alpha=0.25, label="cut off, never heard"))
    if any(turn.latency_s is not None and turn.latency_s > 0 for turn in replies):
        latency = "from the user's last sound to Ego's first"
        keys.append(Line2D([], [], marker=r"$\leftrightarrow$", ls="", ms=11, mew=0.1, color=INK, label=latency))
    keys.append(Patch(facecolor=QUIET_INK, alpha=0.7, label="under a wave: its level, -60 to -10 dBFS"))
    if record.late_steps:
        keys.append(Patch(facecolor=EGO, label=f"a step that took over {FRAME_MS:.0f} ms"))
    figure.legend(
        handles=keys, loc="lower center", ncols=-(-len(keys) // 2), frameon=False, fontsize=LABEL_PT - 0.5, labelcolor=INK,
        bbox_to_anchor=(0.5, 0.0), columnspacing=1.8, handletextpad=0.5, handlelength=1.4,
    )  # fmt: skip
