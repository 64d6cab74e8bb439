"""Errors that a user can do something about. Their message says what is wrong and what to do."""


class RoboEgoError(Exception):
    """Base of all errors that the command line reports in one line, with exit code 2."""


class ShapeError(RoboEgoError, ValueError):
    """A tensor has the wrong shape."""


class InputError(RoboEgoError, ValueError):
    """A file or value given by the user cannot be used."""


class CheckpointError(RoboEgoError):
    """A model folder is corrupt, foreign, or does not fit the code."""
