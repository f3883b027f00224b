"""Thresholds: less current, a pause, a stop at once. Each is left only some kelvins below where it was entered.

A higher temperature never gives more current (monotone), and no temperature at rest switches anything twice.
"""

import math

from services.safety.state import ConnectorState
from services.safety.timings import LEAST_CURRENT_A

REDUCE_HYSTERESIS_K = 3.0
STOP_HYSTERESIS_K = 7.0
SAFETY_MARGIN_K = 6.0
"""From TempStopThreshold2 to the safety limit."""
HARDWARE_LIMIT_C = 85.0
"""What the parts of a controller stand: the safety limit is never above it."""
RELAY_LIMIT_C, RELAY_BACK_C = 95.0, 85.0
"""At the contactor. A value of ours: below what its terminals may reach in service."""
PLUG_LIMIT_C, PLUG_BACK_C = 85.0, 75.0
PLUG_APART_K, PLUG_APART_BACK_K = 25.0, 15.0
"""One pin much hotter than the other is a bad contact."""


def held(was: bool, value: float, enter: float, leave: float) -> bool:
    """Entered at `enter` or above, left at `leave` or below."""
    return value >= enter or (was and value > leave)


def safety_limit_c(stop_above_c: float) -> float:
    """Where power stops in the same step, for a value of TempStopThreshold2."""
    return min(stop_above_c + SAFETY_MARGIN_K, HARDWARE_LIMIT_C)


def judge(state: ConnectorState) -> None:
    """A temperature that is not known changes nothing: what was hot stays hot. So it does while the board's sensor
    stands in for the one of the housing: that has seen the heat, and must see that it is gone."""
    thermal, settings = state.thermal, state.settings
    housing_c = thermal.housing_c
    if housing_c is not None:
        stands_in = "housing" in state.equipment.temperatures - thermal.celsius.keys()
        cooled_k = math.inf if stands_in else 0.0
        reduce_c, stop_c = settings.reduce_above_c, settings.stop_above_c
        over_c = safety_limit_c(stop_c)
        thermal.reduced = held(thermal.reduced, housing_c, reduce_c, reduce_c - REDUCE_HYSTERESIS_K - cooled_k)
        thermal.hot = held(thermal.hot, housing_c, stop_c, stop_c - STOP_HYSTERESIS_K - cooled_k)
        thermal.over = held(thermal.over, housing_c, over_c, over_c - STOP_HYSTERESIS_K - cooled_k)
    relay_c = thermal.celsius.get("relay")
    if relay_c is not None:
        thermal.relay_over = held(thermal.relay_over, relay_c, RELAY_LIMIT_C, RELAY_BACK_C)
    thermal.plug_over = _plug_over(state)


def _plug_over(state: ConnectorState) -> bool:
    thermal = state.thermal
    pins = [thermal.celsius[name] for name in ("plug_1", "plug_2") if name in thermal.celsius]
    mounted = [name for name in ("plug_1", "plug_2") if name in state.equipment.temperatures]
    if not pins:
        return thermal.plug_over
    apart_k = max(pins) - min(pins)
    if max(pins) > PLUG_LIMIT_C or apart_k > PLUG_APART_K:
        return True
    cool = max(pins) <= PLUG_BACK_C and apart_k <= PLUG_APART_BACK_K and len(pins) == len(mounted)
    return thermal.plug_over and not cool


def limit(state: ConnectorState) -> tuple[float, str]:
    """(amperes, words for a person); (inf, "") = the temperature does not bound the current."""
    if state.thermal.sensor_lost or "temperature_sensor_lost" in state.faults.active:
        return LEAST_CURRENT_A, "a temperature sensor has failed"
    if derated(state):
        return reduced_a(state), "the housing is hot"
    return math.inf, ""


def derated(state: ConnectorState) -> bool:
    return state.thermal.reduced or "temperature_derated" in state.faults.active


def reduced_a(state: ConnectorState) -> float:
    """ReducedCurrentPct of what could be signalled otherwise, at least 6 A; ReducedCurrent where that is 0."""
    settings = state.settings
    if settings.reduced_percent > 0.0:
        return max(LEAST_CURRENT_A, state.pilot.permitted_a * settings.reduced_percent / 100.0)
    return settings.reduced_current_a


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:  # noqa: ARG001
    """Without any word of the housing's temperature nothing is offered (error list: P if the only sensor)."""
    if not state.thermal.blind:
        return "", 0.0
    if state.thermal.sensor_lost:
        return "paused: no sensor tells the housing's temperature", 0.0
    return "waiting for the temperature sensor", 0.0
