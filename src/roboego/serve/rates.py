"""How much a client may send: a bucket that fills as time passes, and from which every message takes its size."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """What a connection may send.

    Attributes:
        bytes_per_s, burst_bytes: real-time sound takes 48 kB/s, 64 kB/s in base64; the burst has room for pictures, and for sound that a
            network held back.
        messages_per_s, burst_messages: sound comes in 12.5 messages a second, from clients with small blocks in a hundred.
    """

    bytes_per_s: float = 2e6
    burst_bytes: float = 32e6
    messages_per_s: float = 400.0
    burst_messages: float = 2_000.0


class TooFast(InputError):
    """A client sends more than it may."""


class Rate:
    """What one connection has left to send.

    Args:
        now: seconds, monotonic.
    """

    def __init__(self, limit: RateLimit | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit or RateLimit()
        self._now, self._at = now, now()
        self._bytes, self._messages = self.limit.burst_bytes, self.limit.burst_messages

    def take(self, size: int) -> None:
        """A message of so many bytes has come.

        Raises:
            TooFast: it is more than there was left for.
        """
        limit, now = self.limit, self._now()
        passed, self._at = now - self._at, now
        self._bytes = min(limit.burst_bytes, self._bytes + passed * limit.bytes_per_s) - size
        self._messages = min(limit.burst_messages, self._messages + passed * limit.messages_per_s) - 1
        if self._bytes < 0 or self._messages < 0:
            raise TooFast(
                f"more than {limit.bytes_per_s / 1e6:g} MB or {limit.messages_per_s:g} messages a second for longer than a moment: "
                "send sound as it is captured"
            )
