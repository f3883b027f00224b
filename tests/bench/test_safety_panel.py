"""Contacts and outputs of the station at the core: emergency stop, tilt, tamper, surge protection, second contactor."""

import pytest

from hardware.interfaces import Feedback
from schemas.faults import FAULTS
from schemas.safety import PilotState
from services.safety.memory import cleared
from services.safety.panel.input_reports import InputReports, free_inputs
from services.safety.panel.outputs import Book, Use, Wish, auxiliary_use, wanted
from services.safety.settings import SafetySettings
from services.safety.state import SAFE, ConnectorState, Equipment, NoticeWish, Outputs
from tests.safety_rig import RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

STOPS = SOCKET._replace(inputs=frozenset({"emergency_stop", "tilt", "water"}))
REPORTS = SOCKET._replace(inputs=frozenset({"tamper", "spd"}))
REPORTING = RATED_32_A._replace(tamper=True, surge_protection=True)
SERIES = SOCKET._replace(outputs=frozenset({"auxiliary", "relay_2"}))
IN_SERIES = RATED_32_A._replace(relay_2_pattern="On while charging")
AT_REST = {"emergency_stop": False, "tilt": False, "water": False, "tamper": False, "spd": False}


def bench(equipment: Equipment = STOPS, keys: SafetySettings = RATED_32_A) -> Rig:
    rig = Rig(equipment=equipment, settings=keys)
    rig.world.contacts = AT_REST
    return rig


def charging(equipment: Equipment = STOPS, keys: SafetySettings = RATED_32_A) -> Rig:
    rig = bench(equipment, keys)
    rig.charge()
    rig.run(2.0)
    assert rig.coil
    return rig


def press(rig: Rig, name: str, on: bool = True) -> None:
    """The driver reports it at once."""
    rig.world.contacts = {**rig.world.contacts, name: on}
    rig.sample()
    rig.step()


@pytest.mark.parametrize(
    ("contact", "fault"), [("emergency_stop", "emergency_stop"), ("tilt", "tilted"), ("water", "flooded")]
)
def test_a_stopping_contact_opens_in_the_step_that_sees_it(contact: str, fault: str) -> None:
    rig = charging()
    press(rig, contact)
    assert not rig.coil
    assert rig.shown.faults[0] == fault
    assert rig.name is PilotState.LATCHED
    replay(rig)


def test_a_released_emergency_stop_waits_for_the_unplug() -> None:
    rig = charging()
    press(rig, "emergency_stop")
    press(rig, "emergency_stop", on=False)
    rig.run(60.0)
    assert rig.name is PilotState.LATCHED
    rig.unplug()
    rig.run(3.0)
    assert (rig.count("fault_raised", "emergency_stop"), rig.count("fault_cleared", "emergency_stop")) == (1, 1)
    rig.charge()


def test_an_emergency_stop_that_stays_pressed_stays_a_fault_without_a_vehicle() -> None:
    rig = charging()
    press(rig, "emergency_stop")
    rig.unplug()
    rig.run(60.0)
    assert rig.shown.faults == ("emergency_stop",)


@pytest.mark.parametrize(("contact", "fault"), [("tilt", "tilted"), ("water", "flooded")])
def test_a_station_that_was_tilted_or_flooded_waits_for_service_over_an_unplug_and_a_restart(
    contact: str, fault: str
) -> None:
    rig = charging()
    press(rig, contact)
    press(rig, contact, on=False)
    rig.unplug()
    rig.run(60.0)
    assert rig.shown.faults == (fault,)
    rig.restart()
    rig.run(10.0)
    assert rig.shown.faults == (fault,)
    rig.start(cleared(rig.state.memory))
    rig.run(10.0)
    assert rig.shown.faults == ()


@pytest.mark.parametrize("contact", ["emergency_stop", "tilt", "water"])
def test_a_stopping_contact_that_is_never_read_offers_nothing_and_becomes_a_fault(contact: str) -> None:
    rig = bench()
    rig.world.contacts = {name: False for name in AT_REST if name != contact}
    rig.allow()
    rig.plug()
    rig.run(9.0)
    assert rig.shown.offered_a == 0.0
    assert "to be read" in rig.shown.reason
    rig.run(3.0)
    assert rig.name is PilotState.LATCHED


def test_a_stopping_contact_that_falls_silent_while_charging_opens_after_half_a_second() -> None:
    rig = charging()
    before_s = rig.now_s
    rig.world.contacts_alive = False
    rig.until(lambda: not rig.coil, 0.6)
    assert rig.now_s - before_s >= 0.48
    assert "emergency_stop" in rig.shown.faults


def test_a_wire_that_is_not_there_stops_nothing() -> None:
    rig = charging(SOCKET)
    rig.world.contacts = {"emergency_stop": True, "tilt": True}
    rig.run(2.0)
    assert rig.coil


