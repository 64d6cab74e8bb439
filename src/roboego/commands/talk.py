"""Let it talk."""

from dataclasses import dataclass


@dataclass
class Args:
    x: int = 1


def run(args):
    return None
