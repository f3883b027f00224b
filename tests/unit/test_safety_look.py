"""What `chargectl safety` shows of readings, lease and hold-off."""

import math

import pytest

from chargectl.safety import _text, wait_s
from hardware.interfaces import Feedback, ResidualCurrent
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector, SafetyStation
from schemas.session import Permission
from services.safety import faults
from services.safety.panel.look import connector_values, station_values
from services.safety.pilot import contactor_free
from services.safety.state import SAFE, ConnectorState, Driven, Equipment, MeterSight, Moment, Readings

pytestmark = pytest.mark.unit

NOW_S = 1000.0
FIXED = Equipment(connector=1, socket=False, has_lock=False, mirror_contact=False, max_current_a=32.0)


def shown(readings: Readings, lease: Permission | None = None, equipment: Equipment = FIXED) -> dict[str, str]:
    return connector_values(ConnectorState(equipment, NOW_S), readings, SAFE, lease, NOW_S)


def permission(**fields: object) -> Permission:
    given = {"connector": 1, "may_charge": True, "limit_a": 16.0, "hold_cable": False, "until_s": NOW_S + 8.25}
    whole = {**given, **fields}
    return Permission(**whole)  # type: ignore[arg-type]


@pytest.mark.parametrize("outlet", [True, False])
def test_the_meter_shows_currents_voltages_and_the_order_of_the_phases(outlet: bool) -> None:
    meter = MeterSight((15.96, 0.0, 1.0), (229.6, 231.4, 230.0), NOW_S - 0.5, answers=True, phase_order=-1)
    values = shown(Readings(meter=meter), equipment=FIXED._replace(outlet=outlet))
    assert values["meter current"] == "16.0 A / 0.0 A / 1.0 A (0.50 s old)"
    assert values["meter voltage"] == "230 V / 231 V / 230 V (0.50 s old)"
    assert values["meter phase order"] == "L1, L3, L2: wrong (0.50 s old)"
    assert "meter" not in values


@pytest.mark.parametrize(
    ("meter", "expected"),
    [
        (None, {"meter": "no reading"}),
        (MeterSight(None, None, 0.0, answers=False), {"meter": "the meter is silent"}),
        (MeterSight((1.0, 1.0, 1.0), None, NOW_S, answers=False), {"meter": "the meter is silent"}),
        (
            MeterSight(None, (230.0, 230.0, 230.0), NOW_S, answers=True, phase_order=1),
            {
                "meter current": "not measured",
                "meter voltage": "230 V / 230 V / 230 V (0.00 s old)",
                "meter phase order": "L1, L2, L3 (0.00 s old)",
            },
        ),
        (
            MeterSight((1.0, 1.0, 1.0), None, NOW_S, answers=True),
            {
                "meter current": "1.0 A / 1.0 A / 1.0 A (0.00 s old)",
                "meter voltage": "not measured",
                "meter phase order": "not told",
            },
        ),
    ],
)
def test_what_the_meter_does_not_tell_is_said(meter: MeterSight | None, expected: dict[str, str]) -> None:
    values = shown(Readings(meter=meter))
    assert {name: text for name, text in values.items() if name.startswith("meter")} == expected


def test_a_module_without_measurement_is_not_shown_as_not_a_number() -> None:
    with_module = FIXED._replace(residual_sensor=True)
    status = ResidualCurrent(math.nan, math.nan, False, False, False, NOW_S)
    values = shown(Readings(residual=status), equipment=with_module)
    assert values["residual current"] == "DC not measured, RMS not measured, no trip (0.00 s old)"
    values = shown(Readings(residual=status._replace(dc_ma=1.25, dc_tripped=True)), equipment=with_module)
    assert values["residual current"] == "DC 1.2 mA, RMS not measured, DC output tripped (0.00 s old)"


