"""The lanes of a timeline: one a stream, each drawn on axes whose x is seconds and whose y is inches."""
# T frames, K codebooks, D action dimensions

from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from roboego.commands.exchange.canvas import (
    ACTED,
    CELL_IN,
    EGO,
    INK,
    QUIET_INK,
    READ,
    ROW_IN,
    SMALL_PT,
    USER,
    WAVE_IN,
    Lane,
    Scene,
    Span,
    band,
    cells,
    fitting,
    plain,
    sound,
    text_width_in,
    tint,
)
from roboego.commands.exchange.record import DRAWN_FRAMES, Token, out_s
from roboego.commands.exchange.text_lane import text_lane
from roboego.commands.exchange.turns import EgoTurn, begins_word
from roboego.perception.picture import open_picture
from roboego.timebase import FRAME_MS, FRAME_S, frames_to_seconds


def lanes(scene: Scene, span: Span) -> list[Lane]:
    """Top to bottom, as information flows: in, words, sound out, motion out, time spent. Streams that were not used have no lane."""
    record = scene.record
    built = [look_lane(scene, span)] if record.looks else []
    built.append(user_lane(scene, span))
    if record.heard:
        built.append(heard_lane(scene, span))
    if any(token.frame in span.frames for token in record.read):
        built.append(read_lane(scene, span))
    built.append(text_lane(scene, span))
    if record.replies:
        built.append(spoken_lane(scene, span))
    built.append(ego_lane(scene, span))
    if record.codes:
        built.append(codes_lane(scene, span))
    if record.action_dims:
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
            band(axes, span, turn.start_s, turn.end_s, USER)
        sound(axes, span, scene.user, np.array(scene.record.user_rms), 0, USER)

    return Lane(label="listen\nthe user", height_in=WAVE_IN + CELL_IN, draw=draw, colour=USER)


HEARD_ROWS = 3


def heard_lane(scene: Scene, span: Span) -> Lane:
    """What Ego writes down of what it hears: each word at the frame in which it was written, in the first row with room."""
    height = CELL_IN + 0.03 + HEARD_ROWS * ROW_IN
    top = height - CELL_IN

    def draw(axes: Axes) -> None:
        heard = scene.record.heard
        cells(axes, span, [t.frame for t in heard], top, CELL_IN, USER, late=1)
        words: list[tuple[float, str]] = []
        for token in heard:
            if words and not begins_word(token.text):
                words[-1] = words[-1][0], words[-1][1] + token.text
            else:
                words.append((out_s(token.frame), token.text.strip()))
        free_s = [span.start_s] * HEARD_ROWS
        for start_s, word in words:
            end_s = start_s + (text_width_in(word) + 0.06) / span.inches_per_s
            row = next((r for r in range(HEARD_ROWS) if free_s[r] <= start_s), None)
            if row is None or not span.start_s <= start_s < end_s < span.end_s:
                continue
            free_s[row] = end_s
            axes.text(start_s, top - 0.03 - ROW_IN * (row + 0.5), plain(word), size=SMALL_PT, color=USER, va="center_baseline")

    return Lane(label="heard", height_in=height, draw=draw, colour=USER)


def ego_lane(scene: Scene, span: Span) -> Lane:
    def draw(axes: Axes) -> None:
        for reply in scene.replies:
            if reply.speech_start_s is not None and reply.speech_end_s is not None:
                band(axes, span, reply.speech_start_s, reply.speech_end_s, EGO)
                _latency(axes, span, reply.speech_start_s, reply.latency_s)
        sound(axes, span, scene.ego, np.array(scene.record.ego_rms), 1, EGO)

    return Lane(label="speak\nEgo", height_in=WAVE_IN + CELL_IN, draw=draw, colour=EGO)


def spoken_lane(scene: Scene, span: Span) -> Lane:
    """The frames in which tokens became audible, and how many of a reply's did."""

    def draw(axes: Axes) -> None:
        for turn in scene.replies:
            reply = turn.reply
            cells(axes, span, sorted(set(reply.spoken_frames)), (ROW_IN - CELL_IN) / 2, CELL_IN, EGO, late=1)
            if not reply.spoken_frames or reply.spoken_frames[-1] + 1 not in span.frames:
                continue
            x = out_s(reply.spoken_frames[-1] + 1) + 0.04
            text = f"{reply.spoken} of {len(reply.tokens)}"
            if x + text_width_in(text) / span.inches_per_s < min(_next_spoken_s(scene, turn), span.end_s):
                axes.text(x, ROW_IN / 2, text, size=SMALL_PT, color=EGO, va="center_baseline")

    return Lane(label="spoken_upto", height_in=ROW_IN, draw=draw, colour=EGO)


