"""How the server ends: on SIGTERM it takes no new sessions and lets those that there are come to their end, for a while."""

import signal
import threading
import time
from types import FrameType

import uvicorn

from roboego.serve.live import LiveEngine
from roboego.serve.logs import LOGGER

LOOKS_S = 0.1
"""From one look at the sessions to the next."""


class DrainingServer(uvicorn.Server):
    """A server that drains. A second SIGTERM, or Ctrl-C, ends it at once.

    Args:
        engine: whose sessions are waited for.
        drain_s: for how long at most.
    """

    def __init__(self, config: uvicorn.Config, engine: LiveEngine, drain_s: float) -> None:
        super().__init__(config)
        self.engine, self.drain_s = engine, drain_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What uvicorn calls on a signal."""
        if sig != signal.SIGTERM or self.engine.draining:
            super().handle_exit(sig, frame)
            return
        self.engine.drain()
        threading.Thread(target=self._wait, name="drain", daemon=True).start()

    def _wait(self) -> None:
        LOGGER.info("draining", extra={"sessions": len(self.engine.lives), "at_most_s": self.drain_s})
        until = time.monotonic() + self.drain_s
        while self.engine.lives and time.monotonic() < until:
            time.sleep(LOOKS_S)
        LOGGER.info("drained", extra={"sessions": len(self.engine.lives)})
        self.should_exit = True
