"""Every cause of a fault of pilot, cable and lock, with all other things right: what makes it, and what does not."""

import pytest

from hardware.interfaces import Feedback, LockDrive, PilotMode
from services.safety.causes import RULES
from services.safety.region import SwitchSight
from services.safety.settings import SafetySettings
from services.safety.state import ActiveFault, ConnectorState, Equipment, Moment, Readings
from tests.safety_rig import FIXED, RATED_32_A, SOCKET

pytestmark = pytest.mark.bench

NOW_S = 100.0
RELEASE = SOCKET._replace(actuator="with emergency release")
AIR = FIXED._replace(ventilation=True)


def state_of(
    equipment: Equipment = SOCKET, settings: SafetySettings = RATED_32_A, letter: str = "B", coil: bool = False
) -> ConnectorState:
    """A vehicle that has been connected for long, its cable known and locked."""
    state = ConnectorState(equipment, 50.0, settings=settings)
    sight = state.pilot_sight
    sight.letter = sight.confirmed = letter
    sight.stamp_s, sight.run_start_s, sight.confirmed_s, sight.bad_since_s = NOW_S, 60.0, 60.0, None
    state.vehicle_connected = letter in ("B", "C", "D")
    state.proximity.ampacity_a, state.proximity.bad_s, state.proximity.stamp_s = 32.0, None, NOW_S
    state.lock_sight = SwitchSight(NOW_S, True, 60.0)
    state.pilot.mode, state.pilot.commanded_s, state.pilot.pwm_s = PilotMode.PWM, 60.0, 60.0
    state.contactor.coil = coil
    return state


def holds(code: str, state: ConnectorState, now_s: float = NOW_S, **read) -> bool:
    return RULES[code].cause(state, Moment(now_s, Readings(**read)))


OWN = (
    "pilot_diode",
    "proximity_lost",
    "proximity_invalid",
    "lock_failed",
    "lock_unexpected_open",
    "pilot_shorted",
    "pilot_level_invalid",
    "pilot_output",
    "pilot_unreadable",
    "internal_error",
    "ventilation_required",
    "unlock_failed",
    "release_energy_low",
    "loop_overrun",
)


@pytest.mark.parametrize("coil", [False, True])
@pytest.mark.parametrize("letter", ["A", "B", "C"])
@pytest.mark.parametrize("equipment", [SOCKET, FIXED, AIR])
def test_where_everything_is_right_nothing_is_a_fault(equipment: Equipment, letter: str, coil: bool) -> None:
    state = state_of(equipment, letter=letter, coil=coil)
    assert [code for code in OWN if holds(code, state)] == []


# pilot


@pytest.mark.parametrize(
    ("key", "coil", "letter", "bad_s", "fault"),
    [
        (True, False, "B", 99.9, True),
        (True, True, "C", 99.9, True),
        (True, True, "D", 99.9, True),
        (True, False, "B", 99.91, False),
        (True, False, "B", None, False),
        (True, False, "A", 90.0, False),
        (True, True, "-", 90.0, False),
        (True, True, "E", 90.0, False),
        (False, False, "B", 90.0, False),
        (False, True, "C", 90.0, True),
        (False, True, "C", 99.91, False),
    ],
)
def test_a_shorted_diode_is_a_fault_after_100_ms_and_with_the_check_off_only_while_charging(
    key: bool, coil: bool, letter: str, bad_s: float | None, fault: bool
) -> None:
    state = state_of(settings=RATED_32_A._replace(diode_before_closing=key), letter=letter, coil=coil)
    state.pilot_sight.diode_bad_s = bad_s
    assert holds("pilot_diode", state) is fault


@pytest.mark.parametrize(
    ("confirmed", "letter", "fault"), [("E", "E", True), ("E", "", False), ("B", "E", False), ("E", "B", True)]
)
def test_state_e_is_a_fault_while_the_pilot_can_be_read(confirmed: str, letter: str, fault: bool) -> None:
    state = state_of()
    state.pilot_sight.confirmed, state.pilot_sight.letter = confirmed, letter
    assert holds("pilot_shorted", state) is fault


@pytest.mark.parametrize(
    ("active", "confirmed", "letter", "fault"),
    [
        (True, "C", "C", True),
        (True, "D", "D", True),
        (True, "C", "", False),
        (True, "B", "B", False),
        (True, "A", "A", False),
        (False, "C", "C", False),
        (False, "D", "D", False),
    ],
)
def test_a_vehicle_that_asks_for_power_straight_from_state_e_is_not_believed(
    active: bool, confirmed: str, letter: str, fault: bool
) -> None:
    state = state_of()
    state.pilot_sight.confirmed, state.pilot_sight.letter = confirmed, letter
    if active:
        state.faults.active["pilot_shorted"] = ActiveFault(90.0)
    assert holds("pilot_shorted", state) is fault


