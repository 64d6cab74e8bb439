"""A conversation while it takes place: lanes in the terminal, redrawn in place."""

from array import array
from collections import deque
from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from roboego.commands.exchange.record import BLOCKS_PER_FRAME, Record
from roboego.commands.exchange.summary import EGO_STYLE, QUIET_STYLE, USER_STYLE, reply_text
from roboego.runtime.frame import Frame
from roboego.timebase import FRAME_MS, FRAME_RATE

SHOWN_FRAMES = 50
"""Frames of level that are shown: 4 s."""
SHOWN_REPLIES = 4
SHOWN_WORDS = 16
"""Tokens of what was heard that are shown."""
WIDTH = 76
BARS = " ▁▂▃▄▅▆▇█"
LOUD_DB, QUIET_DB = -10.0, -60.0


class LiveView:
    """Shows what happens; give `watch` to `hold`."""

    def __init__(self, console: Console) -> None:
        blank = [" "] * SHOWN_FRAMES
        self._levels = {"user": deque(blank, SHOWN_FRAMES), "Ego": deque(blank, SHOWN_FRAMES)}
        self._ms: deque[float] = deque(maxlen=SHOWN_FRAMES)
        self._live = Live(console=console, refresh_per_second=FRAME_RATE, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def watch(self, record: Record, frame: Frame) -> None:
        """Takes in one step."""
        self._levels["user"].append(bar(record.user_rms[-BLOCKS_PER_FRAME:]))
        self._levels["Ego"].append(bar(record.ego_rms[-BLOCKS_PER_FRAME:]))
        self._ms.append(frame.step_ms)
        self._live.update(self._panel(record))

    def _panel(self, record: Record) -> Panel:
        lanes = Table.grid(padding=(0, 1))
        for name, style in (("user", USER_STYLE), ("Ego", EGO_STYLE)):
            lanes.add_row(Text(name, style), Text("".join(self._levels[name]), style))
        if record.heard:
            heard = "".join(token.text for token in record.heard[-SHOWN_WORDS:]).strip()
            lanes.add_row(Text("heard", USER_STYLE), Text(heard, USER_STYLE, no_wrap=True, overflow="ellipsis"))
        for reply in record.replies[-SHOWN_REPLIES:-1]:
            lanes.add_row("", Text(reply.said, QUIET_STYLE))
        now = record.replies[-1] if record.replies else None
        lanes.add_row(Text("text", "green"), Text("…", QUIET_STYLE) if now is None else reply_text(now.text, now.spoken_text))
        p50, p99 = np.percentile(self._ms, [50, 99])
        used = f"step {self._ms[-1]:5.1f} of {FRAME_MS:.0f} ms   p50 {p50:.1f}   p99 {p99:.1f}   late {record.late_steps}"
        title = f"{record.title}  {record.duration_s:6.1f} s"
        return Panel(Group(lanes, Text(used, QUIET_STYLE)), title=title, title_align="left", width=WIDTH)


def bar(rms: "array[float]") -> str:
    """A frame's level as a bar, from -60 to -10 dBFS."""
    db = 20 * np.log10(max(float(np.sqrt(np.mean(np.square(rms)))), 1e-9))
    share = min(max((db - QUIET_DB) / (LOUD_DB - QUIET_DB), 0.0), 1.0)
    return BARS[round(share * (len(BARS) - 1))]
