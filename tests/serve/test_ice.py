"""Servers that help through a NAT: as they are written, and a real one where it is installed."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.webrtc.ice import IceServer, ice_servers
from tests.serve.conftest import serving
from tests.serve.peer import Client, posted
from tests.tiny import tiny_loaded

HOST = "127.0.0.1"


def test_servers_are_read_as_they_are_written() -> None:
    assert ice_servers(("stun:example.org:3478", "turn:me:a:b/c@example.org:3478?transport=tcp", "turns:me:x@[::1]:5349")) == (
        IceServer("stun:example.org:3478"),
        IceServer("turn:example.org:3478?transport=tcp", "me", "a:b/c"),
        IceServer("turns:[::1]:5349", "me", "x"),
    )


@pytest.mark.parametrize("wrong", ["example.org", "stun:me:secret@example.org", "turn:example.org:3478", "turn:me@example.org", "http://x"])
def test_others_are_refused_and_passwords_not_repeated(wrong: str) -> None:
    with pytest.raises(InputError, match="turn:USER:PASSWORD@HOST:PORT") as refused:
        ice_servers((wrong,))
    assert "secret" not in str(refused.value)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[str]:
    """A TURN server on this machine."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    options = ["-n", "-a", "-u", "me:secret", "-r", "example.org", "-L", HOST, "-E", HOST, "-p", str(port), "--allow-loopback-peers"]
    quiet = ["--no-cli", "--no-tls", "--no-dtls", "--pidfile", str(tmp_path / "pid"), "--db", str(tmp_path / "db"), "--log-file", "stdout"]
    with subprocess.Popen(["turnserver", *options, *quiet], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        for _ in range(200):
            with socket.socket() as asked:
                if asked.connect_ex((HOST, port)) == 0:
                    break
        yield f"turn:me:secret@{HOST}:{port}"
        server.terminate()


@pytest.mark.skipif(shutil.which("turnserver") is None, reason="no turnserver here (Debian's package coturn)")
def test_a_relay_is_offered(relay: str) -> None:
    async def answered(where: str) -> str:
        client = Client()
        status, answer = await asyncio.to_thread(posted, where, {"type": "offer", "sdp": await client.offer()})
        await client.close()
        assert status == 200, answer
        return str(answer["sdp"])

    with serving(make_app(LiveEngine(Engine(tiny_loaded())), ice_servers=ice_servers((relay,)))) as where:
        assert f" {HOST} " in next(line for line in asyncio.run(answered(where)).splitlines() if "typ relay" in line)