@pytest.mark.parametrize(
    ("letter", "run_start_s", "commanded_s", "fault"),
    [
        ("-", 99.9, 60.0, True),
        ("-", 99.91, 60.0, False),
        ("-", 99.9, 99.99, True),
        ("F", 99.9, 60.0, True),
        ("F", 99.91, 60.0, False),
        ("F", 60.0, 99.91, False),
        ("F", 60.0, 99.9, True),
        ("B", 60.0, 60.0, False),
        ("A", 60.0, 60.0, False),
        ("", 60.0, 60.0, False),
    ],
)
@pytest.mark.parametrize("mode", [PilotMode.PWM, PilotMode.X1])
def test_a_level_between_the_windows_or_at_minus_12_v_is_a_fault_after_100_ms(
    mode: PilotMode, letter: str, run_start_s: float, commanded_s: float, fault: bool
) -> None:
    """-12 V counts from when the station stopped driving it; other levels whatever was commanded."""
    state = state_of()
    state.pilot.mode, state.pilot.commanded_s = mode, commanded_s
    state.pilot_sight.letter, state.pilot_sight.run_start_s = letter, run_start_s
    assert holds("pilot_level_invalid", state) is fault


@pytest.mark.parametrize("letter", ["-", "F", "B"])
@pytest.mark.parametrize("active", [False, True])
def test_while_state_f_is_driven_a_level_fault_neither_begins_nor_ends(active: bool, letter: str) -> None:
    state = state_of()
    state.pilot.mode = PilotMode.F
    state.pilot_sight.letter = letter
    if active:
        state.faults.active["pilot_level_invalid"] = ActiveFault(90.0)
    assert holds("pilot_level_invalid", state) is active


@pytest.mark.parametrize(
    ("letter", "wrong_s", "fault"), [("B", 99.9, True), ("B", 99.91, False), ("B", None, False), ("", 90.0, False)]
)
def test_a_wrong_output_is_a_fault_after_100_ms_while_it_can_be_read(
    letter: str, wrong_s: float | None, fault: bool
) -> None:
    state = state_of()
    state.pilot_sight.letter, state.pilot_sight.output_wrong_s = letter, wrong_s
    assert holds("pilot_output", state) is fault


@pytest.mark.parametrize(
    ("stamp_s", "bad_since_s", "fault"),
    [
        (99.0, 99.5, True),
        (99.0, 99.51, False),
        (0.5, 99.5, True),
        (0.0, 99.5, True),
        (-1.0, 99.0, False),
        (-1.0, 90.01, False),
        (-1.0, 90.0, True),
        (99.0, None, False),
    ],
)
def test_a_pilot_that_cannot_be_read_is_a_fault_after_half_a_second_and_at_the_start_after_10_s(
    stamp_s: float, bad_since_s: float | None, fault: bool
) -> None:
    state = state_of()
    state.pilot_sight.stamp_s, state.pilot_sight.bad_since_s = stamp_s, bad_since_s
    assert holds("pilot_unreadable", state) is fault


@pytest.mark.parametrize(
    ("equipment", "pause", "confirmed", "fault"),
    [
        (FIXED, True, "D", True),
        (FIXED, False, "D", True),
        (AIR, True, "D", True),
        (AIR, False, "D", False),
        (FIXED, True, "C", False),
    ],
)
def test_a_demand_for_ventilation_that_nothing_meets_is_a_fault(
    equipment: Equipment, pause: bool, confirmed: str, fault: bool
) -> None:
    state = state_of(equipment, RATED_32_A._replace(pause_in_state_d=pause), letter=confirmed)
    assert holds("ventilation_required", state) is fault


# cable


@pytest.mark.parametrize(
    ("equipment", "coil", "ampacity_a", "fault"),
    [(SOCKET, True, 0.0, True), (SOCKET, True, 13.0, False), (SOCKET, False, 0.0, False), (FIXED, True, 0.0, False)],
)
def test_a_coding_that_is_lost_is_a_fault_while_the_coil_is_on(
    equipment: Equipment, coil: bool, ampacity_a: float, fault: bool
) -> None:
    state = state_of(equipment, coil=coil)
    state.proximity.ampacity_a = ampacity_a
    assert holds("proximity_lost", state) is fault


def unrecognised() -> ConnectorState:
    """A vehicle for half a second, and a cable whose coding was never read."""
    state = state_of()
    state.proximity.ampacity_a, state.proximity.bad_s = 0.0, 99.5
    state.pilot_sight.confirmed_s = state.pilot_sight.run_start_s = 99.5
    return state


