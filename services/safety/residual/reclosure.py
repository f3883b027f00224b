"""Closes a tripped RCD again: by itself (RCDAUTORECLOSURE), or because somebody orders it (RCDRESET).

Only with the contacts of all connectors proven open, and never after a direct current fault at any of them: direct
current blinds an RCD of type A. A module for residual current is tested in between: in state A before the RCD is
closed; with a vehicle connected no test is allowed, so the RCD is closed, and nothing is offered until a test has
passed after the unplug. Where several connectors see it open the lowest one tries, and its attempts are those of all.
"""

from collections.abc import Callable, Iterable

from schemas.safety import Contactor
from schemas.settings import ActionOrder
from services.safety.residual.protection import METER_AFTER_S
from services.safety.residual.rcd import by_direct_current, is_dead, is_open, is_seen_closed
from services.safety.residual.state import Neighbour
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, due

PULSE_S = 0.5
SETTLE_S = 5.0
"""A motor drive needs this long to close an RCD; if it is still open then, the attempt has failed."""
STAYED_CLOSED_S = 600.0
"""An RCD that was closed this long starts the count again,"""
CHARGED_S = 60.0
"""and so does one that carried a vehicle this long."""
RESET_WITHIN_S = 60.0
"""An order that cannot be carried out for so long is dropped."""
OF_THE_RCD = ("rcd_tripped", "rcd_maybe_tripped")


def follow(state: ConnectorState, moment: Moment) -> None:
    """Decides once coil and pilot are decided: the outputs of a step agree."""
    room = state.residual
    _note_direct_current(state, moment.now_s)
    if room.pulse_s is not None:
        if not due(room.pulse_s, PULSE_S, moment.now_s):
            moment.wake(room.pulse_s + PULSE_S)
            return
        room.pulse_s = None
    _heed(state, moment)
    if is_open(state, moment.now_s):
        _while_open(state, moment)
    elif is_seen_closed(state, moment.now_s):
        _while_closed(state, moment)
    _reset(state, moment)


def _note_direct_current(state: ConnectorState, now_s: float) -> None:
    """That the RCD has opened with it may be seen seconds later."""
    if "residual_current_dc" not in state.faults.active:
        return
    state.residual.dc_fault_s = now_s
    if state.settings.rcd != "Off":
        state.memory.rcd_by_dc = True


def _heed(state: ConnectorState, moment: Moment) -> None:
    """What another connector does closes the RCD that is open here as well: one attempt for both, and a test is due."""
    room, memory, now_s = state.residual, state.memory, moment.now_s
    if room.rcd_open_s is None:
        return
    for each in moment.readings.neighbours:
        if each.closing:
            room.pulsed_s, room.attempt_s = now_s, now_s + state.settings.reclosure_delay_s
            memory.reclosures = each.reclosures
            _end_proof(state)


def _end_proof(state: ConnectorState) -> None:
    if state.equipment.residual_sensor:
        state.residual.test_wanted, state.memory.residual_proven = True, False


def _while_open(state: ConnectorState, moment: Moment) -> None:
    room, memory, settings, now_s = state.residual, state.memory, state.settings, moment.now_s
    others = moment.readings.neighbours
    if room.rcd_open_s is None:
        room.rcd_open_s, room.attempt_s = now_s, now_s + settings.reclosure_delay_s
    memory.rcd_open = True
    if not settings.reclosure or by_direct_current(state, others):
        return
    sees_it_too = [each for each in others if each.rcd_open]
    if max([memory.reclosures, *(each.reclosures for each in sees_it_too)]) >= settings.reclosure_attempts:
        _give_up(state, moment)
    elif not due(room.attempt_s, 0.0, now_s):
        moment.wake(room.attempt_s)
    elif any(each.connector < state.equipment.connector for each in sees_it_too):
        return
    elif _ready(state, max(room.rcd_open_s, room.pulsed_s), others):
        memory.reclosures += 1
        _pulse(state, f"attempt {memory.reclosures} of {settings.reclosure_attempts}", moment)


def _give_up(state: ConnectorState, moment: Moment) -> None:
    """With a vehicle connected the fault waits for its unplug as well; without one, for the device alone."""
    memory, pulsed_s = state.memory, state.residual.pulsed_s
    if not due(pulsed_s, SETTLE_S, moment.now_s):
        moment.wake(pulsed_s + SETTLE_S)
        return
    for code in OF_THE_RCD:
        if code in state.faults.active and code not in memory.latched and state.vehicle_connected:
            memory.latched = (*memory.latched, code)
            moment.say("rcd_given_up", f"after {memory.reclosures} attempts")


