"""The words of the board's trouble behind the fault that they explain."""

from schemas.faults import FAULTS


def with_trouble(text: str, trouble: str) -> str:
    """`text`: a fault's, or why power does not flow. `trouble`: what `safety.station` says; empty = nothing now."""
    return f"{text}: {trouble}" if trouble and text == FAULTS["board_trouble"].text else text
