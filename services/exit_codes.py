"""Exit codes of every program of the station."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    """A command did not do what it was asked; its message says why."""
    USAGE = 2
    NOT_RUNNING = 3
    """The station, or the service a command needs, is not up."""
    REFUSED = 4
    """The owner of the matter said no."""
    CRASHED = 70
    """An error in the program: the log has the traceback."""
    CANNOT_WRITE = 73
    """The home is full, read-only or not ours."""
    ALREADY_RUNNING = 75
    """Another process of this home does this already."""
    BAD_CONFIGURATION = 78
    """The station file, or a stored file, cannot be used; the message names line and name."""
