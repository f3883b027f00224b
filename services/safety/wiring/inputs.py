"""What contacts wired to the station mean for a connector: emergency stop, tilt and water stop power, tamper and surge
protection are reported.

A contact that has to be there and is not read is never good: it counts as active.
"""

from collections.abc import Iterator

from services.safety.readings import observe_switch
from services.safety.region import SwitchSight
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment
from services.safety.timings import BOOT_S, FEEDBACK_VALID_S, UNREADABLE_S

EMERGENCY_STOP, TILT, WATER, TAMPER, SURGE = "emergency_stop", "tilt", "water", "tamper", "spd"
OUTLET_BREAKER = "schuko_mcb"
STOPPING = (EMERGENCY_STOP, TILT, WATER)
"""They stop power in the step that sees them, wherever they are wired."""
REPORTED_AFTER_S = 1.0
"""Tamper and surge protection: a contact that bounces is no news."""
_WORDS = {
    EMERGENCY_STOP: "the emergency stop",
    TILT: "the tilt sensor",
    WATER: "the water sensor",
    OUTLET_BREAKER: "the circuit breaker of the domestic socket",
}


def stopping(state: ConnectorState) -> tuple[str, ...]:
    """Those that are wired here."""
    names = (*STOPPING, OUTLET_BREAKER) if state.equipment.outlet else STOPPING
    return tuple(name for name in names if name in state.equipment.inputs)


def watched(state: ConnectorState) -> Iterator[str]:
    """Contacts that must be read: those that stop power and are wired, and those that a key switches on."""
    yield from stopping(state)
    if state.settings.tamper:
        yield TAMPER
    if state.settings.surge_protection:
        yield SURGE


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read. A station that was tilted or flooded stays so until service says that it is not."""
    wiring, now_s = state.wiring, moment.now_s
    contacts = wiring.contacts
    began_s = now_s if wiring.trouble_s is None else wiring.trouble_s
    wiring.trouble_s = began_s if moment.readings.trouble else None
    for name in watched(state):
        sight = contacts.setdefault(name, SwitchSight())
        observe_switch(sight, moment.readings.inputs.get(name), FEEDBACK_VALID_S, moment)
        moment.wake(sight.stamp_s + FEEDBACK_VALID_S + 1e-5)
    state.memory.tilted = state.memory.tilted or is_active(state, TILT, now_s) is True
    state.memory.flooded = state.memory.flooded or is_active(state, WATER, now_s) is True


def is_active(state: ConnectorState, name: str, now_s: float) -> bool | None:
    """None = not read, or too long ago."""
    sight = state.wiring.contacts.get(name)
    return sight.closed if sight is not None and sight.fresh(now_s, FEEDBACK_VALID_S) else None


def unread(state: ConnectorState, name: str, moment: Moment) -> bool:
    """Where the pilot cannot be read either, the whole board is away: that is a fault of its own. After the start a
    board is given the time of the self-test; until then nothing is offered (`refusal`)."""
    if is_active(state, name, moment.now_s) is not None or state.pilot_sight.letter == "":
        return False
    sight = state.wiring.contacts.get(name)
    if sight is None or sight.stamp_s < 0.0:
        return after(state.begun_s, BOOT_S, moment)
    if state.contactor.coil and not state.equipment.outlet:
        return True
    # A domestic socket is off by then (`refusal`); without a pilot it learns later that the whole board is away.
    return after(max(sight.stamp_s + FEEDBACK_VALID_S, state.pilot_sight.run_start_s), UNREADABLE_S, moment)


def stops(state: ConnectorState, name: str, moment: Moment) -> bool:
    if name not in state.equipment.inputs:
        return False
    return is_active(state, name, moment.now_s) is True or unread(state, name, moment)


def reports(state: ConnectorState, name: str, moment: Moment) -> bool:
    """Active for a second, or not to be read."""
    if is_active(state, name, moment.now_s) is True:
        return after(state.wiring.contacts[name].run_start_s, REPORTED_AFTER_S, moment)
    return unread(state, name, moment)


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:
    """(why a contact forbids an offer, boot-clock time of the next try)."""
    for name in stopping(state):
        if is_active(state, name, now_s) is not False:
            return f"waiting for {_WORDS[name]} to be read", 0.0
    return "", 0.0
