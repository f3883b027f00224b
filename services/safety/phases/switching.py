"""The change between one phase and three: never with a pole closed."""

from services.safety.state import ConnectorState, Moment


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read."""


def follow(state: ConnectorState, moment: Moment) -> None:
    """What follows once coil and pilot are decided."""
