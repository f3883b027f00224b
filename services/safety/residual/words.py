"""What people and the keys of the module are shown."""

from services.safety.residual import sensor
from services.safety.residual.self_test import proven_until_s
from services.safety.state import ConnectorState, due


def state_words(state: ConnectorState) -> str:
    """RCMB_STATE, first part; empty = no module is fitted."""
    if not state.equipment.residual_sensor:
        return ""
    room, active = state.residual, state.faults.active
    shown = {
        "residual_current_dc": "tripped: direct current",
        "residual_current_rms": "tripped: alternating current",
        "residual_sensor_failed": "failed",
        "residual_self_test_failed": "failed its self-test",
    }
    for code, words in shown.items():
        if code in active:
            return words
    if not sensor.usable(state, state.last_step_s):
        return "does not answer"
    if room.testing:
        return "is being tested"
    if not state.memory.residual_proven or due(proven_until_s(state), 0.0, state.last_step_s):
        return "not tested yet"
    return f"protects ({'DC and RMS' if sensor.rms_stops(state) else 'DC'})"


def measured_ma(state: ConnectorState) -> tuple[float | None, float | None]:
    """(DC without its sign, RMS) now; None = not measured, or not read lately."""
    if not state.equipment.residual_sensor or not sensor.usable(state, state.last_step_s):
        return None, None
    dc_ma, rms_ma = state.residual.dc_ma, state.residual.rms_ma
    return None if dc_ma is None else abs(dc_ma), rms_ma
