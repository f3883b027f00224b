"""Welding and contacts: every sensor that WeldCheck and the station file name, alone and together (F22 to F28)."""

import pytest

from schemas.safety import Contactor, Lock, PilotState
from services.safety.memory import Memory, unreadable
from services.safety.settings import SafetySettings
from services.safety.state import Equipment
from tests.safety_rig import NO_MIRROR, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

SENSE = NO_MIRROR._replace(output_sense=True)
BOTH = SOCKET._replace(output_sense=True)
RATED = SafetySettings(hardware_limit_a=32.0)
OPTO = RATED._replace(weld_check="Opto input 1")
LINE = RATED._replace(weld_check="230V input")
WIRED_OPTO = NO_MIRROR._replace(inputs=frozenset({"opto_1"}))
WIRED_LINE = NO_MIRROR._replace(inputs=frozenset({"line", "protective_earth"}))


def charging(equipment: Equipment, settings: SafetySettings = RATED) -> Rig:
    rig = Rig(equipment=equipment, settings=settings)
    rig.world.contacts = {"protective_earth": True}
    rig.charge()
    rig.run(10.0)
    assert rig.coil, rig.shown
    return rig


EVERY = [
    pytest.param(SOCKET, RATED, id="mirror contact"),
    pytest.param(SOCKET._replace(mirror_normally_closed=True), RATED, id="mirror contact, normally closed"),
    pytest.param(SENSE, RATED, id="voltage sense"),
    pytest.param(BOTH, RATED, id="mirror contact and voltage sense"),
    pytest.param(WIRED_OPTO, OPTO, id="opto input"),
]


@pytest.mark.parametrize(("equipment", "settings"), EVERY)
def test_a_weld_is_confirmed_after_1_s_locks_out_and_survives_a_restart(
    equipment: Equipment, settings: SafetySettings
) -> None:
    rig = charging(equipment, settings._replace(weld_auxiliary=True))
    rig.world.welded = True
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.1)
    off_s = rig.now_s
    rig.until(lambda: rig.outputs.shunt_trip, 1.2)
    assert rig.now_s - off_s == pytest.approx(1.0, abs=0.1)
    assert rig.name is PilotState.LOCKOUT
    assert rig.count("fault_raised", "contactor_welded") == 1
    rig.world.welded = False
    rig.run(60.0)
    rig.restart()
    rig.run(60.0)
    assert rig.name is PilotState.LOCKOUT
    assert rig.outputs.shunt_trip, "it stays asserted until service resets it"
    replay(rig)


@pytest.mark.parametrize(("equipment", "settings"), EVERY)
def test_a_contactor_that_never_closes_is_given_up_after_200_ms(equipment: Equipment, settings: SafetySettings) -> None:
    rig = Rig(equipment=equipment, settings=settings)
    rig.world.never_closes = True
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.run(3.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert rig.until(lambda: not rig.coil, 0.3) == pytest.approx(0.2, abs=0.02)
    assert rig.shown.faults == ("contactor_no_close",)


@pytest.mark.parametrize(("equipment", "settings"), EVERY)
def test_a_contactor_that_drops_by_itself_is_seen(equipment: Equipment, settings: SafetySettings) -> None:
    rig = charging(equipment, settings)
    rig.world.drops = True
    rig.sample()
    rig.step()
    assert rig.until(lambda: not rig.coil, 0.1) <= 0.03
    assert rig.shown.faults == ("contactor_unexpected_open",)


@pytest.mark.parametrize(("equipment", "settings"), EVERY)
def test_how_long_the_contacts_took_is_measured(equipment: Equipment, settings: SafetySettings) -> None:
    rig = charging(equipment, settings)
    assert rig.shown.closing_ms == pytest.approx(30.0)
    rig.vehicle("B")
    rig.run(0.2)
    assert rig.shown.opening_ms == pytest.approx(15.0)
    assert not rig.shown.faults


def test_without_a_sensor_nothing_is_measured_and_a_weld_is_not_seen() -> None:
    rig = charging(NO_MIRROR)
    rig.world.welded = True
    rig.vehicle("B")
    rig.run(5.0)
    assert (rig.shown.opening_ms, rig.shown.closing_ms, rig.shown.faults) == (None, None, ())


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_f24_one_pole_that_welds_is_seen_by_its_voltage_alone(phase: int) -> None:
    rig = charging(BOTH)
    rig.world.live_phase = phase
    rig.vehicle("B")
    rig.until(lambda: "contactor_no_open" in rig.shown.faults, 0.2)
    rig.until(lambda: rig.name is PilotState.LOCKOUT, 1.2)
    assert rig.shown.contactor is not Contactor.OPEN


def test_a_voltage_of_a_phase_that_is_not_wired_says_nothing() -> None:
    rig = charging(SENSE._replace(phases=1))
    rig.world.live_phase = 2
    rig.vehicle("B")
    rig.run(5.0)
    assert not rig.shown.faults


def test_a_voltage_that_is_not_a_number_is_never_open_contacts() -> None:
    rig = charging(SENSE)
    rig.world.sense_nan = True
    rig.vehicle("B")
    rig.run(6.0)
    assert rig.shown.contactor is not Contactor.OPEN
    assert rig.shown.faults == ("contactor_unreadable",)


def test_all_sensors_must_agree_that_the_contacts_are_open() -> None:
    rig = charging(BOTH)
    rig.world.mirror_alive = False
    rig.until(lambda: not rig.coil, 0.6)
    rig.run(0.5)
    assert rig.shown.contactor is not Contactor.OPEN


def test_a_mirror_contact_that_says_closed_is_believed_without_any_voltage() -> None:
    rig = charging(BOTH)
    rig.world.welded = True
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.1)
    rig.world.dead = True
    rig.sample()
    rig.step()
    rig.run(0.5)
    assert rig.shown.contactor is not Contactor.OPEN


