"""A wire between a client and a server that can be cut, as a network that goes away."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """Carries bytes both ways between clients of its own address and a server's; `cut` drops all connections, and new ones may come."""

    def __init__(self, server: str) -> None:
        host, port = server.split(":")
        self.server = host, int(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.ends: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def where(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def cut(self) -> int:
        """Drops all connections; returns how many there were."""
        ends, self.ends = self.ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        return len(ends) // 2

    def close(self) -> None:
        self.listener.close()
        self.cut()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.server)
                self.ends += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_carry, args=pair, daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wired(server: str) -> Iterator[Wire]:
    """A wire to a server at host:port."""
    wire = Wire(server)
    try:
        yield wire
    finally:
        wire.close()