@pytest.mark.parametrize(
    ("lease", "words"),
    [
        (None, "none was heard"),
        (permission(), "16.0 A; ends in 8.2 s"),
        (permission(phases=1, hold_cable=True), "16.0 A, 1 phase, the cable is held; ends in 8.2 s"),
        (permission(phases=3, release_cable=True), "16.0 A, 3 phases, the cable is released; ends in 8.2 s"),
        (permission(may_charge=False), "no permission; ends in 8.2 s"),
        (permission(limit_a=0.0), "no current allowed; ends in 8.2 s"),
        (permission(until_s=NOW_S - 3.0), "none: the session's permission has expired (3.0 s ago)"),
        (permission(until_s=math.inf), "none: the session's permission claims an impossible end"),
        (permission(connector=2), "none: waiting for the session service"),
    ],
)
def test_the_lease_is_shown_with_its_limit_phases_and_end(lease: Permission | None, words: str) -> None:
    assert shown(Readings(), lease)["lease"] == words


def test_the_fans_speed_is_shown_where_it_is_measured() -> None:
    turning, silent = SafetyStation(fan_rpm=2400.0), SafetyStation()
    driven = {"climate": Driven(True, 0.0, Feedback(True, 0.0))}
    board = {"board": "answers"}
    assert station_values(turning, driven, has_fan=True) == board | {
        "fan": "2400 rpm",
        "output climate": "on, reads back on",
    }
    assert station_values(silent, {}, has_fan=True) == board | {"fan": "not read"}
    assert station_values(silent, {}, has_fan=False) == board


def test_trouble_and_what_the_board_tells_of_itself_come_first() -> None:
    station = SafetyStation(trouble="the link is interrupted", temperatures_c={"housing": 25.0})
    values = station_values(station, {}, has_fan=False, report=[("frames", "3 lost")])
    assert list(values.items()) == [
        ("board", "the link is interrupted"),
        ("frames", "3 lost"),
        ("temperature housing", "+25.0 C"),
    ]


def test_the_hold_off_names_the_worst_fault_and_the_time_that_is_left() -> None:
    state = ConnectorState(FIXED, NOW_S)
    state.memory.tilted = True
    state.supply.overloaded = True
    faults.evaluate(state, Moment(NOW_S + 1.0, Readings()))
    assert contactor_free(state) == (NOW_S + 31.0, "waiting after a fault: Station stands askew")
    state.memory.tilted = False
    faults.evaluate(state, Moment(NOW_S + 2.0, Readings()))
    assert contactor_free(state) == (NOW_S + 32.0, "waiting after a fault: Vehicle draws too much current")
    values = connector_values(state, Readings(), SAFE, None, NOW_S + 7.0)
    assert values["hold-off"] == "25.0 s after: Vehicle draws too much current"
    assert connector_values(state, Readings(), SAFE, None, NOW_S + 40.0)["hold-off"] == "none"


def test_a_hold_off_that_a_process_inherits_is_one_of_before_its_start() -> None:
    state = ConnectorState(FIXED, NOW_S)
    state.faults.hold_until_s = NOW_S + 20.0
    assert contactor_free(state) == (NOW_S + 20.0, "waiting after a fault before the start")
    values = connector_values(state, Readings(), SAFE, None, NOW_S)
    assert values["hold-off"] == "20.0 s after: a fault before the start"


def test_the_command_shows_how_long_it_waits_still() -> None:
    said = SafetyConnector(
        connector=1,
        state=PilotState.B1,
        contactor=Contactor.OPEN,
        lock=Lock.NONE,
        vehicle_connected=True,
        cable_plugged=True,
        reason="waiting after a fault: RCD triggered",
        retry_after_s=NOW_S + 12.34,
    )
    assert wait_s(said, NOW_S) == 12.3
    assert wait_s(said, NOW_S + 20.0) == 0.0
    assert wait_s(None, NOW_S) == 0.0
    each = {"said": {}, "why": said.reason, "readings": {}, "faults": [], "meter_age_s": None, "wait_s": 12.3}
    assert "power does not flow: waiting after a fault: RCD triggered (12 s left)" in _text("1", each)
    assert "left" not in _text("1", {**each, "wait_s": 0.0})
