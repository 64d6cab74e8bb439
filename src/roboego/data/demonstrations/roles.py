"""Which of a dataset's features is the robot's state, its touch, its action, and which are cameras: by what they are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roboego.data.demonstrations.layout import COUNTED
from roboego.errors import InputError

Features = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Attributes:
    numbers: features by what they are, "state", "touch" or "action".
    cameras: features by the camera's name, the main one first.
    """

    numbers: Mapping[str, str]
    cameras: Mapping[str, str]


def find_roles(folder: Path, features: Features, *, state: str = "", touch: str = "", action: str = "", camera: str = "") -> Roles:
    """What is not chosen is found: `observation.state` itself, else the one feature whose name ends in "state"; likewise the others.

    Raises:
        InputError: what was chosen is not there; there is no action, or several features could be meant.
    """
    chosen = {"state": (state, "observation.state"), "touch": (touch, "observation.touch"), "action": (action, "action")}
    found = {role: _find(folder, features, role, *names) for role, names in chosen.items()}
    if not found["action"]:
        raise InputError(f"{folder} has no action: choose one of {', '.join(_vectors(features))} with action=")
    return Roles(numbers={role: key for role, key in found.items() if key}, cameras=_cameras(folder, features, camera))


def _find(folder: Path, features: Features, role: str, chosen: str, usual: str) -> str:
    vectors = _vectors(features)
    if chosen:
        if chosen not in vectors:
            raise InputError(f"{folder} has no numbers {chosen!r}: choose one of {', '.join(vectors)}")
        return chosen
    if usual in vectors:
        return usual
    options = [key for key in vectors if _last(key).split("_")[-1] in (role, f"{role}s")]
    if len(options) > 1:
        raise InputError(f"{folder} has several features that could be its {role}: choose one of {', '.join(options)} with {role}=")
    return options[0] if options else ""


def _cameras(folder: Path, features: Features, chosen: str) -> dict[str, str]:
    videos = [key for key, feature in features.items() if feature["dtype"] == "video" and not _is_depth(feature)]
    short = [_last(key) for key in videos]
    named = {name if short.count(name) == 1 else key: key for name, key in zip(short, videos, strict=True)}
    if not chosen:
        return named
    main = [name for name, key in named.items() if chosen in (name, key)]
    if not main:
        raise InputError(f"{folder} has no camera {chosen!r}: choose one of {', '.join(named)}")
    return {main[0]: named[main[0]], **named}


def _vectors(features: Features) -> list[str]:
    """Features that are numbers in a row."""
    return [
        key for key, f in features.items() if key not in COUNTED and len(f["shape"]) == 1 and str(f["dtype"]).startswith(("float", "int"))
    ]


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _is_depth(feature: Mapping[str, Any]) -> bool:
    told = {**(feature.get("video_info") or {}), **(feature.get("info") or {})}
    return bool(told.get("is_depth_map") or told.get("video.is_depth_map"))
