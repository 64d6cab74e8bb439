"""What holds for all tests: none of them waits for ever."""

import threading
from collections.abc import Iterator

import psutil
import pytest

LONGEST = 300
"""Seconds that a test may wait for processes of its own."""


def _end_children() -> None:
    """A process forked while another thread held a lock waits for it for ever, and whoever waits for that process with it."""
    for child in psutil.Process().children(recursive=True):
        child.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    timer = threading.Timer(LONGEST, _end_children)
    timer.daemon = True
    timer.start()
    try:
        return (yield)
    finally:
        timer.cancel()
