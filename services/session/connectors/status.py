"""The OCPP status of a connector, as one table: the first row that fits is true. Pure."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.session import ConnectorStatus
from services.session.transactions.record import Phase


class Facts(NamedTuple):
    """What the status depends on, and nothing else."""

    seeing: bool = True
    """`safety` speaks and knows the pilot."""
    faulted: bool = False
    out_of_service: bool = False
    """State F without a fault."""
    vehicle: bool = False
    authorized: bool = False
    """An authorization waits for a vehicle, or for the start."""
    phase: Phase | None = None
    unrecorded: bool = False
    """Charging without a transaction (no meter, free)."""
    holds_cable: bool = False
    permitted: bool = False
    offered: bool = False
    wants_power: bool = False
    closed: bool = False
    """The contactor."""
    withdrawn: bool = False
    """Out of service by ChangeAvailability."""
    refused: bool = False
    """No transaction may begin: the message queue is full."""
    timed_out: bool = False
    """A vehicle has waited for a card for too long (errata 3.20)."""


class Row(NamedTuple):
    status: ConnectorStatus
    fits: Callable[[Facts], bool]


def _running(f: Facts) -> bool:
    return f.phase is Phase.ACTIVE or f.unrecorded


def _finished(f: Facts) -> bool:
    return f.phase is Phase.ENDED and not f.authorized and (f.vehicle or f.holds_cable)


TABLE = (
    Row(ConnectorStatus.FAULTED, lambda f: f.faulted),
    Row(ConnectorStatus.FINISHING, lambda f: f.phase is Phase.STOPPING),
    Row(ConnectorStatus.UNAVAILABLE, lambda f: f.withdrawn and not _running(f)),
    Row(ConnectorStatus.FINISHING, _finished),
    Row(ConnectorStatus.SUSPENDED_EVSE, lambda f: _running(f) and not f.seeing),
    Row(ConnectorStatus.UNAVAILABLE, lambda f: not f.seeing or (f.out_of_service and not _running(f))),
    # OCPP 1.6 section 4.9: the vehicle has left and the transaction stays.
    Row(ConnectorStatus.SUSPENDED_EV, lambda f: _running(f) and not f.vehicle),
    Row(ConnectorStatus.CHARGING, lambda f: _running(f) and f.closed and f.wants_power),
    # Errata 3.64: not offering. Section 4.9: it comes before SuspendedEV.
    Row(ConnectorStatus.SUSPENDED_EVSE, lambda f: _running(f) and not (f.permitted and f.offered)),
    # Errata 3.55: offering, and the vehicle does not ask (state B2).
    Row(ConnectorStatus.SUSPENDED_EV, lambda f: _running(f) and not f.wants_power),
    # The vehicle asks, the contactor has not closed yet.
    Row(ConnectorStatus.SUSPENDED_EVSE, _running),
    Row(ConnectorStatus.FAULTED, lambda f: f.refused),
    Row(ConnectorStatus.FINISHING, lambda f: f.timed_out),
    Row(ConnectorStatus.PREPARING, lambda f: f.authorized or f.vehicle),
    Row(ConnectorStatus.AVAILABLE, lambda _f: True),
)


def status_of(facts: Facts) -> ConnectorStatus:
    return next(row.status for row in TABLE if row.fits(facts))