@pytest.mark.parametrize(("contact", "fault"), [("tamper", "tampered"), ("spd", "surge_protection_spent")])
def test_a_reporting_contact_is_told_after_a_second_and_charging_goes_on(contact: str, fault: str) -> None:
    rig = charging(REPORTS, REPORTING)
    press(rig, contact)
    rig.run(0.9)
    assert rig.shown.faults == ()
    rig.run(0.2)
    assert rig.shown.faults == (fault,)
    assert rig.coil
    press(rig, contact, on=False)
    rig.run(1.5)
    assert rig.shown.faults == ()
    assert FAULTS[fault].error_code == "OtherError"
    replay(rig)


def test_a_bouncing_tamper_contact_is_no_news() -> None:
    rig = bench(REPORTS, REPORTING)
    for _ in range(10):
        press(rig, "tamper")
        rig.run(0.5)
        press(rig, "tamper", on=False)
        rig.run(0.2)
    assert rig.count("fault_raised") == 0


def test_without_its_key_a_reporting_contact_says_nothing_and_with_it_silence_is_reported() -> None:
    rig = bench(REPORTS)
    press(rig, "tamper")
    press(rig, "spd")
    rig.run(5.0)
    assert rig.shown.faults == ()
    silent = bench(SOCKET, REPORTING)
    silent.run(12.0)
    assert set(silent.shown.faults) == {"tampered", "surge_protection_spent"}


def test_a_board_in_trouble_opens_at_once_and_charging_resumes_by_itself() -> None:
    rig = charging(SOCKET)
    rig.world.trouble = "the link is lost"
    rig.sample()
    rig.step()
    assert rig.shown.faults == ("board_trouble",)
    assert not rig.coil
    rig.world.trouble = ""
    rig.until(lambda: rig.coil, 45.0)


def test_without_power_a_board_in_trouble_is_given_half_a_second() -> None:
    rig = bench(SOCKET)
    rig.run(3.0)
    rig.world.trouble = "the link is lost"
    assert 0.5 <= rig.until(lambda: rig.shown.faults == ("board_trouble",), 0.8) <= 0.75


def test_a_short_trouble_of_the_board_is_none() -> None:
    rig = bench(SOCKET)
    rig.run(3.0)
    rig.world.trouble = "the link is lost"
    rig.run(0.4)
    rig.world.trouble = ""
    rig.run(5.0)
    assert rig.count("fault_raised") == 0


# a second contactor in series


def test_the_second_contactor_closes_before_the_main_one_and_opens_after_it() -> None:
    rig = bench(SERIES, IN_SERIES)
    rig.charge()
    on = next(record for record in rig.history if record.outputs.series)
    main = next(record for record in rig.history if record.outputs.coil)
    assert 0.05 <= round(main.now_s - on.now_s, 6) <= 0.1
    rig.vehicle("B")
    rig.run(1.0)
    off = [record for record in rig.history if record.now_s > main.now_s]
    main_off = next(record for record in off if not record.outputs.coil)
    second_off = next(record for record in off if not record.outputs.series)
    assert 0.1 <= round(second_off.now_s - main_off.now_s, 6) <= 0.15
    replay(rig)


def test_a_second_contactor_that_does_not_follow_keeps_the_main_one_open_and_is_a_fault() -> None:
    rig = bench(SERIES, IN_SERIES)
    rig.world.relay_2_stuck = False
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.run(3.0)
    rig.vehicle("C")
    rig.until(lambda: "output_mismatch" in rig.shown.faults, 0.5)
    rig.run(20.0)
    assert rig.count("coil_on") == 0


def test_a_second_contactor_that_falls_off_while_charging_opens_the_main_one() -> None:
    rig = charging(SERIES, IN_SERIES)
    rig.world.relay_2_stuck = False
    took_s = rig.until(lambda: not rig.coil, 0.2)
    assert 0.09 <= took_s <= 0.15
    assert rig.shown.faults == ("output_mismatch",)


def test_a_second_contactor_that_stays_closed_is_a_fault() -> None:
    rig = charging(SERIES, IN_SERIES)
    rig.world.relay_2_stuck = True
    rig.unplug()
    rig.until(lambda: "output_mismatch" in rig.shown.faults, 0.5)


def test_a_board_that_does_not_read_its_outputs_back_is_believed() -> None:
    rig = bench(SERIES, IN_SERIES)
    rig.world.reads_back = False
    rig.charge()
    assert rig.coil


def test_a_weld_leaves_the_second_contactor_to_open_the_circuit() -> None:
    rig = charging(SERIES, IN_SERIES)
    rig.world.welded = True
    rig.vehicle("B")
    rig.run(0.2)
    assert not rig.outputs.series


def test_relay_2_without_the_pattern_is_no_contactor() -> None:
    rig = charging(SERIES)
    assert not rig.outputs.series


# the station's outputs


def wish(keys: SafetySettings = RATED_32_A, outputs: Outputs = SAFE, **state: bool) -> Wish:
    connector = ConnectorState(SERIES, 1000.0)
    connector.settings = keys
    for name, value in state.items():
        setattr(connector, name, value)
    return Wish(connector, outputs)


