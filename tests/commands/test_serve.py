"""`roboego serve` as a process: it comes up, takes a session, and ends in order."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from websockets.sync.client import connect

from tests.commands.conftest import Shell


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def ready(port: int) -> dict[str, object]:
    """What /readyz says, once it answers."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, model: Path) -> None:
    port, told = free_port(), tmp_path / "told.json"
    command = [sys.executable, "-m", "roboego.cli", "serve", "--model", str(model), "--port", str(port), "--json", str(told)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert ready(port) == {"ready": True, "draining": False, "failure": "", "sessions": 0, "slots": 4, "recorded": False}
    for path, part in (("healthz", "ok"), ("metrics", "roboego_late_steps_total")):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
            assert part in answer.read().decode()
    server.send_signal(signal.SIGINT)
    _, errors = server.communicate(timeout=30)
    assert server.returncode == 0, errors
    assert json.loads(told.read_text())["failures"] == 0


def draining(port: int) -> bool:
    try:
        ready(port)
    except urllib.error.HTTPError as error:
        return bool(json.load(error)["draining"])
    return False


def test_it_drains_before_it_ends(model: Path) -> None:
    """A session that there is goes on; a new one is told why it cannot begin."""
    port = free_port()
    command = [sys.executable, "-m", "roboego.cli", "serve", "--model", str(model), "--port", str(port), "--log", "json", "--queue", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    ready(port)
    where = f"ws://127.0.0.1:{port}/api/live"
    sound = bytes([1]) + bytes(3_840)
    with connect(where) as session:
        assert json.loads(session.recv())["type"] == "hello"
        assert session.protocol.extensions == []  # what is sent is not compressed once more
        server.send_signal(signal.SIGTERM)
        while not draining(port):
            time.sleep(0.05)
        with connect(where) as other:
            assert "shutting down" in json.loads(other.recv())["message"]
        session.send(sound)
        assert json.loads(session.recv())["index"] == 0
        session.send(json.dumps({"type": "end"}))
    _, lines = server.communicate(timeout=30)
    assert server.returncode == 0, lines
    events = [json.loads(line)["event"] for line in lines.splitlines() if line.startswith("{")]
    assert events == ["session begins", "draining", "session ends", "drained"]


def test_a_port_that_is_taken_is_an_error(model: Path, shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = shell("serve", "--model", model, "--port", taken.getsockname()[1])
    assert done.code == 2
    assert "--port" in done.err


def test_bench_talks_to_a_server_of_its_own(model: Path, shell: Shell) -> None:
    done = shell("bench", "serve", "--model", model, "--sessions", 2, "--seconds", 2, "--threads", 1)
    assert done.code == 0, done.err
    assert done.told["steps"] >= 20
    assert done.told["overhead_ms"]["of"] >= 40
    assert done.told["overhead_ms"]["p50"] <= done.told["overhead_ms"]["p99"]
    assert done.told["lost_frames"] == 0
