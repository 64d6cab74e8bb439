"""A conversation in a few lines of a terminal."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from roboego.commands.exchange.drive import FILES
from roboego.timebase import FRAME_MS

USER_STYLE, EGO_STYLE, QUIET_STYLE = "blue", "dark_orange3", "bright_black"


def summary(told: dict[str, Any], out: Path) -> dict[str, Any]:
    """What `--json` gets: figures, and where the files are."""
    ego = [turn for turn in told["turns"] if turn["who"] == "ego"]
    latencies = [turn["latency_s"] for turn in ego if turn["latency_s"] is not None]
    return {
        "model": told["model"],
        "duration_s": told["duration_s"],
        "user_turns": len(told["turns"]) - len(ego),
        "replies": [{key: turn[key] for key in ("text", "spoken", "speech_start_s", "latency_s", "cut_s")} for turn in ego],
        "median_latency_s": round(float(np.median(latencies)), 4) if latencies else None,
        **told["counters"],
        "files": [str(out / name) for name in FILES],
    }


def print_turns(console: Console, told: dict[str, Any]) -> None:
    """Who said what when; what Ego wrote but never said is dim."""
    for turn in told["turns"]:
        line = Text().append(f"{turn['start_s']:8.2f} s  ", QUIET_STYLE)
        if turn["who"] == "user":
            line.append("user  ", USER_STYLE).append(f"speaks for {turn['end_s'] - turn['start_s']:.1f} s", QUIET_STYLE)
            if turn["heard"]:
                line.append(f"  heard: {turn['heard']}", QUIET_STYLE)
        else:
            line.append("Ego   ", EGO_STYLE).append_text(reply_text(turn["text"], turn["spoken"]))
            if turn["latency_s"] is not None and turn["latency_s"] >= 0:
                line.append(f"  first sound {turn['latency_s']:.2f} s after the user", QUIET_STYLE)
            if turn["cut_s"] is not None:
                line.append("  (cut)" if console.is_terminal else f"  (cut; heard: {turn['spoken']!r})", QUIET_STYLE)
        console.print(line, soft_wrap=True)


def print_end(console: Console, told: dict[str, Any], out: Path) -> None:
    """Time spent, and where the files are."""
    counters = told["counters"]
    late = f", {counters['late_steps']} late" if counters["late_steps"] else ", none late"
    times = f"p50 {counters['p50_ms']:.1f} ms, p99 {counters['p99_ms']:.1f} ms{late}"
    console.print(f"{counters['steps']} steps of {FRAME_MS:.0f} ms: {times}", soft_wrap=True)
    console.print(Text("Written: ").append(", ".join(str(out / name) for name in FILES)), soft_wrap=True)


def reply_text(text: str, spoken: str) -> Text:
    """A reply whose words light up as they are heard."""
    return Text().append(spoken, "bold").append(text[len(spoken) :], "dim")
