"""A second contactor in series with the first, on relay 2 (PatternOnRelayK2: On while charging).

Order: it closes first, without current; the main contactor closes when it is on. The main contactor opens first; it
follows 100 ms later, whatever the main contacts did: with welded ones it is the only way to open the circuit. So it
opens at once, for all connectors, when the contacts of one of them are welded.
"""

from hardware.interfaces import PilotMode
from services.safety.readings import observe_switch
from services.safety.region import SwitchSight
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment
from services.safety.timings import FEEDBACK_VALID_S, OPEN_WITHIN_S

RELAY = "relay_2"
IN_SERIES = "On while charging"
"""The PatternOnRelayK2 of a second contactor."""
AUXILIARY = "auxiliary"
CLOSES_FIRST_S = 0.050
"""So long before the main contactor: what a contactor takes to pull in, bounce included."""
FOLLOWS_S = OPEN_WITHIN_S
MISMATCH_S = 0.100
"""An output that reads back something else for so long does not follow its command."""


def is_fitted(state: ConnectorState) -> bool:
    """A domestic socket hangs on a relay of its own."""
    here = RELAY in state.equipment.outputs and not state.equipment.outlet
    return here and state.settings.relay_2_pattern == IN_SERIES


def watched(state: ConnectorState) -> tuple[str, ...]:
    """Outputs in the path of power: what they really do matters."""
    carries = state.settings.weld_auxiliary or state.equipment.outlet
    shunt_trip = (AUXILIARY,) if carries and AUXILIARY in state.equipment.outputs else ()
    return (*shunt_trip, RELAY) if is_fitted(state) else shunt_trip


def observe(state: ConnectorState, moment: Moment) -> None:
    state.wiring.barred = _barred(state, moment.readings.welded)
    for name in watched(state):
        driven = moment.readings.outputs.get(name)
        sight = state.wiring.readbacks.setdefault(name, SwitchSight())
        observe_switch(sight, driven.readback if driven is not None else None, FEEDBACK_VALID_S, moment)


def _barred(state: ConnectorState, welded: tuple[int, ...]) -> str:
    others = [str(number) for number in welded if number != state.equipment.connector]
    if not others or not is_fitted(state):
        return ""
    return f"the contactor of connector {others[0]} is welded: no connector has power until service has put it right"


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:  # noqa: ARG001
    return state.wiring.barred, 0.0


def mismatch(state: ConnectorState, moment: Moment) -> bool:
    """A board that cannot read an output back is believed."""
    for name in watched(state):
        driven, sight = moment.readings.outputs.get(name), state.wiring.readbacks.get(name)
        if driven is None or sight is None or not sight.fresh(moment.now_s, FEEDBACK_VALID_S):
            continue
        if sight.closed is not driven.on and after(max(driven.since_s, sight.run_start_s), MISMATCH_S, moment):
            return True
    return False


def ready(state: ConnectorState, moment: Moment) -> bool:
    """The main contactor may close: the second one is on, and where its output is read back, seen so."""
    wiring = state.wiring
    if not is_fitted(state):
        return True
    if not wiring.series or not after(wiring.series_s, CLOSES_FIRST_S, moment):
        return False
    sight = wiring.readbacks.get(RELAY)
    if sight is None or sight.stamp_s < 0.0:
        return True
    return sight.closed and sight.fresh(moment.now_s, FEEDBACK_VALID_S) and sight.stamp_s >= wiring.series_s


def follow(state: ConnectorState, moment: Moment) -> None:
    """Once coil and pilot are decided."""
    wiring, now_s = state.wiring, moment.now_s
    follows = wiring.series and not after(state.contactor.off_s, FOLLOWS_S, moment)
    wanted = is_fitted(state) and (_is_needed(state) or follows)
    if wanted != wiring.series:
        wiring.series, wiring.series_s = wanted, now_s
        moment.wake(now_s + CLOSES_FIRST_S)


def _is_needed(state: ConnectorState) -> bool:
    asks = state.pilot_sight.confirmed in ("C", "D") and state.pilot.mode is PilotMode.PWM
    return state.contactor.coil or (asks and not state.wiring.barred)
