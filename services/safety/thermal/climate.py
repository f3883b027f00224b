"""Fan or heater: when it shall run, and whether the fan turns.

One output of the station serves all connectors: it is on while one of them wants it (`wanted`). Who drives the output
tells the backend of its changes with `announced`.
"""

from collections.abc import Iterable

from services.safety.rule import after
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Moment, NoticeWish
from services.safety.timings import PILOT_FUTURE_S

FAN_BY_TEMPERATURE, FAN_BY_VEHICLE = "Fan (temperature)", "Fan (vehicle state)"
HEATER_BY_TEMPERATURE = "Heater (temperature)"
FANS = frozenset({FAN_BY_TEMPERATURE, FAN_BY_VEHICLE})
FAN_STARTS_S = 5.0
"""A fan that is driven turns after this time, and does not rest longer."""
FAN_VALID_S = 5.0
TURNS_RPM = 1.0


def runs(settings: SafetySettings, temperature_c: float | None, running: bool, charging: bool) -> bool:
    """VentHeatingCtrlMode. `temperature_c` None = unknown: a fan runs then, a heater does not."""
    threshold_c, hysteresis_k = settings.climate_threshold_c, settings.climate_hysteresis_c
    if settings.climate_mode == FAN_BY_VEHICLE:
        return charging
    if settings.climate_mode == FAN_BY_TEMPERATURE:
        if temperature_c is None:
            return True
        return temperature_c >= threshold_c or (running and temperature_c > threshold_c - hysteresis_k)
    if settings.climate_mode == HEATER_BY_TEMPERATURE:
        if temperature_c is None:
            return False
        return temperature_c <= threshold_c or (running and temperature_c < threshold_c + hysteresis_k)
    return False


def wanted(states: Iterable[ConnectorState]) -> bool:
    """The climate output of a station with these connectors."""
    return any(state.thermal.climate for state in states)


def announced(mode: str, on: bool) -> NoticeWish | None:
    """What the backend is told when the climate output has changed; None = the output serves something else."""
    words = (("state", "on" if on else "off"),)
    if mode in FANS:
        return NoticeWish("ventilation", words)
    return NoticeWish("heating", words) if mode == HEATER_BY_TEMPERATURE else None


def follow(state: ConnectorState, moment: Moment) -> None:
    thermal = state.thermal
    on = runs(state.settings, thermal.housing_c, thermal.climate, state.contactor.coil)
    if on != thermal.climate:
        thermal.climate, thermal.climate_since_s = on, moment.now_s


def observe_fan(state: ConnectorState, moment: Moment) -> None:
    """A fan that was found stuck stays so until it is seen turning, or nothing drives it for good (mode)."""
    thermal, now_s = state.thermal, moment.now_s
    if not state.equipment.fan or state.settings.climate_mode not in FANS:
        thermal.fan_stuck = False
        return
    speed = moment.readings.fan
    if speed is not None and speed.rpm >= TURNS_RPM and -PILOT_FUTURE_S <= now_s - speed.sampled_s <= FAN_VALID_S:
        thermal.fan_turned_s, thermal.fan_stuck = speed.sampled_s, False
        # With the sample stale the fan no longer counts as turning; it has not been seen to for as long by then.
        moment.wake(speed.sampled_s + FAN_VALID_S + 1e-5)
    elif thermal.climate:
        rests_s = max(thermal.climate_since_s, thermal.fan_turned_s)
        thermal.fan_stuck = thermal.fan_stuck or after(rests_s, FAN_STARTS_S, moment)
