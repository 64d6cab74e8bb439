"""Demonstrations: what a robot saw, felt and did, task by task, in LeRobot's dataset layout v3.0, which is read and written here."""
