"""Faults of residual current and protective devices.

What the module causes ends with a self-test that passes, and that is possible only after an unplug (state A).
"""

from services.safety.residual import protection, sensor
from services.safety.rule import Rule, after
from services.safety.state import ConnectorState, Moment
from services.safety.timings import BOOT_S, FEEDBACK_VALID_S


def _untested_since(state: ConnectorState, code: str) -> bool:
    return code in state.faults.active and not state.memory.residual_proven


def _dc(state: ConnectorState, moment: Moment) -> bool:
    return _struck(state, state.residual.dc_tripped_s, moment) or _untested_since(state, "residual_current_dc")


def _rms(state: ConnectorState, moment: Moment) -> bool:
    struck = sensor.rms_stops(state) and _struck(state, state.residual.rms_tripped_s, moment)
    return struck or _untested_since(state, "residual_current_rms")


def _struck(state: ConnectorState, since_s: float | None, moment: Moment) -> bool:
    """However late a trip is judged, what counts is whether a current could flow when it began."""
    if since_s is None or not sensor.tripped(state, since_s, moment):
        return False
    return sensor.current_may_flow(state, since_s, moment)


def _failed(state: ConnectorState, moment: Moment) -> bool:
    if not state.equipment.residual_sensor:
        return False
    broken = state.residual.device_error or state.residual.impossible or _silent(state, moment)
    lies = _trips_without_current(state, moment)
    return broken or lies or _untested_since(state, "residual_sensor_failed")


def _trips_without_current(state: ConnectorState, moment: Moment) -> bool:
    """With the contacts open. After a real trip the module may hold its output as long as the vehicle is there."""
    room = state.residual
    in_a = state.pilot_sight.confirmed == "A"
    if not in_a and state.faults.active.keys() & {"residual_current_dc", "residual_current_rms"}:
        return False
    for since_s in [each for each in (room.dc_tripped_s, room.rms_tripped_s) if each is not None]:
        real = sensor.current_may_flow(state, since_s, moment)
        if (in_a or not real) and sensor.tripped(state, since_s, moment) and sensor.nothing_can_flow(state, moment):
            return True
    return False


def _silent(state: ConnectorState, moment: Moment) -> bool:
    """Where the pilot cannot be read either, the whole board is away: that is a fault of its own."""
    room, sight = state.residual, state.pilot_sight
    if sensor.usable(state, moment.now_s) or sight.letter == "":
        return False
    if state.contactor.coil:
        return True
    if room.stamp_s < 0.0:
        return after(state.begun_s, BOOT_S, moment)
    return after(max(room.stamp_s, sight.run_start_s), FEEDBACK_VALID_S, moment)


def _self_test(state: ConnectorState, _moment: Moment) -> bool:
    return state.residual.test_failed or _untested_since(state, "residual_self_test_failed")


def _rcd(state: ConnectorState, moment: Moment) -> bool:
    name = protection.rcd_input(state)
    return bool(name) and protection.has_struck(state, name, moment)


def _rcd_by_meter(state: ConnectorState, moment: Moment) -> bool:
    return protection.meter_lost_supply(state, moment.now_s)


def _mcb(state: ConnectorState, moment: Moment) -> bool:
    return "mcb" in state.equipment.inputs and protection.has_struck(state, "mcb", moment)


def _monitoring_relay(state: ConnectorState, moment: Moment) -> bool:
    return state.settings.monitoring_relay and protection.has_struck(state, "monitoring_relay", moment)


RULES: dict[str, Rule] = {
    "residual_current_dc": Rule(_dc, 1.0),
    "residual_current_rms": Rule(_rms, 1.0),
    "residual_sensor_failed": Rule(_failed, 1.0),
    "residual_self_test_failed": Rule(_self_test, 0.25),
    "rcd_tripped": Rule(_rcd, 1.0),
    "rcd_maybe_tripped": Rule(_rcd_by_meter, 1.0),
    "mcb_tripped": Rule(_mcb, 1.0),
    "monitoring_relay_tripped": Rule(_monitoring_relay, 10.0),
    "protective_earth_lost": Rule(protection.earth_is_lost, 10.0),
}
