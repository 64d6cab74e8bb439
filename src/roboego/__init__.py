"""RoboEgo: an omnimodal, natively full-duplex model system (arXiv 2506.01934)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roboego.loading import load as load
    from roboego.model.loaded import LoadedModel as LoadedModel

_HOMES = {"load": "roboego.loading", "LoadedModel": "roboego.model.loaded"}


def __getattr__(name: str) -> Any:
    """Importing the package imports nothing heavy; what it offers is imported when it is asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
