"""Faults of temperature."""

from services.safety.rule import Rule
from services.safety.state import ConnectorState, Moment


def _limit(state: ConnectorState, _moment: Moment) -> bool:
    return state.thermal.over or state.thermal.relay_over


def _plug(state: ConnectorState, _moment: Moment) -> bool:
    return state.thermal.plug_over


def _high(state: ConnectorState, _moment: Moment) -> bool:
    return state.thermal.hot


def _derated(state: ConnectorState, _moment: Moment) -> bool:
    return state.thermal.reduced


def _sensor(state: ConnectorState, _moment: Moment) -> bool:
    return state.thermal.sensor_lost


def _fan(state: ConnectorState, _moment: Moment) -> bool:
    return state.thermal.fan_stuck


RULES: dict[str, Rule] = {
    "temperature_limit": Rule(_limit, 1.0),
    "plug_overheated": Rule(_plug, 1.0),
    "temperature_high": Rule(_high, 1.0),
    "temperature_derated": Rule(_derated, 1.0),
    "temperature_sensor_lost": Rule(_sensor, 10.0),
    "fan_stuck": Rule(_fan, 1.0),
}
