"""What the numbers of the robot's own state mean."""

BODY = ("x", "y", "z", "x velocity", "y velocity", "z velocity", "opening", "x effort", "y effort", "z effort", "grip effort")
"""Metres and metres a second of the fingertips, metres of each finger, newtons."""
GRIP = tuple(BODY.index(name) for name in ("opening", "grip effort"))
"""Those that tell of something between the fingers."""
