"""Servers that help a WebRTC connection through a NAT: STUN tells an address outside, TURN passes everything on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from roboego.errors import InputError

_WRITTEN = re.compile(r"(?P<kind>stun|turns?):(?:(?P<user>[^@:]+):(?P<password>[^@]+)@)?(?P<where>[^@]+)")


@dataclass(frozen=True)
class IceServer:
    """One server.

    Attributes:
        url: such as stun:HOST:PORT or turn:HOST:PORT?transport=tcp.
        user, password: what a TURN server asks for.
    """

    url: str
    user: str | None = None
    password: str | None = None


def ice_servers(written: Sequence[str]) -> tuple[IceServer, ...]:
    """Servers as they are written on a command line: stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT.

    Raises:
        InputError: one is neither.
    """
    return tuple(_server(text) for text in written)


def _server(text: str) -> IceServer:
    found = _WRITTEN.fullmatch(text)
    if found is None or (found["kind"] == "stun") != (found["user"] is None):
        told = re.sub(r":[^@:]*@", ":...@", text)
        raise InputError(f"--ice-servers takes stun:HOST:PORT and turn:USER:PASSWORD@HOST:PORT, not {told}")
    return IceServer(f"{found['kind']}:{found['where']}", found["user"], found["password"])