def _next_spoken_s(scene: Scene, turn: EgoTurn) -> float:
    """When the first token of a later reply becomes audible."""
    later = (reply for reply in scene.record.replies[turn.reply.index + 1 :] if reply.spoken_frames)
    return next((out_s(reply.spoken_frames[0]) for reply in later), np.inf)


def read_lane(scene: Scene, span: Span) -> Lane:
    def draw(axes: Axes) -> None:
        cells(axes, span, [t.frame for t in scene.record.read], 0, ROW_IN, READ, late=0)
        groups: list[list[Token]] = []
        for token in scene.record.read:
            if not groups or token.frame != groups[-1][-1].frame + 1:
                groups.append([])
            groups[-1].append(token)
        starts = [frames_to_seconds(g[0].frame) for g in groups[1:]] + [np.inf]
        for group, next_s in zip(groups, starts, strict=True):
            end_s = frames_to_seconds(group[-1].frame + 1)
            if not span.start_s < end_s < span.end_s:
                continue
            x = end_s + 0.04
            text = fitting("".join(t.text for t in group).strip(), (min(next_s, span.end_s) - x) * span.inches_per_s)
            axes.text(x, ROW_IN / 2, plain(text), size=SMALL_PT, color=READ, va="center_baseline", clip_on=True)

    return Lane(label="read", height_in=ROW_IN, draw=draw, colour=READ)


def codes_lane(scene: Scene, span: Span) -> Lane:
    height = 0.36

    def draw(axes: Axes) -> None:
        frames = [t for t in span.frames if 0 <= t - 1 < len(scene.record.codes)]
        if frames:
            codes_KT = np.stack([scene.record.codes[t - 1] for t in frames], 1).astype(np.float64)
            most = max(int(max(c.max() for c in scene.record.codes)), 1)
            place = (frames_to_seconds(frames[0]), frames_to_seconds(frames[-1] + 1), 0, height)
            axes.imshow(
                codes_KT / most, extent=place, aspect="auto", cmap=tint(EGO, 0.75), vmin=0, vmax=1, interpolation="nearest", origin="upper"
            )

    return Lane(label="codes", height_in=height, draw=draw, colour=EGO)


def action_lane(scene: Scene, span: Span) -> Lane:
    height = 0.5

    def draw(axes: Axes) -> None:
        actions_TD = scene.record.actions[:DRAWN_FRAMES]
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
        axes.hlines(height, span.start_s, span.last_s, color=QUIET_INK, lw=0.6, ls=(0, (4, 3)))

    return Lane(label="step\nof 80 ms", height_in=height, draw=draw, colour=QUIET_INK)


def _latency(axes: Axes, span: Span, speech_start_s: float, latency_s: float | None) -> None:
    """From the end of the user's turn to the first sound of the reply; its figure stands where there is most of it."""
    if latency_s is None or latency_s <= 0 or not span.holds(speech_start_s - latency_s, speech_start_s):
        return
    user_end_s = speech_start_s - latency_s
    start_s, end_s = max(user_end_s, span.start_s), min(speech_start_s, span.end_s)
    y = CELL_IN + WAVE_IN * 0.86
    style = ("<" if start_s == user_end_s else "") + "-" + (">" if end_s == speech_start_s else "")
    axes.annotate("", (end_s, y), (start_s, y), arrowprops={"arrowstyle": style, "color": INK, "lw": 0.8, "shrinkA": 0, "shrinkB": 0})
    if end_s - start_s < latency_s / 2:
        return
    label = f"{latency_s:.2f} s"
    left = (start_s - span.start_s) * span.inches_per_s > 1.2 * text_width_in(label) + 0.1
    axes.text(
        start_s - 0.04 if left else end_s + 0.04, y, label,
        size=SMALL_PT, color=INK, va="center", ha="right" if left else "left", weight="bold", zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
    )  # fmt: skip


@cache
def _thumbnail(path: Path) -> NDArray[np.uint8]:
    picture = open_picture(path).convert("RGB")
    picture.thumbnail((320, 200))
    return np.asarray(picture)
