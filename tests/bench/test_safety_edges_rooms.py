"""When the faults of the rooms end, and what a room says that forbids nothing."""

from collections.abc import Callable

import pytest

from services.safety import faults
from services.safety.region import SwitchSight
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Driven, Equipment, Moment, Readings
from services.safety.supply import overload, restart
from services.safety.thermal import derating
from services.safety.wiring import inputs
from tests.safety_rig import RATED_32_A, SOCKET

pytestmark = pytest.mark.bench


def connector(equipment: Equipment = SOCKET, keys: SafetySettings = RATED_32_A, at_s: float = 1000.0) -> ConnectorState:
    """In state A for long, nothing plugged in."""
    state = ConnectorState(equipment, at_s, settings=keys)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "A"
    state.pilot_sight.stamp_s = at_s
    return state


# when a fault clears (error list)

Cause = Callable[[ConnectorState, bool, float], None]


def flag(region: str, name: str) -> Cause:
    return lambda state, on, _now_s: setattr(getattr(state, region), name, on)


def since(region: str, name: str) -> Cause:
    return lambda state, on, now_s: setattr(getattr(state, region), name, now_s - 60.0 if on else None)


def count(name: str) -> Cause:
    return lambda state, on, _now_s: setattr(state.memory, name, 100 if on else 0)


def nearly(state: ConnectorState, on: bool, _now_s: float) -> None:
    state.memory.contactor_cycles = 95 if on else 0


def contact(name: str) -> Cause:
    def show(state: ConnectorState, on: bool, now_s: float) -> None:
        state.wiring.contacts[name] = SwitchSight(stamp_s=now_s, closed=on, run_start_s=now_s - 60.0)

    return show


def readback(state: ConnectorState, on: bool, now_s: float) -> None:
    state.wiring.readbacks["relay_2"] = SwitchSight(stamp_s=now_s, closed=on, run_start_s=now_s - 60.0)


CLEARS: list[tuple[str, float, Cause]] = [
    ("temperature_limit", 1.0, flag("thermal", "over")),
    ("temperature_limit", 1.0, flag("thermal", "relay_over")),
    ("plug_overheated", 1.0, flag("thermal", "plug_over")),
    ("temperature_high", 1.0, flag("thermal", "hot")),
    ("temperature_derated", 1.0, flag("thermal", "reduced")),
    ("temperature_sensor_lost", 10.0, flag("thermal", "sensor_lost")),
    ("fan_stuck", 1.0, flag("thermal", "fan_stuck")),
    ("overcurrent", 60.0, flag("supply", "overloaded")),
    ("overcurrent_hard", 60.0, flag("supply", "hard")),
    ("undervoltage", 60.0, since("supply", "low_s")),
    ("overvoltage", 60.0, since("supply", "high_s")),
    ("phase_missing", 2.0, since("supply", "missing_s")),
    ("phase_sequence", 2.0, since("supply", "wrong_order_s")),
    ("contactor_worn_out", 0.25, count("contactor_cycles")),
    ("contactor_wear", 0.25, nearly),
    ("contactor_load_wear", 0.25, count("contactor_load_cycles")),
    ("plug_wear", 0.25, count("plug_cycles")),
    ("emergency_stop", 1.0, contact("emergency_stop")),
    ("tilted", 1.0, contact("tilt")),
    ("flooded", 1.0, contact("water")),
    ("schuko_mcb_tripped", 1.0, contact("schuko_mcb")),
    ("tampered", 1.0, contact("tamper")),
    ("surge_protection_spent", 1.0, contact("spd")),
    ("board_trouble", 3.0, since("wiring", "trouble_s")),
    ("output_mismatch", 3.0, readback),
]
ALL_INPUTS = frozenset({"emergency_stop", "tilt", "water", "schuko_mcb", "tamper", "spd"})
EVERYTHING = SOCKET._replace(outlet=True, inputs=ALL_INPUTS, outputs=frozenset({"relay_2"}))
WATCHING = RATED_32_A._replace(
    relay_2_pattern="On while charging",
    tamper=True,
    surge_protection=True,
    contactor_lifetime=100,
    load_cycles_limit=100,
    plug_lifetime=100,
)


@pytest.mark.parametrize(("code", "clear_s", "cause"), CLEARS)
def test_a_fault_ends_when_its_cause_has_been_gone_for_its_time_and_not_before(
    code: str, clear_s: float, cause: Cause
) -> None:
    outlet = code == "schuko_mcb_tripped"
    state, at_rest = connector(EVERYTHING._replace(outlet=outlet), WATCHING), Driven(False, 0.0, None)
    others = [each for _, _, each in CLEARS if each is not cause]

    def there(on: bool, now_s: float) -> bool:
        for other in others:
            other(state, False, now_s)
        cause(state, on, now_s)
        faults.evaluate(state, Moment(now_s, Readings(outputs={"relay_2": at_rest})))
        return code in state.faults.active

    assert not there(False, 1099.0)
    assert there(True, 1100.0)
    assert there(True, 1101.0)
    assert there(False, 1102.0)
    assert there(False, 1102.0 + 0.9 * clear_s)
    assert not there(False, 1102.0 + 1.1 * clear_s)


# refusals: what forbids an offer, and from when it may be tried again


@pytest.mark.parametrize(
    "refusal", [derating.refusal, overload.refusal, restart.refusal, inputs.refusal], ids=lambda each: each.__module__
)
@pytest.mark.parametrize("keys", [RATED_32_A, RATED_32_A._replace(random_restart=True)])
def test_nothing_is_refused_where_everything_is_in_order(
    refusal: Callable[[ConnectorState, float], tuple[str, float]], keys: SafetySettings
) -> None:
    state = connector(EVERYTHING, keys)
    for name in ALL_INPUTS:
        contact(name)(state, False, 1100.0)
    state.supply.boot_heard = True
    assert refusal(state, 1100.0) == ("", 0.0)


def test_a_refusal_whose_end_nobody_knows_names_no_time() -> None:
    state = connector(EVERYTHING, RATED_32_A._replace(random_restart=True))
    state.thermal.blind = True
    assert derating.refusal(state, 1100.0) == ("waiting for the temperature sensor", 0.0)
    state.thermal.sensor_lost = True
    assert derating.refusal(state, 1100.0) == ("paused: no sensor tells the housing's temperature", 0.0)
    state.supply.input_unreadable = True
    assert overload.refusal(state, 1100.0) == ("waiting for the overcurrent input", 0.0)
    assert inputs.refusal(state, 1100.0) == ("waiting for the emergency stop to be read", 0.0)
    state.supply.was_low = True
    words, again_s = restart.refusal(state, 1100.0)
    assert (words.partition(":")[0], again_s) == ("waiting", 0.0)
