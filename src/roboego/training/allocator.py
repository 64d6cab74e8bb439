"""The C allocator's settings for training on a CPU: without them every large tensor is mapped and faulted in anew, half of the time."""

import os
import sys

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**30),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
}
"""glibc reads these when a process starts (mallopt(3)): keep freed memory, and do not map large blocks one by one."""


def restart_with_settings() -> None:
    """Starts this program again with `SETTINGS`, unless they are set or the platform has no use for them."""
    if not sys.platform.startswith("linux") or all(name in os.environ for name in SETTINGS):
        return
    os.execve(sys.executable, [sys.executable, "-m", "roboego.cli", *sys.argv[1:]], {**SETTINGS, **os.environ})
