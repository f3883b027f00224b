"""What the backend is told of temperatures (the guide, section 9.2)."""

from hardware.interfaces import PilotMode
from schemas.notices import temperature
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, NoticeWish
from services.safety.thermal.derating import derated, reduced_a

APART_S = 10.0
"""Between two reports of the temperatures."""
REPORTING_CONNECTOR = 1
"""Board and card reader are the station's: one connector speaks of them."""
_PAUSING = ("temperature_high", "temperature_limit")
_CODES = {"paused": "paused_by_temperature", "reduced": "reduced_by_temperature", "": "nominal_after_temperature"}


def follow(state: ConnectorState, moment: Moment) -> None:
    if state.equipment.temperatures:
        _report(state, moment)
        _tell_of_derating(state, moment)


def _report(state: ConnectorState, moment: Moment) -> None:
    """TempDelta: once at the start, then whenever one of the two has changed by it since it was told last."""
    thermal, delta_k = state.thermal, state.settings.report_delta_c
    if delta_k <= 0.0 or state.equipment.connector != REPORTING_CONNECTOR:
        return
    seen = (thermal.celsius.get("cpu"), thermal.celsius.get("rfid"))
    if seen == (None, None) and thermal.reported is None:
        return
    if thermal.reported is not None and not any(map(_moved, seen, thermal.reported, (delta_k, delta_k))):
        return
    if not after(thermal.reported_s, APART_S, moment):
        return
    thermal.reported, thermal.reported_s = seen, moment.now_s
    moment.notices.append(NoticeWish("temperatures", (("cpu", temperature(seen[0])), ("rfid", temperature(seen[1])))))


def _moved(now_c: float | None, then_c: float | None, delta_k: float) -> bool:
    if now_c is None or then_c is None:
        return now_c is not then_c
    return abs(now_c - then_c) >= delta_k


def _tell_of_derating(state: ConnectorState, moment: Moment) -> None:
    """Only while there is somebody whose charging is touched."""
    thermal = state.thermal
    if not state.vehicle_connected or state.pilot_sight.confirmed == "A":
        thermal.told = ""
        return
    now = _touched(state)
    if now == thermal.told:
        return
    code = _CODES[now]
    thermal.told = now
    moment.notices.append(NoticeWish(code, (("temperature", temperature(_telling_c(state))),)))


def _telling_c(state: ConnectorState) -> float | None:
    """Of the contactor where that is what is too hot, else of the housing."""
    thermal = state.thermal
    return thermal.celsius.get("relay") if thermal.relay_over and not thermal.over else thermal.housing_c


def _touched(state: ConnectorState) -> str:
    """ "" = nominal. A current that derating does not reach is not reduced by it; a domestic socket has to be off."""
    if any(code in state.faults.active for code in _PAUSING):
        return "paused"
    if not derated(state):
        return ""
    if state.equipment.outlet:
        return "paused" if reduced_a(state) < state.rated_a else ""
    reached = state.pilot.mode is PilotMode.PWM and reduced_a(state) < state.pilot.permitted_a
    return "reduced" if reached else state.thermal.told
