"""Who may come in."""

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.certificate import self_signed
from roboego.serve.guard import SUBPROTOCOL, guest, read_tokens
from roboego.serve.guard import TOKEN as TOKEN_OF
from roboego.serve.live import LiveEngine
from tests.serve.conftest import serving
from tests.tiny import tiny_loaded

TOKEN = "a-good-token"


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """host:port of a server that asks for a token."""
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=8)), tokens=(TOKEN,), origins=("https://friend.example",))) as where:
        yield where


async def greeted(url: str, headers: dict[str, str], protocols: Sequence[Subprotocol] | None = None) -> str:
    """The kind of the first message."""
    async with connect(url, additional_headers=headers, subprotocols=protocols) as socket:
        return str(json.loads(await socket.recv())["type"])


@pytest.mark.parametrize(
    ("path", "headers", "protocols"),
    [
        (f"/api/live?token={TOKEN}", {}, None),
        ("/api/live", {"Authorization": f"Bearer {TOKEN}"}, None),
        ("/v1/realtime", {}, [Subprotocol("realtime"), Subprotocol(SUBPROTOCOL + TOKEN)]),
        (f"/api/live?token={TOKEN}", {"Origin": "http://HOST"}, None),
        (f"/api/live?token={TOKEN}", {"Origin": "https://friend.example"}, None),
    ],
    ids=["query", "header", "openai", "own page", "friend"],
)
def test_a_good_token_lets_in(guarded: str, path: str, headers: dict[str, str], protocols: list[Subprotocol] | None) -> None:
    named = {name: value.replace("HOST", guarded) for name, value in headers.items()}
    assert asyncio.run(greeted(f"ws://{guarded}{path}", named, protocols)) in ("hello", "session.created")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/live", {}, 401),
        ("/api/live?token=another", {}, 401),
        ("/api/chat", {"Authorization": f"Basic {TOKEN}"}, 401),
        (f"/api/live?token={TOKEN}", {"Origin": "https://elsewhere.example"}, 403),
    ],
    ids=["none", "wrong", "scheme", "origin"],
)
def test_without_one_nobody_gets_in(guarded: str, path: str, headers: dict[str, str], status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(greeted(f"ws://{guarded}{path}", headers))
    assert refused.value.response.status_code == status


def got(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_page_and_health_are_open_and_figures_are_not(guarded: str) -> None:
    assert got(f"http://{guarded}/healthz")[0] == 200
    assert "RoboEgo" in got(f"http://{guarded}/")[1]
    status, told = got(f"http://{guarded}/metrics")
    assert status == 401
    assert "token" in told
    assert got(f"http://{guarded}/metrics", {"Authorization": f"Bearer {TOKEN}"})[0] == 200


def welcomed(request: urllib.request.Request) -> tuple[int, str | None]:
    """An answer's status, and the origin whose pages may read it."""
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Access-Control-Allow-Origin"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize(("origin", "allowed"), [("https://friend.example", "https://friend.example"), ("https://elsewhere.example", None)])
def test_browsers_are_told_which_other_pages_may_ask(guarded: str, origin: str, allowed: str | None) -> None:
    asking = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    before = urllib.request.Request(f"http://{guarded}/api/webrtc", headers=asking, method="OPTIONS")
    refused = urllib.request.Request(f"http://{guarded}/metrics", headers={"Origin": origin})
    assert welcomed(before) == (200 if allowed else 400, allowed)
    assert welcomed(refused) == (401, allowed)


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    """host:port of a server that asks for no token, and knows under which names it is asked."""
    engine = LiveEngine(Engine(tiny_loaded(), slots=8))
    with serving(make_app(engine, hosts=("127.0.0.1", "Ego.example"), origins=("https://friend.example:444",))) as where:
        yield where


@pytest.mark.parametrize(
    "host", ["127.0.0.1:PORT", "127.0.0.5", "localhost:1", "[::1]:8998", "LOCALHOST.", "ego.example", "ego.example:80", "friend.example"]
)
def test_a_server_answers_to_its_own_names(local: str, host: str) -> None:
    assert got(f"http://{local}/readyz", {"Host": host.replace("PORT", local.split(":")[1])})[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8998", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::1", '"']
)
@pytest.mark.parametrize("path", ["/", "/readyz", "/metrics", "/v1/sessions"])
def test_and_to_no_name_that_others_may_have_given_it(local: str, path: str, host: str) -> None:
    status, told = got(f"http://{local}{path}", {"Host": host})
    assert status == 403
    assert host in json.loads(told)["error"]
    assert "--hosts" in json.loads(told)["error"]


async def _asked_as(where: str, name: str) -> str:
    """The kind of the first message to a page whose name leads to this server."""
    host, port = where.split(":")
    async with connect(f"ws://{name}:{port}/api/live", host=host, origin=Origin(f"http://{name}:{port}"), proxy=None) as socket:
        return str(json.loads(await socket.recv())["type"])


def test_a_page_whose_name_was_made_to_lead_here_gets_no_socket(local: str) -> None:
    assert asyncio.run(_asked_as(local, "ego.example")) == "hello"
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(_asked_as(local, "evil.example"))
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["null", "http://[", "evil.example", "http://evil.example"])
def test_an_origin_that_is_none_of_ours_is_refused_however_it_is_written(local: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(greeted(f"ws://{local}/api/live", {"Origin": origin}))
    assert refused.value.response.status_code == 403


def test_a_guest_is_known_by_token_and_address() -> None:
    one = {"type": "http", "client": ("10.0.0.1", 5), TOKEN_OF: "a"}
    assert guest(one) == guest(one | {"client": ("10.0.0.1", 6)})
    assert len({guest(one), guest(one | {"client": ("10.0.0.2", 5)}), guest(one | {TOKEN_OF: "b"}), guest({"type": "http"})}) == 4


def test_tokens_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("# ours\none\n\n  two \n")
    assert read_tokens(path) == ("one", "two")
    path.write_text("# nobody\n")
    with pytest.raises(InputError, match="openssl rand"):
        read_tokens(path)
    with pytest.raises(InputError, match="cannot read"):
        read_tokens(tmp_path / "nothing")


def test_a_certificate_is_made_anew_when_it_no_longer_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*names: str) -> bytes:
        return self_signed(tmp_path, names)[0].read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr("roboego.serve.certificate.VALID_DAYS", 20)
        ends_soon = made("localhost", "10.0.0.1")
    good = made("localhost", "10.0.0.1")
    assert good != ends_soon
    assert made("10.0.0.1", "localhost", "localhost") == good
    other_names = made("localhost", "10.0.0.2")
    assert other_names != good
    (tmp_path / "certificate.pem").write_bytes(good)  # of another key
    assert made("localhost", "10.0.0.1") != good
    (tmp_path / "key.pem").write_text("no key")
    made("localhost", "10.0.0.1")
    assert "PRIVATE KEY" in (tmp_path / "key.pem").read_text()


def test_a_certificate_is_made_once_and_good_for_its_names(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path / "tls", ("localhost", "127.0.0.1"))
    before = certificate.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    assert self_signed(tmp_path / "tls", ("127.0.0.1", "localhost"))[0].read_bytes() == before

    async def said_over_tls() -> bytes:
        mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        mine.load_cert_chain(certificate, key)
        server = await asyncio.start_server(lambda reader, writer: writer.write(b"hi") or writer.close(), "127.0.0.1", 0, ssl=mine)
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="localhost")
            said = await reader.read()
            writer.close()
            return said

    assert asyncio.run(said_over_tls()) == b"hi"
