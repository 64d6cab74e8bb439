"""Who may come in: tokens, names under which this server is asked, and pages of its own."""

import hmac
import ipaddress
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from roboego.errors import InputError

SUBPROTOCOL = "openai-insecure-api-key."
"""How OpenAI's browser clients send a key, for want of headers."""
HARMLESS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""
TOKEN = "roboego.token"
"""Where a request's scope says which token it came with."""


def read_tokens(path: Path) -> tuple[str, ...]:
    """Tokens of a file, one a line; empty lines and those that begin with # do not count.

    Raises:
        InputError: it cannot be read, or holds none.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read tokens from {path}: {error}") from error
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise InputError(f"{path} holds no token; write one a line, for instance of: openssl rand -hex 24")
    return tokens


def is_loopback(host: str) -> bool:
    """Whether an address or a name leads to this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(url: str) -> str:
    """The name or address in a URL, in small letters; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def guest(scope: Scope) -> str:
    """Who a client is, as far as that can be told: its token, if tokens are asked for, and its address."""
    address = scope.get("client") or ("",)
    return f"{scope.get(TOKEN, '')}@{address[0]}"


class Guard:
    """Lets requests through to `app`, or answers 401 and 403.

    Tokens are asked for wherever something is said, heard or told: of WebSockets and of /api, /v1 and /metrics, not of the page's plain
    files. They come as `Authorization: Bearer TOKEN`, as `?token=TOKEN`, or as OpenAI's browser clients send keys. A WebSocket that a
    browser opens, and a request that changes something, have to come from a page of the same host, so that no other site can use a
    visitor's session.

    A server that only this machine reaches, and that asks for no token, trusts whatever comes from this machine; but a browser's page of
    another site does, too, once that site's name has been made to lead here (DNS rebinding). So it can be told its `hosts`: requests whose
    Host header names another are refused. Those without one are none of a browser's.

    Args:
        tokens: those that are good; empty lets everybody in.
        origins: other pages' origins that are welcome, such as https://example.org.
        hosts: names and addresses under which the server is asked, beside those of loopback and of `origins`; None: under any.
    """

    def __init__(self, app: ASGIApp, tokens: Sequence[str] = (), origins: Sequence[str] = (), hosts: Sequence[str] | None = None) -> None:
        self.app, self.tokens, self.origins = app, tokens, origins
        self.hosts = None if hosts is None else frozenset({*map(str.lower, hosts), *map(_name, origins)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host")
        if not self._is_mine(host):
            reason = f"this server does not go by the name {host!r}: give it with --hosts, or let only tokens in with --token-file"
            await self._refuse(scope, receive, send, 403, reason)
        elif self._changes(scope) and not self._welcome(headers):
            await self._refuse(scope, receive, send, 403, "this page is none of this server's; allow it with --origins")
        elif (token := self._token(scope, headers)) is None and self._guarded(scope):
            await self._refuse(scope, receive, send, 401, "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN")
        else:
            await self.app({**scope, TOKEN: token or ""}, receive, send)

    def _is_mine(self, host: str | None) -> bool:
        """Whether the server is asked under one of its names."""
        if self.hosts is None or host is None:
            return True
        name = _name(f"//{host}").removesuffix(".")
        return is_loopback(name) or name in self.hosts

    def _guarded(self, scope: Scope) -> bool:
        path = str(scope["path"])
        return bool(self.tokens) and (scope["type"] == "websocket" or path.startswith(("/api/", "/v1/", "/metrics")))

    @staticmethod
    def _changes(scope: Scope) -> bool:
        return scope["type"] == "websocket" or scope["method"] not in HARMLESS

    def _welcome(self, headers: Mapping[str, str]) -> bool:
        """Whether a browser's page may do so; programs say no origin."""
        origin = headers.get("origin")
        return origin is None or origin in self.origins or origin.partition("://")[2] == headers.get("host")

    def _token(self, scope: Scope, headers: Mapping[str, str]) -> str | None:
        """The good token that a request brings; None if it brings none."""
        given = [*parse_qs(scope["query_string"].decode("latin-1")).get("token", [])]
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given.append(value.strip())
        given += [p.removeprefix(SUBPROTOCOL) for p in scope.get("subprotocols", []) if p.startswith(SUBPROTOCOL)]
        # Compared without telling by time how much of a token was right.
        good = [mine for token in given for mine in self.tokens if hmac.compare_digest(token.encode(), mine.encode())]
        return good[0] if good else None

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
        if scope["type"] == "http":
            await JSONResponse({"error": reason}, status)(scope, receive, send)
            return
        await receive()
        if "websocket.http.response" in scope.get("extensions", {}):
            headers = [(b"content-type", b"application/json")]
            await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": json.dumps({"error": reason}).encode()})
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:100]})
