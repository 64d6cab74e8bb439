"""Checkpoints of other projects as parts of ours: same classes, their numbers."""