ALL = ("auxiliary", "relay_2", "output_1", "output_2", "climate", "ventilation")


@pytest.mark.parametrize(
    ("keys", "use"),
    [
        ({}, Use.RECLOSER),
        ({"weld_auxiliary": True}, Use.SHUNT_TRIP),
        ({"reclosure": True}, Use.RECLOSER),
        ({"schuko": True}, Use.DOMESTIC),
        ({"weld_auxiliary": True, "reclosure": True, "schuko": True}, Use.SHUNT_TRIP),
        ({"reclosure": True, "schuko": True}, Use.RECLOSER),
    ],
)
def test_the_auxiliary_output_has_one_use(keys: dict[str, bool], use: Use) -> None:
    assert auxiliary_use([RATED_32_A, RATED_32_A._replace(**keys)]) is use  # type: ignore[arg-type]


def test_the_auxiliary_output_follows_its_use_only() -> None:
    pulse, trip = Outputs(reclose=True), Outputs(shunt_trip=True)
    shunt = RATED_32_A._replace(weld_auxiliary=True)
    assert wanted(ALL, [wish(outputs=pulse)], {})["auxiliary"]
    assert not wanted(ALL, [wish(outputs=trip)], {})["auxiliary"]
    assert wanted(ALL, [wish(), wish(shunt, trip)], {})["auxiliary"]
    assert not wanted(ALL, [wish(shunt, pulse)], {})["auxiliary"], "a pulse would trip what it is wired to"


@pytest.mark.parametrize(
    ("pattern", "connected", "series", "on"),
    [
        ("Off", True, True, False),
        ("On while vehicle connected", True, False, True),
        ("On while vehicle connected", False, False, False),
        ("On while charging", True, False, False),
        ("On while charging", True, True, True),
    ],
)
def test_relay_2_follows_its_pattern(pattern: str, connected: bool, series: bool, on: bool) -> None:
    keys = RATED_32_A._replace(relay_2_pattern=pattern)
    mine = wish(keys, Outputs(series=series), vehicle_connected=connected)
    assert wanted(ALL, [wish(keys), mine], {})["relay_2"] is on


def test_free_outputs_are_the_backends_and_an_output_that_is_not_fitted_is_not_driven() -> None:
    driven = wanted(("output_1", "output_2"), [wish()], {"output_2": True, "auxiliary": True})
    assert driven == {"output_1": False, "output_2": True}


def test_an_output_that_does_not_follow_is_complained_of_once() -> None:
    book, found = Book(), []
    for step in range(40):
        now_s = 100.0 + step / 100.0
        book.command("output_1", True, Feedback(False, now_s), now_s)
        found += [(round(now_s, 2), name) for name in book.complaints(now_s)]
    assert found == [(100.1, "output_1")]


# reports of inputs


def test_input_changes_are_told_at_most_every_10_s_with_the_latest_state() -> None:
    reports = InputReports()
    assert reports.turn({"opto_1": False}, 0.0).notice is None
    first = reports.turn({"opto_1": True}, 1.0)
    assert first.notice == NoticeWish("input_changed", (("name", "opto_1"), ("state", "on")), "opto_1")
    for now_s in (2.0, 3.0, 4.0):
        turn = reports.turn({"opto_1": now_s == 3.0}, now_s)
        assert turn.notice is None
    assert turn.next_s == 11.0
    last = reports.turn({"opto_1": False}, 11.0)
    assert last.notice is not None
    assert dict(last.notice.words)["state"] == "off"


def test_a_change_that_is_undone_within_10_s_is_not_told_and_two_inputs_take_turns() -> None:
    reports = InputReports()
    reports.turn({"opto_1": False, "opto_2": False}, 0.0)
    told = []
    for now_s in range(1, 40):
        states = {"opto_1": now_s >= 1, "opto_2": 2 <= now_s < 5 or now_s >= 20}
        notice = reports.turn(states, float(now_s)).notice
        if notice is not None:
            told.append((now_s, notice.subject))
    assert told == [(1, "opto_1"), (20, "opto_2")]


def test_an_input_that_is_not_read_is_no_change() -> None:
    reports = InputReports()
    reports.turn({"opto_1": True}, 0.0)
    assert reports.turn({"opto_1": None}, 20.0).notice is None
    assert reports.turn({"opto_1": True}, 21.0).notice is None


def test_an_input_with_another_task_is_not_free() -> None:
    assert free_inputs([RATED_32_A]) == ("opto_1", "opto_2")
    assert free_inputs([RATED_32_A._replace(weld_check="Opto input 2", rcd="Opto input")]) == ()


def test_an_input_that_any_connector_uses_is_not_free() -> None:
    first, second = RATED_32_A._replace(weld_check="Opto input 2"), RATED_32_A._replace(weld_check="Opto input 1")
    assert free_inputs([RATED_32_A, second]) == ("opto_2",)
    assert free_inputs([first, RATED_32_A]) == ("opto_1",)
    assert free_inputs([first, second]) == ()
