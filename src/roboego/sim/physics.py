"""MuJoCo, told before it is loaded how to draw on machines without a screen; whatever needs it takes it from here."""

import os
from ctypes.util import find_library

if "MUJOCO_GL" not in os.environ and not os.environ.get("DISPLAY"):
    # In memory: by OSMesa where it is there, which needs no graphics device, else by EGL.
    os.environ["MUJOCO_GL"] = "osmesa" if find_library("OSMesa") else "egl"

import mujoco

__all__ = ["mujoco"]
