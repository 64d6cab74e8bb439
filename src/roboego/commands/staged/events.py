"""What happened in an episode, one event a line, in the order of time."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from roboego.evaluation.table.episode import Episode
from roboego.metrics.motion import RESTS_FRAMES, STILL_M_S
from roboego.sim.table import Table
from roboego.timebase import frames_to_seconds


class Touches:
    """Follows what the pads touch and hold."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._touched: set[int] = set()
        self._held: int | None = None

    def follow(self, table: Table, time_s: float) -> None:
        """How it is at a time."""
        touched = {i for i in range(len(table.scene.things)) if any(table.touching(i))}
        held = table.held
        for name, things in (("touches", touched - self._touched), ("no longer touches", self._touched - touched)):
            self.events += [_event(time_s, name, thing=str(table.scene.things[i].thing)) for i in sorted(things)]
        if held != self._held:
            name, thing = ("holds", held) if held is not None else ("no longer holds", self._held)
            assert thing is not None
            self.events.append(_event(time_s, name, thing=str(table.scene.things[thing].thing)))
        self._touched, self._held = touched, held


def told(episode: Episode, turns: list[dict[str, Any]], touches: Touches, looks: list[int], about: dict[str, Any]) -> list[dict[str, Any]]:
    """All events.

    Args:
        turns: of both sides, as transcripts have them. looks: frames in which Ego was given a picture.
        about: what else there is to say of the episode as a whole.
    """
    plan = episode.plan
    assert plan.task is not None
    things = [
        {"thing": str(p.thing), "x_m": round(p.x, 3), "y_m": round(p.y, 3), "inside": p.inside, "on": p.on} for p in plan.scene.things
    ]
    found = [_event(0.0, "begins", request=plan.text, task=asdict(plan.task), things=things, **about)]
    found += [_event(frames_to_seconds(frame), "is shown a picture") for frame in looks]
    for turn in turns:
        if turn["who"] == "user":
            found.append(_event(turn["start_s"], "user speaks", until_s=turn["end_s"], heard=turn["heard"]))
            continue
        found.append(_event(turn["text_start_s"], "ego writes", until_s=turn["text_end_s"], text=turn["text"]))
        if turn["speech_start_s"] is not None:
            found.append(_event(turn["speech_start_s"], "ego speaks", until_s=turn["speech_end_s"], said=turn["spoken"]))
    for first, stop in motions(episode.speeds):
        found += [_event(frames_to_seconds(first + 1), "arm moves"), _event(frames_to_seconds(stop + 1), "arm rests")]
    if episode.done_at is not None:
        found.append(_event(frames_to_seconds(episode.done_at + 1), "task is done"))
    found += [*touches.events, _event(frames_to_seconds(episode.frames + 1), "ends", done=episode.done_at is not None)]
    return sorted(found, key=lambda event: float(event["time_s"]))


def motions(speeds: list[float]) -> Iterator[tuple[int, int]]:
    """Frames from which on the arm moved, and from which on it kept still; shorter stops lie within a motion."""
    moving = [t for t, speed in enumerate(speeds) if speed >= STILL_M_S]
    first = 0
    for i, t in enumerate(moving):
        if i + 1 == len(moving) or moving[i + 1] - t > RESTS_FRAMES:
            yield moving[first], t + 1
            first = i + 1


def lines(events: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n" for event in events)


def _event(time_s: float, name: str, **more: Any) -> dict[str, Any]:
    return {"time_s": round(time_s, 3), "event": name, **more}
