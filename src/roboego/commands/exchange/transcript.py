"""What transcript.json holds."""

import json
from typing import Any

from roboego.commands.exchange.record import Record, out_s
from roboego.commands.exchange.turns import EgoTurn, UserTurn, ego_turns, user_turns
from roboego.timebase import FRAME_S

FORMAT, VERSION = "roboego-transcript", 1


def transcript(record: Record, source: dict[str, Any]) -> dict[str, Any]:
    """A conversation as JSON values.

    Times are seconds from its start, as in conversation.wav. Frame t of the input lies at t * 80 ms; what step t puts out is there one
    frame later, when that frame has been heard: tokens written at frame t have the time (t + 1) * 80 ms, and its sound begins there.

    Args:
        source: where the user's sound came from.
    """
    users = user_turns(record)
    turns = [_user(turn) for turn in users] + [_ego(turn) for turn in ego_turns(record, users)]
    p50, p99 = record.step_percentiles()
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": record.model,
        "source": source,
        "frame_s": FRAME_S,
        "frames": record.frames,
        "duration_s": _s(record.duration_s),
        "turns": sorted(turns, key=lambda turn: float(turn["start_s"])),
        "tokens": [{"frame": t.frame, "time_s": _s(out_s(t.frame)), "id": t.id, "text": t.text} for t in record.text],
        "heard": [{"frame": t.frame, "time_s": _s(out_s(t.frame)), "id": t.id, "text": t.text} for t in record.heard],
        "read": [{"frame": t.frame, "id": t.id, "text": t.text} for t in record.read],
        "looks": [{"frame": look.frame, "path": str(look.path)} for look in record.looks],
        "counters": {
            "steps": record.frames,
            "late_steps": record.late_steps,
            "overruns": record.overruns,
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
        },
        "step_ms": [round(ms, 2) for ms in record.step_ms],
        "spoken_upto": record.spoken.tolist(),
        "actions": record.actions.tolist(),
    }


def to_text(value: dict[str, Any]) -> str:
    """JSON that a reader can follow: a line for each key, and for each entry of a list of objects."""

    def written(item: Any) -> str:
        return json.dumps(item, ensure_ascii=False, allow_nan=False)

    lines = []
    for key, item in value.items():
        if isinstance(item, list) and item and isinstance(item[0], dict | list):
            entries = ",\n  ".join(written(entry) for entry in item)
            lines.append(f" {written(key)}: [\n  {entries}\n ]")
        else:
            lines.append(f" {written(key)}: {written(item)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _user(turn: UserTurn) -> dict[str, Any]:
    return {"who": "user", "start_s": _s(turn.start_s), "end_s": _s(turn.end_s), "voiced_s": _s(turn.voiced_s), "heard": turn.heard}


def _ego(turn: EgoTurn) -> dict[str, Any]:
    reply = turn.reply
    ends = (turn.text_end_s, turn.speech_end_s, turn.cut_s)
    return {
        "who": "ego",
        "start_s": _s(turn.text_start_s),
        "end_s": _s(max(s for s in ends if s is not None)),
        "text": reply.text,
        "spoken": reply.said,
        "text_start_s": _s(turn.text_start_s),
        "text_end_s": _s(turn.text_end_s),
        "speech_start_s": _s(turn.speech_start_s),
        "speech_end_s": _s(turn.speech_end_s),
        "latency_s": _s(turn.latency_s),
        "tokens": len(reply.tokens),
        "spoken_tokens": reply.spoken,
        "spoken_frames": list(reply.spoken_frames),
        "cut_s": _s(turn.cut_s),
    }


def _s(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