@pytest.mark.parametrize("letter", ["B", "C", "D", "-", "E"])
@pytest.mark.parametrize("confirmed", ["B", "C", "D"])
def test_a_vehicle_on_a_cable_without_coding_is_a_fault_after_half_a_second(confirmed: str, letter: str) -> None:
    state = unrecognised()
    state.pilot_sight.confirmed, state.pilot_sight.letter = confirmed, letter
    assert not holds("proximity_invalid", state, 99.99)
    assert holds("proximity_invalid", state)


@pytest.mark.parametrize("sight", ["proximity.bad_s", "pilot_sight.confirmed_s", "pilot_sight.run_start_s"])
def test_that_half_second_begins_with_the_latest_of_coding_state_and_level(sight: str) -> None:
    state = unrecognised()
    part, name = sight.split(".")
    setattr(getattr(state, part), name, 99.6)
    assert not holds("proximity_invalid", state, 100.09)
    assert holds("proximity_invalid", state, 100.1)


def test_nothing_else_is_a_cable_without_coding() -> None:
    changes = {
        "a fixed cable": lambda state: setattr(state, "equipment", FIXED),
        "no vehicle": lambda state: setattr(state, "vehicle_connected", False),
        "a cable for 13 A": lambda state: setattr(state.proximity, "ampacity_a", 13.0),
        "a coding not yet proven": lambda state: setattr(state.proximity, "bad_s", None),
        "a vehicle not known": lambda state: setattr(state.pilot_sight, "confirmed", ""),
        "a vehicle in E": lambda state: setattr(state.pilot_sight, "confirmed", "E"),
        "a board that is away": lambda state: setattr(state.pilot_sight, "letter", ""),
    }
    for words, change in changes.items():
        state = unrecognised()
        change(state)
        assert not holds("proximity_invalid", state), words


# lock


@pytest.mark.parametrize(
    ("equipment", "coil", "closed", "fault"),
    [
        (SOCKET, True, False, True),
        (SOCKET, True, True, False),
        (SOCKET, False, False, False),
        (FIXED, True, False, False),
    ],
)
def test_a_plug_that_is_not_locked_is_a_fault_while_the_coil_is_on(
    equipment: Equipment, coil: bool, closed: bool, fault: bool
) -> None:
    state = state_of(equipment, coil=coil)
    state.lock_sight = SwitchSight(NOW_S, closed, 60.0)
    assert holds("lock_unexpected_open", state) is fault


@pytest.mark.parametrize("equipment", [SOCKET, FIXED])
@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("stuck", [False, True])
def test_a_lock_has_failed_when_it_does_not_lock_or_its_feedback_does_not_move(
    equipment: Equipment, failed: bool, stuck: bool
) -> None:
    state = state_of(equipment)
    state.lock.failed, state.memory.lock_stuck = failed, stuck
    assert holds("lock_failed", state) is (equipment is SOCKET and (failed or stuck))


@pytest.mark.parametrize(
    ("direction", "tries", "fault"),
    [
        (LockDrive.UNLOCK, 4, True),
        (LockDrive.UNLOCK, 3, False),
        (LockDrive.UNLOCK, 0, False),
        (LockDrive.LOCK, 4, False),
        (LockDrive.STOP, 4, False),
    ],
)
def test_unlocking_has_failed_at_the_fourth_try(direction: LockDrive, tries: int, fault: bool) -> None:
    state = state_of()
    state.lock.direction, state.lock.tries = direction, tries
    assert holds("unlock_failed", state) is fault


@pytest.mark.parametrize(
    ("equipment", "charged", "begun_s", "fault"),
    [
        (RELEASE, None, 90.0, True),
        (RELEASE, None, 90.01, False),
        (RELEASE, Feedback(False, NOW_S), 90.0, True),
        (RELEASE, Feedback(False, NOW_S), 90.01, False),
        (RELEASE, Feedback(True, NOW_S), 50.0, False),
        (RELEASE, Feedback(True, 97.5), 50.0, False),
        (RELEASE, Feedback(True, 97.4), 50.0, True),
        (SOCKET, Feedback(False, NOW_S), 50.0, False),
        (RELEASE._replace(has_lock=False), Feedback(False, NOW_S), 50.0, False),
    ],
)
def test_an_emergency_release_must_say_within_10_s_that_it_is_charged(
    equipment: Equipment, charged: Feedback | None, begun_s: float, fault: bool
) -> None:
    state = state_of(equipment)
    state.begun_s = begun_s
    assert holds("release_energy_low", state, release_energy=charged) is fault


# the process


@pytest.mark.parametrize(("code", "name"), [("internal_error", "error_s"), ("loop_overrun", "overrun_s")])
@pytest.mark.parametrize(("since_s", "fault"), [(100.0, True), (99.01, True), (99.0, False), (None, False)])
def test_what_went_wrong_in_a_step_is_a_cause_for_1_s(code: str, name: str, since_s: float | None, fault: bool) -> None:
    state = state_of()
    setattr(state.faults, name, since_s)
    assert holds(code, state) is fault
