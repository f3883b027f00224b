"""What makes a fault: its cause, and how long the cause must be gone."""

from collections.abc import Callable
from typing import NamedTuple

from services.safety.state import ConnectorState, Moment, due

Cause = Callable[[ConnectorState, Moment], bool]


class Rule(NamedTuple):
    cause: Cause
    clear_s: float
    """The cause has been gone this long (facts: clear rules of the error list)."""


def after(since_s: float | None, wait_s: float, moment: Moment) -> bool:
    """True when a condition has lasted `wait_s`; asks to be woken at that time otherwise."""
    if since_s is None:
        return False
    if due(since_s, wait_s, moment.now_s):
        return True
    moment.wake(since_s + wait_s)
    return False
