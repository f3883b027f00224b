"""A connector's state written down by hand: for rules that are asked at one moment, beside the bench of
`tests/safety_rig.py`."""

from typing import Any

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety import faults
from services.safety.causes import RULES
from services.safety.equipment import in_force
from services.safety.region import SwitchSight
from services.safety.state import ActiveFault, ConnectorState, Equipment, Moment, Readings
from tests.safety_rig import NO_MIRROR, RATED_32_A, SOCKET

BEGUN_S = 900.0
NOW_S = 1000.0


def at_rest(equipment: Equipment = SOCKET, **keys: Any) -> ConnectorState:
    """At NOW_S, 100 s after the start: no vehicle, contacts open, everything read until now. `keys`: settings."""
    settings = RATED_32_A._replace(**keys)
    state = ConnectorState(equipment, BEGUN_S)
    state.obey(settings, in_force(equipment, settings))
    state.qualified, state.last_step_s = True, NOW_S
    state.contactor.phase, state.contactor.open_since_s = Contactor.OPEN, BEGUN_S
    sight = state.pilot_sight
    sight.letter = sight.confirmed = "A"
    sight.stamp_s, sight.run_start_s, sight.bad_since_s = NOW_S, BEGUN_S, None
    state.mirror, state.weld_input, state.output_sense = shows(False), shows(False), shows(False)
    state.residual.stamp_s, state.residual.test_wanted = NOW_S, False
    state.memory.residual_proven, state.memory.residual_tested_s = True, BEGUN_S
    return state


def connected(equipment: Equipment = SOCKET, letter: str = "B", **keys: Any) -> ConnectorState:
    """The same with a vehicle, since BEGUN_S."""
    state = at_rest(equipment, **keys)
    state.pilot_sight.letter = state.pilot_sight.confirmed = letter
    state.vehicle_connected = True
    return state


def charging(equipment: Equipment = SOCKET, **keys: Any) -> ConnectorState:
    """The same with the contacts closed, since BEGUN_S."""
    state = connected(equipment, "C", **keys)
    state.power_requested = True
    state.contactor.coil, state.contactor.phase, state.contactor.open_since_s = True, Contactor.CLOSED, 0.0
    state.pilot.mode = PilotMode.PWM
    state.mirror, state.weld_input, state.output_sense = shows(True), shows(True), shows(True)
    return state


def shows(closed: bool, since_s: float = BEGUN_S, stamp_s: float = NOW_S) -> SwitchSight:
    return SwitchSight(stamp_s=stamp_s, closed=closed, run_start_s=since_s)


def at(now_s: float = NOW_S, **readings: Any) -> Moment:
    return Moment(now_s, Readings(**readings))


def says(state: ConnectorState, code: str, now_s: float = NOW_S) -> bool:
    """The cause of this fault is there."""
    return RULES[code].cause(state, at(now_s))


def suffer(state: ConnectorState, *codes: str) -> None:
    """These faults are active."""
    state.faults.active.update({code: ActiveFault(since_s=BEGUN_S) for code in codes})


def lasts(code: str, wait_s: float) -> bool:
    """A fault is still active so long after its cause has gone; nothing is mounted that could fall silent meanwhile."""
    state = at_rest(NO_MIRROR)
    suffer(state, code)
    faults.evaluate(state, at(NOW_S))
    faults.evaluate(state, at(NOW_S + wait_s))
    return code in state.faults.active
