"""Compiling the heavy parts of a model for training, with torch.compile."""

import importlib.util
import os
import shutil
from collections.abc import Sequence

import torch
from torch import nn

from roboego.errors import InputError

CHOICES = ("auto", "on", "off")


def compile_parts(parts: Sequence[nn.Module], choice: str, device: torch.device) -> bool:
    """Compiles what these modules compute when they are called, in place, for shapes that stay the same from step to step.

    Names and values of their weights stay as they are, and so do their other methods: single steps are never compiled. The first call of
    each shape takes a minute or so.

    Args:
        choice: "on", "off", or "auto": on a GPU, where the tools for it are there.
    Returns:
        Whether they are compiled.
    Raises:
        InputError: no such choice; or "on" where nothing is to be compiled, or the tools for it are missing.
    """
    if choice not in CHOICES:
        raise InputError(f"compile must be one of {', '.join(CHOICES)}, not {choice!r}")
    missing = missing_tool(device)
    if choice == "off" or (choice == "auto" and (device.type != "cuda" or missing is not None)):
        return False
    if missing is not None:
        raise InputError(f"compiling for {device.type} needs {missing}: install it, or give compile 'off'")
    if choice == "on" and not parts:
        raise InputError("this kind of training has nothing to compile; give compile 'auto' or 'off'")
    for part in parts:
        part.compile(dynamic=False)
    return bool(parts)


def missing_tool(device: torch.device) -> str | None:
    """What torch.compile lacks here, if anything: a C++ compiler for a processor; Triton, and a C compiler that it calls, for a GPU."""
    if device.type == "cpu":
        names = [os.environ.get("CXX", ""), "g++", "clang++"]
        return None if any(name and shutil.which(name) for name in names) else "a C++ compiler (g++ or clang++)"
    if importlib.util.find_spec("triton") is None:
        return "the package triton"
    names = [os.environ.get("CC", ""), "gcc", "clang", "cc"]
    return None if any(name and shutil.which(name) for name in names) else "a C compiler (gcc or clang)"
