"""What the server logs: lines for people, or JSON for machines, a line an event."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

Form = Literal["text", "json"]
LOGGER = logging.getLogger("roboego.serve")
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """A JSON object a line: `time` (UTC), `level`, `event`, whatever else came with it, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_given(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class TextLines(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        given = " ".join(f"{name}={value}" for name, value in _given(record).items())
        line = f"{datetime.fromtimestamp(record.created).astimezone():%H:%M:%S} {record.levelname.lower()} {record.getMessage()} {given}"
        return line.rstrip() + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


def _given(record: logging.LogRecord) -> dict[str, object]:
    """What was logged beside the message."""
    return {name: value for name, value in vars(record).items() if name not in _KNOWN}


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what `sys.stderr` is when something is told, not to what it was at the beginning."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def log_to_stderr(form: Form) -> None:
    """Ours from "info" on, uvicorn's from "warning" on, in the form that was asked for."""
    handler = _Stderr()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    for name, level in (("roboego", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
