"""`roboego serve` as a process: it comes up, takes a session, and ends in order."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from roboego.serve.recording import Entry, Index
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
    state = ready(port)
    assert "prompt" in state.pop("settings")
    assert state == {"ready": True, "draining": False, "failure": "", "sessions": 0, "slots": 4, "recorded": False}
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


@contextmanager
def served(home: Path, model: Path, *options: object) -> Iterator[int]:
    """The port of a server with these options, started by a user with this home."""
    port = free_port()
    command = [sys.executable, "-m", "roboego.cli", "serve", "--model", model, "--port", port, *options]
    server = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True, env=os.environ | {"HOME": str(home)})
    try:
        yield port
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 0, errors


def answered(url: str, context: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str]:
    """Status and body of what a server answers, once it does."""
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            time.sleep(0.1)


def trusted(certificate: Path) -> ssl.SSLContext:
    """Trusts a certificate, as soon as it is there."""
    while True:
        try:
            return ssl.create_default_context(cafile=str(certificate))
        except OSError:  # or not whole yet
            time.sleep(0.1)


def test_it_encrypts_and_asks_for_tokens(tmp_path: Path, model: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("# ours\nopen-sesame\n")
    with served(tmp_path, model, "--tls", "self-signed", "--token-file", tokens) as port:
        context = trusted(tmp_path / ".config" / "roboego" / "certificate.pem")
        url = f"https://127.0.0.1:{port}"
        assert answered(f"{url}/readyz", context, Host="any.example")[0] == 200  # tokens are asked for, so names do not matter
        assert answered(f"{url}/metrics", context)[0] == 401
        assert answered(f"{url}/metrics", context, Authorization="Bearer open-sesame")[0] == 200
        with pytest.raises(InvalidStatus, match="401"):
            connect(f"wss://127.0.0.1:{port}/api/live", ssl=context)
        with connect(f"wss://127.0.0.1:{port}/api/live?token=open-sesame", ssl=context) as session:
            assert json.loads(session.recv())["type"] == "hello"


def kept(folder: Path, name: str, started: float) -> None:
    """A conversation of long or not so long ago."""
    (folder / name).mkdir(parents=True)
    Index(folder).put(Entry(id=name, model="tiny", started=started, frames=5, status="closed"))


def conversation(port: int) -> list[dict[str, Any]]:
    """What a client is told that chooses settings and says a frame; then it leaves."""
    told: list[dict[str, Any]] = []
    with connect(f"ws://127.0.0.1:{port}/api/live") as session:
        for setting in ({"text_temperature": 0.5}, {"speech_top_k": 3}):
            session.send(json.dumps({"type": "settings", **setting}))
        session.send(bytes([1]) + bytes(3_840))
        while not told or told[-1]["type"] != "frame":
            message = session.recv()
            told += [json.loads(message)] if isinstance(message, str) else []
        session.send(json.dumps({"type": "end"}))
    return told


def recorded(port: int, count: int) -> list[dict[str, Any]]:
    """The conversations that the server has, as soon as there are so many and none goes on."""
    while True:
        found: list[dict[str, Any]] = json.loads(answered(f"http://127.0.0.1:{port}/v1/sessions")[1])
        if len(found) == count and all(entry["status"] == "closed" for entry in found):
            return found
        time.sleep(0.1)


def test_it_records_keeps_for_days_and_leaves_settings_to_clients(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "recordings"
    kept(folder, "old", time.time() - 3 * 86_400)
    kept(folder, "new", time.time() - 3_600)
    options = ("--record", folder, "--keep-days", 2, "--allow", "text_temperature", "--hosts", "ego.example", "--functions", "timer")
    with served(tmp_path, model, *options) as port:
        assert json.loads(answered(f"http://127.0.0.1:{port}/readyz")[1])["recorded"]
        hello, error, frame = conversation(port)
        assert hello["recorded"]
        assert "does not leave speech_top_k" in error["message"]
        assert frame["index"] == 0
        new, mine = sorted(recorded(port, 2), key=lambda entry: float(entry["started"]))
        assert new["id"] == "new"
        assert mine["frames"] >= 1
        assert not (folder / "old").exists()
        assert [answered(f"http://127.0.0.1:{port}/readyz", Host=name)[0] for name in ("ego.example", "evil.example")] == [200, 403]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--keep-days", 1), "--record"),
        (("--allow", "everything"), "--allow takes"),
        (("--functions", "weather"), "choose of time, timer"),
        (("--tls", "nowhere.pem", "nothing.pem"), "CERTIFICATE"),
        (("--token-file", "nothing"), "cannot read tokens"),
    ],
    ids=["keep-days", "allow", "functions", "tls", "token-file"],
)
def test_options_that_cannot_be_used_are_told(model: Path, shell: Shell, options: tuple[object, ...], reason: str) -> None:
    done = shell("serve", "--model", model, "--port", free_port(), *options)
    assert done.code == 2
    assert reason in done.err


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