def _while_closed(state: ConnectorState, moment: Moment) -> None:
    room, memory, now_s = state.residual, state.memory, moment.now_s
    if room.rcd_open_s is not None:
        room.rcd_open_s, room.rcd_closed_s = None, now_s
    memory.rcd_open = False
    if after(max(room.rcd_closed_s, room.dc_fault_s), METER_AFTER_S, moment):
        memory.rcd_by_dc = False
    if not memory.reclosures:
        return
    charged = state.contactor.phase is Contactor.CLOSED and due(state.contactor.on_s, CHARGED_S, now_s)
    if charged or due(room.rcd_closed_s, STAYED_CLOSED_S, now_s):
        memory.reclosures = 0
    else:
        moment.wake(room.rcd_closed_s + STAYED_CLOSED_S)


def _ready(state: ConnectorState, since_s: float, others: Iterable[Neighbour]) -> bool:
    """All contacts are open, and in state A the module has passed its test since then: one is asked for."""
    room = state.residual
    if not is_dead(state, others) or room.testing:
        return False
    if not state.equipment.residual_sensor or state.vehicle_connected or _tested_since(state, since_s):
        return True
    room.test_wanted = True
    return False


def _tested_since(state: ConnectorState, since_s: float) -> bool:
    return state.memory.residual_proven and state.memory.residual_tested_s > since_s


def _pulse(state: ConnectorState, why: str, moment: Moment) -> None:
    room, now_s = state.residual, moment.now_s
    if state.vehicle_connected:
        _end_proof(state)
    room.pulse_s = room.pulsed_s = now_s
    room.attempt_s = now_s + state.settings.reclosure_delay_s
    moment.wake(now_s + PULSE_S)
    moment.say("rcd_closing", why)


def _order_reset(state: ConnectorState, _order: ActionOrder) -> None:
    state.residual.reset_ordered = True


ORDERS: dict[str, Callable[[ConnectorState, ActionOrder], None]] = {"RCDRESET": _order_reset}
"""By action key. Carried out in the next step in which the contacts are open, within a minute."""


def _reset(state: ConnectorState, moment: Moment) -> None:
    room, memory, now_s = state.residual, state.memory, moment.now_s
    others = moment.readings.neighbours
    if room.reset_ordered:
        room.reset_ordered = False
        why = _no_reset(state, others, now_s)
        moment.say("rcd_reset_refused" if why else "rcd_reset_ordered", why)
        room.reset_s = None if why else now_s
    if room.reset_s is None or room.pulse_s is not None:
        return
    if due(room.reset_s, RESET_WITHIN_S, now_s) or by_direct_current(state, others):
        room.reset_s = None
        moment.say("rcd_reset_refused", "it could not be carried out within a minute")
    elif not is_open(state, now_s) or any(each.closing for each in others):
        # Somebody was quicker: an output that is wired to a shunt trip as well would open it again.
        room.reset_s = None
        _unlatch(state)
    elif _ready(state, room.reset_s, others):
        memory.reclosures = 0
        _pulse(state, "ordered", moment)
        room.reset_s = None
        _unlatch(state)
    else:
        moment.wake(room.reset_s + RESET_WITHIN_S)


def _unlatch(state: ConnectorState) -> None:
    """Where a module is fitted only after its test: with a vehicle connected that is after the unplug."""
    memory = state.memory
    if memory.residual_proven or not state.equipment.residual_sensor:
        memory.latched = tuple(code for code in memory.latched if code not in OF_THE_RCD)


def _no_reset(state: ConnectorState, others: Iterable[Neighbour], now_s: float) -> str:
    """Why an order is refused; empty = it is not."""
    settings = state.settings
    if by_direct_current(state, others):
        return "a direct current was detected: have the vehicle checked, then switch the RCD on by hand"
    if settings.rcd == "Off":
        return "the station does not watch an RCD (RCDENABLE is Off)"
    if settings.weld_auxiliary or (settings.schuko and not settings.reclosure):
        return "the auxiliary output serves something else (WeldCheckAuxRelay, OCPPSchuko)"
    waits = any(code in state.memory.latched for code in OF_THE_RCD)
    return "" if waits or is_open(state, now_s) else "the RCD has not tripped"