def test_while_the_230_v_input_shows_a_live_output_the_plug_stays_locked() -> None:
    rig = charging(WIRED_LINE, LINE)
    rig.world.welded = True
    rig.allow(False, hold=False)
    rig.vehicle("B")
    rig.run(20.0)
    assert rig.shown.lock is Lock.LOCKED
    rig.world.welded = False
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 3.0)


def test_the_230_v_input_is_asked_1_s_after_the_vehicle_has_left_and_not_before() -> None:
    """F25."""
    rig = charging(WIRED_LINE, LINE)
    rig.world.welded = True
    rig.vehicle("B")
    rig.run(20.0)
    assert not rig.shown.faults
    rig.unplug()
    gone_s = rig.now_s
    rig.until(lambda: rig.name is PilotState.LOCKOUT, 1.5)
    assert rig.now_s - gone_s == pytest.approx(1.0, abs=0.1)


def test_a_230_v_input_that_is_not_wired_is_told_and_blocks() -> None:
    rig = Rig(equipment=NO_MIRROR, settings=LINE)
    rig.run(12.0)
    assert rig.shown.faults == ("contactor_unreadable",)


def test_the_230_v_input_with_pe_check_watches_the_protective_earth() -> None:
    rig = Rig(equipment=WIRED_LINE, settings=LINE._replace(weld_check="230V input with PE check"))
    rig.world.contacts = {"protective_earth": True}
    rig.run(6.0)
    assert not rig.shown.faults
    rig.world.contacts = {"protective_earth": False}
    rig.run(2.0)
    assert rig.shown.faults == ("protective_earth_lost",)


@pytest.mark.parametrize("wired_closed", [True, False])
def test_weld_check_in_type_says_how_the_opto_input_is_wired_whatever_the_station_file_says(wired_closed: bool) -> None:
    closed = frozenset({"opto_1"}) if wired_closed else frozenset()
    rig = Rig(
        equipment=WIRED_OPTO._replace(normally_closed=closed),
        settings=OPTO._replace(weld_input_type="Normally closed"),
    )
    rig.world.opto_opens = not wired_closed
    rig.charge()
    assert rig.shown.contactor is Contactor.CLOSED
    rig.vehicle("B")
    rig.run(3.0)
    assert rig.shown.contactor is Contactor.OPEN
    assert not rig.shown.faults


def test_weld_check_names_a_mirror_contact_that_is_not_mounted_and_nothing_charges() -> None:
    rig = Rig(equipment=NO_MIRROR, settings=RATED._replace(weld_check="Mirror contact"))
    rig.allow()
    rig.run(12.0)
    assert rig.shown.faults == ("contactor_unreadable",)


def test_without_the_key_no_shunt_trip_is_given() -> None:
    rig = charging(SOCKET)
    rig.world.welded = True
    rig.vehicle("B")
    rig.until(lambda: rig.name is PilotState.LOCKOUT, 1.5)
    rig.run(5.0)
    assert not any(record.outputs.shunt_trip for record in rig.history)


@pytest.mark.parametrize(("equipment", "settings"), EVERY)
def test_an_unreadable_journal_is_forgiven_when_every_sensor_has_shown_open_contacts(
    equipment: Equipment, settings: SafetySettings
) -> None:
    rig = Rig(equipment=equipment, settings=settings)
    rig.start(unreadable())
    rig.until(lambda: not rig.shown.faults and rig.name is PilotState.A, 4.0)


def test_an_unreadable_journal_stays_without_any_sensor() -> None:
    rig = Rig(equipment=NO_MIRROR)
    rig.start(unreadable())
    rig.run(60.0)
    assert rig.name is PilotState.LOCKOUT


def test_a_weld_at_the_start_is_found_before_anything_else() -> None:
    rig = Rig(equipment=BOTH)
    rig.start(Memory())
    rig.world.live_phase = 3
    rig.run(3.0)
    assert rig.name is PilotState.LOCKOUT


def test_f28_180_ms_to_close_is_accepted_and_90_ms_to_open_is_warned_of() -> None:
    rig = Rig()
    rig.world.close_s, rig.world.open_s = 0.175, 0.09
    rig.charge()
    rig.vehicle("B")
    rig.run(1.0)
    assert (rig.shown.closing_ms, rig.shown.opening_ms) == (pytest.approx(175.0), pytest.approx(90.0))
    assert rig.shown.faults == ("contactor_no_open",), "20 ms to notice and 90 ms to open"
    rig.vehicle("C")
    rig.until(lambda: rig.shown.contactor is Contactor.CLOSED, 10.0)
