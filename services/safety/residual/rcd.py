"""What is known of the RCD: at one connector, and at all of a station.

There is one recloser. Whether one RCD feeds all connectors or each has its own: a pulse closes whatever is tripped, so
what forbids it at one of them forbids it.
"""

from collections.abc import Iterable

from schemas.safety import Contactor
from services.safety.residual.protection import BY_METER, is_active, rcd_input
from services.safety.residual.state import Neighbour
from services.safety.state import ConnectorState


def is_open(state: ConnectorState, now_s: float) -> bool:
    """The RCD is seen tripped, by its contact or by the meter that it feeds."""
    by_meter = "rcd_maybe_tripped" in state.faults.active and state.residual.meter_answers is False
    return by_meter or is_active(state, rcd_input(state), now_s) is True


def is_seen_closed(state: ConnectorState, now_s: float) -> bool:
    name = rcd_input(state)
    if name:
        return is_active(state, name, now_s) is False
    return state.settings.rcd == BY_METER and state.residual.meter_answers is True


def by_direct_current(state: ConnectorState, others: Iterable[Neighbour] = ()) -> bool:
    """A direct current may have opened it, or that of one of the others."""
    here = state.memory.rcd_by_dc or "residual_current_dc" in state.faults.active
    return here or any(each.by_dc for each in others)


def is_dead(state: ConnectorState, others: Iterable[Neighbour] = ()) -> bool:
    """The output stays dead when the RCD is closed, and so do those of the others: the contacts are proven open, and
    none is known to be welded."""
    here = not state.contactor.coil and state.contactor.phase is Contactor.OPEN and not state.memory.lockout
    return here and all(each.dead for each in others)


def neighbours(connector: int, states: Iterable[ConnectorState], now_s: float) -> tuple[Neighbour, ...]:
    """Of one connector: what all the others say. A domestic socket hangs on the recloser's own output."""
    return tuple(
        Neighbour(
            connector=state.equipment.connector,
            dead=is_dead(state),
            by_dc=by_direct_current(state),
            rcd_open=state.settings.reclosure and is_open(state, now_s),
            reclosures=state.memory.reclosures,
            closing=state.residual.pulse_s is not None,
        )
        for state in states
        if state.equipment.connector != connector and not state.equipment.outlet
    )
