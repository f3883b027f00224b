"""The front light: which pattern a state has, and what it looks like. Pure."""

from hardware.interfaces import Light
from schemas.hmi import LightPattern
from schemas.session import ConnectorStatus
from services.hmi.view import View

FAST_HZ, BLINK_HZ, SLOW_HZ = 4.0, 1.0, 0.5

LOOKS: dict[LightPattern, Light] = {
    LightPattern.UNKNOWN: Light(0.0, 0.0, 0.0),
    LightPattern.OFF: Light(0.0, 0.0, 0.0),
    LightPattern.READY: Light(0.0, 1.0, 0.0),
    LightPattern.WAITING_FOR_VEHICLE: Light(0.0, 0.0, 1.0, FAST_HZ),
    LightPattern.WAITING_FOR_CARD: Light(0.0, 1.0, 0.0, SLOW_HZ),
    LightPattern.CHARGING: Light(0.0, 0.0, 1.0, BLINK_HZ),
    LightPattern.SUSPENDED: Light(0.0, 0.0, 1.0),
    LightPattern.FINISHING: Light(0.0, 1.0, 1.0),
    LightPattern.REJECTED: Light(1.0, 1.0, 1.0, FAST_HZ),
    LightPattern.RESERVED: Light(1.0, 1.0, 0.0),
    LightPattern.UNAVAILABLE: Light(1.0, 1.0, 1.0),
    LightPattern.FAULT: Light(1.0, 0.0, 0.0),
}
"""Green, yellow and blue together are white on a three-colour light."""

BY_STATUS: dict[ConnectorStatus, LightPattern] = {
    ConnectorStatus.UNKNOWN: LightPattern.UNAVAILABLE,
    ConnectorStatus.AVAILABLE: LightPattern.READY,
    ConnectorStatus.CHARGING: LightPattern.CHARGING,
    ConnectorStatus.SUSPENDED_EVSE: LightPattern.SUSPENDED,
    ConnectorStatus.SUSPENDED_EV: LightPattern.SUSPENDED,
    ConnectorStatus.FINISHING: LightPattern.FINISHING,
    ConnectorStatus.RESERVED: LightPattern.RESERVED,
    ConnectorStatus.UNAVAILABLE: LightPattern.UNAVAILABLE,
    ConnectorStatus.FAULTED: LightPattern.FAULT,
}
"""Preparing is not here: it depends on who waits for whom."""


def pattern(view: View) -> LightPattern:
    """The first that applies: fault, rejected card, lost backend, status."""
    light = _of_connector(view)
    shows_loss = view.shows_lost_backend and light is not LightPattern.REJECTED
    return LightPattern.FAULT if shows_loss else light


def _of_connector(view: View) -> LightPattern:
    if view.blocking_fault():
        return LightPattern.FAULT
    if view.session is None:
        return LightPattern.CHARGING if view.power_flows else LightPattern.UNAVAILABLE
    status = view.session.status
    if view.rejected and status is not ConnectorStatus.FAULTED:
        return LightPattern.REJECTED
    if status is ConnectorStatus.PREPARING:
        return _preparing(view, authorized=bool(view.session.id_tag))
    if status is ConnectorStatus.CHARGING and view.power_flows is False:
        return LightPattern.SUSPENDED
    return BY_STATUS[status]


def _preparing(view: View, *, authorized: bool) -> LightPattern:
    if not authorized:
        return LightPattern.WAITING_FOR_CARD
    return LightPattern.SUSPENDED if view.vehicle_connected else LightPattern.WAITING_FOR_VEHICLE
