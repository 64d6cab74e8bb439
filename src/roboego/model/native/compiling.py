"""Compiles functions with numba and keeps them, until any file of this folder changes."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config

FAST = {"reassoc", "nsz", "contract", "arcp"}
"""Sums may be reordered, which lets them run in vector registers; infinities and nan keep their meaning."""


@cache
def cache_folder() -> Path:
    """Where compiled functions are kept: beside these files, or in the user's cache if that cannot be written.

    numba asks whether the file of a function has changed, and not those of the functions that it calls; so the folder is named after
    all of them. The environment variable NUMBA_CACHE_DIR moves it.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[:12]
    beside = here / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "roboego"
    places = [Path(config.CACHE_DIR)] if config.CACHE_DIR else [beside, user]
    for place in places:
        folder = place / f"native-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="roboego-native-"))


def compiled(function: Callable[..., Any], *, finite: bool = False) -> Any:
    """The function compiled when it is first called with arguments of its types.

    Args:
        finite: it is never given infinities or nan, and need not mind them.
    """
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_folder())
    try:
        return numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=True if finite else FAST)(function)
    finally:
        config.CACHE_DIR = before
