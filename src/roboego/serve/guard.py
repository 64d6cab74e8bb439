"""Who may come in: tokens, and pages of this server's own."""

import hmac
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


class Guard:
    """Lets requests through to `app`, or answers 401 and 403.

    Tokens are asked for wherever something is said, heard or told: of WebSockets and of /api, /v1 and /metrics, not of the page's plain
    files. They come as `Authorization: Bearer TOKEN`, as `?token=TOKEN`, or as OpenAI's browser clients send keys. A WebSocket that a
    browser opens, and a request that changes something, have to come from a page of the same host, so that no other site can use a
    visitor's session.

    Args:
        tokens: those that are good; empty lets everybody in.
        origins: other pages' origins that are welcome, such as https://example.org.
    """

    def __init__(self, app: ASGIApp, tokens: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self.app, self.tokens, self.origins = app, tokens, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._changes(scope) and not self._welcome(headers):
            await self._refuse(scope, receive, send, 403, "this page is none of this server's; allow it with --origins")
        elif self._guarded(scope) and not self._known(scope, headers):
            await self._refuse(scope, receive, send, 401, "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN")
        else:
            await self.app(scope, receive, send)

    def _guarded(self, scope: Scope) -> bool:
        path = str(scope["path"])
        return bool(self.tokens) and (scope["type"] == "websocket" or path.startswith(("/api/", "/v1/", "/metrics")))

    @staticmethod
    def _changes(scope: Scope) -> bool:
        return scope["type"] == "websocket" or scope["method"] not in HARMLESS

    def _welcome(self, headers: Mapping[str, str]) -> bool:
        """Whether a browser's page may do so; programs say no origin."""
        origin = headers.get("origin")
        return origin is None or origin in self.origins or urlsplit(origin).netloc == headers.get("host")

    def _known(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        given = [*parse_qs(scope["query_string"].decode("latin-1")).get("token", [])]
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given.append(value.strip())
        given += [p.removeprefix(SUBPROTOCOL) for p in scope.get("subprotocols", []) if p.startswith(SUBPROTOCOL)]
        # Compared without telling by time how much of a token was right.
        return any(hmac.compare_digest(token.encode(), mine.encode()) for token in given for mine in self.tokens)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
        if scope["type"] == "http":
            await JSONResponse({"error": reason}, status)(scope, receive, send)
            return
        await receive()
        if "websocket.http.response" in scope.get("extensions", {}):
            headers = [(b"content-type", b"application/json")]
            await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": f'{{"error": "{reason}"}}'.encode()})
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:100]})
