"""The order of a step and its answers, at every bound: faults, lease, proofs, equipment, what is driven."""

import pytest

from hardware.interfaces import Feedback, LockDrive
from schemas.faults import FaultClass
from schemas.session import Permission
from services.safety import core, faults
from services.safety.equipment import in_force, ventilated
from services.safety.permission import Grant, grant
from services.safety.proofs import locked, sensors, shows_line
from services.safety.region import SwitchSight
from services.safety.rule import after
from services.safety.settings import NO_SETTINGS
from services.safety.state import ActiveFault, ConnectorState, Equipment, Moment, Readings
from tests.safety_rig import FIXED, RATED_32_A, SOCKET, Rig

pytestmark = pytest.mark.bench

PLAIN = FIXED._replace(mirror_contact=False)
STOPS, PAUSES, WARNS, LATCHES = "pilot_output", "ventilation_required", "loop_overrun", "pilot_diode"


# faults


class Judge:
    """Faults whose causes the test throws like switches; nothing else is wrong."""

    def __init__(self, connected: bool = True) -> None:
        self.state = ConnectorState(PLAIN, 99.0, settings=RATED_32_A)
        self.state.vehicle_connected = connected
        self.now_s = 100.0
        self.causes: set[str] = set()

    def at(self, now_s: float, *causes: str) -> list[tuple[str, str]]:
        """What is said at `now_s` while these causes are there."""
        state, sight = self.state, self.state.pilot_sight
        sight.letter = sight.confirmed = "E" if "pilot_shorted" in causes else "D" if PAUSES in causes else "B"
        sight.stamp_s, sight.bad_since_s = now_s, None
        sight.output_wrong_s = 0.0 if STOPS in causes else None
        sight.diode_bad_s = 0.0 if LATCHES in causes else None
        state.faults.error_s = now_s if "internal_error" in causes else None
        state.faults.overrun_s = now_s if WARNS in causes else None
        moment = Moment(now_s, Readings())
        faults.evaluate(state, moment)
        self.deadline_s = moment.deadline_s
        return [(event.name.removeprefix("fault_"), event.detail) for event in moment.events]

    @property
    def active(self) -> set[str]:
        return set(self.state.faults.active)


def test_nothing_is_wrong_with_a_vehicle_that_waits() -> None:
    judge = Judge()
    assert judge.at(100.0) == []
    assert judge.at(200.0) == []


@pytest.mark.parametrize(
    ("code", "blocks", "stops", "f_s", "latches"),
    [
        (STOPS, True, True, 0.3, False),
        ("pilot_shorted", True, True, 0.0, False),
        ("internal_error", True, True, 0.0, False),
        (LATCHES, True, True, 0.3, True),
        (PAUSES, True, False, 0.0, False),
        (WARNS, False, False, 0.0, False),
    ],
)
def test_what_a_fault_does_follows_from_its_class(
    code: str, blocks: bool, stops: bool, f_s: float, latches: bool
) -> None:
    judge = Judge()
    assert judge.at(100.0, code) == [("raised", code)]
    state = judge.state
    assert (faults.blocked(state), faults.stopped(state), faults.waits_for_unplug(state)) == (blocks, stops, latches)
    assert state.memory.latched == ((code,) if latches else ())
    assert state.memory.trips == ({code: 1} if stops else {})
    assert state.faults.f_until_s == pytest.approx(100.0 + f_s if f_s else 0.0)
    assert state.faults.hold_until_s == (130.0 if blocks else 0.0)
    assert (state.memory.hold_until_s, state.memory.lockout) == (state.faults.hold_until_s, "")
    assert judge.at(105.0, code) == []
    assert state.faults.hold_until_s == (135.0 if blocks else 0.0), "30 s after it was there last"


@pytest.mark.parametrize(("code", "clear_s"), [(STOPS, 5.0), ("pilot_shorted", 1.0), (PAUSES, 1.0), (WARNS, 10.0)])
def test_a_fault_ends_when_its_cause_has_been_gone_for_its_time(code: str, clear_s: float) -> None:
    judge = Judge()
    judge.at(100.0, code)
    judge.at(100.9)
    assert judge.deadline_s == pytest.approx(100.9 + clear_s)
    assert judge.at(100.9 + clear_s - 0.01) == []
    assert judge.at(100.9 + clear_s) == [("cleared", code)]
    assert judge.at(100.9 + clear_s + 50.0) == []
    assert judge.state.memory.trips.get(code, 0) == (code not in (PAUSES, WARNS))


def test_a_cause_that_comes_back_starts_the_time_anew() -> None:
    judge = Judge()
    for now_s, causes in ((100.0, (STOPS,)), (101.0, ()), (104.0, (STOPS,)), (105.0, ()), (109.9, ())):
        judge.at(now_s, *causes)
        assert judge.active == {STOPS}
    assert judge.at(110.0) == [("cleared", STOPS)]


def test_a_fault_counts_every_time_it_stops_power() -> None:
    judge = Judge()
    for turn in range(3):
        judge.at(100.0 + turn * 100.0, STOPS)
        judge.at(110.0 + turn * 100.0)
        judge.at(120.0 + turn * 100.0)
    assert judge.state.memory.trips == {STOPS: 3}
    assert judge.state.memory.recoveries == 3


def test_after_three_recoveries_a_stop_waits_for_the_unplug_and_a_pause_never_does() -> None:
    judge = Judge()
    judge.state.memory.recoveries = 2
    judge.at(100.0, STOPS)
    assert judge.state.memory.latched == ()
    judge.at(110.0)
    judge.at(120.0)
    assert judge.state.memory.recoveries == 3
    judge.at(200.0, PAUSES)
    assert judge.state.memory.latched == ()
    judge.at(201.0)
    judge.at(210.0)
    judge.at(300.0, STOPS)
    assert judge.state.memory.latched == (STOPS,)
    judge.at(301.0)
    judge.at(400.0)
    assert judge.active == {STOPS}
    assert judge.state.memory.recoveries == 3


def test_what_is_counted_for_a_plug_in_ends_when_state_a_has_lasted_a_second() -> None:
    judge = Judge()
    memory, sight = judge.state.memory, judge.state.pilot_sight
    memory.latched, memory.recoveries, memory.closings = (LATCHES,), 2, (1.0,)
    sight.confirmed = sight.letter = "A"
    sight.run_start_s = 100.0
    faults.evaluate(judge.state, Moment(100.9, Readings()))
    assert (memory.latched, memory.recoveries, memory.closings) == ((LATCHES,), 2, (1.0,))
    faults.evaluate(judge.state, Moment(101.0, Readings()))
    assert (memory.latched, memory.recoveries, memory.closings) == ((), 0, ())


def test_only_latched_is_what_has_no_cause_any_more_while_nothing_else_blocks() -> None:
    judge = Judge()
    for now_s, causes, only in (
        (100.0, (), False),
        (101.0, (LATCHES,), False),
        (102.0, (), True),
        (103.0, (WARNS,), True),
        (104.0, (WARNS, PAUSES), False),
        (105.0, (), False),
        (110.0, (), False),
        (110.1, (), True),
        (110.2, (LATCHES,), False),
    ):
        judge.at(now_s, *causes)
        assert judge.state.faults.only_latched is only, now_s


def test_two_faults_that_end_together_are_one_recovery() -> None:
    judge = Judge()
    judge.at(100.0, "internal_error", WARNS)
    judge.at(101.0, "internal_error")
    judge.at(106.0)
    assert judge.at(111.0) == [("cleared", "internal_error"), ("cleared", WARNS)]
    assert judge.state.memory.recoveries == 1
    judge.at(200.0, WARNS)
    judge.at(201.0)
    assert judge.at(211.0) == [("cleared", WARNS)]
    assert judge.state.memory.recoveries == 1, "a warning stops nothing"


def paused_after_a_stop() -> Judge:
    """A stop has ended, and a warning after it; a pause goes on."""
    judge = Judge()
    judge.at(100.0, STOPS, PAUSES, WARNS)
    judge.at(101.0, PAUSES)
    assert judge.at(106.0, PAUSES) == [("cleared", STOPS)]
    assert judge.at(111.0, PAUSES) == [("cleared", WARNS)]
    assert judge.state.memory.recoveries == 0
    return judge


def test_a_stop_that_ends_before_a_pause_is_a_recovery_when_nothing_blocks_any_more() -> None:
    judge = paused_after_a_stop()
    judge.at(112.0)
    assert judge.at(113.0) == [("cleared", PAUSES)]
    assert judge.state.memory.recoveries == 1
    judge.at(114.0)
    assert judge.state.memory.recoveries == 1


def test_a_stop_that_ends_before_the_vehicle_leaves_is_no_recovery() -> None:
    judge = paused_after_a_stop()
    judge.state.vehicle_connected = False
    judge.at(112.0, PAUSES)
    judge.state.vehicle_connected = True
    judge.at(113.0)
    assert judge.at(114.0) == [("cleared", PAUSES)]
    assert judge.state.memory.recoveries == 0


def test_the_worst_fault_of_a_moment_is_named_as_what_holds_power_off() -> None:
    judge = Judge()
    judge.at(100.0, WARNS)
    assert judge.state.faults.hold_code == ""
    judge.at(101.0, STOPS, "internal_error", WARNS)
    assert judge.state.faults.hold_code == STOPS
    judge.at(102.0, STOPS, "internal_error")
    assert judge.state.faults.hold_code == STOPS
    judge.at(103.0, "internal_error", WARNS)
    assert judge.state.faults.hold_code == "internal_error"
    judge.at(104.0)
    assert judge.state.faults.hold_code == "internal_error"


def test_the_youngest_stop_is_found_among_other_faults() -> None:
    judge = Judge()
    assert faults.newest_stop_s(judge.state) is None
    for now_s, causes in ((100.0, (WARNS,)), (101.0, (STOPS,)), (102.0, (STOPS, "internal_error")), (103.0, (PAUSES,))):
        judge.at(now_s, *causes)
    judge.at(104.0, WARNS)
    assert faults.newest_stop_s(judge.state) == 102.0
    judge.state.faults.active = {PAUSES: ActiveFault(99.0), WARNS: ActiveFault(99.0)}
    assert faults.newest_stop_s(judge.state) is None


def test_without_a_vehicle_no_recovery_is_counted() -> None:
    judge = Judge(connected=False)
    judge.at(100.0, STOPS)
    judge.at(101.0)
    assert judge.at(106.0) == [("cleared", STOPS)]
    assert judge.state.memory.recoveries == 0


def leaves(judge: Judge, now_s: float, since_s: float) -> Moment:
    """State A since `since_s`."""
    sight, moment = judge.state.pilot_sight, Moment(now_s, Readings())
    sight.letter = sight.confirmed = "A"
    sight.stamp_s, sight.run_start_s, sight.output_wrong_s, sight.diode_bad_s = now_s, since_s, None, None
    faults.evaluate(judge.state, moment)
    return moment


def test_on_an_outlet_that_nobody_uses_no_recovery_is_counted() -> None:
    """An outlet without pilot is always connected; state A is the session's word that nobody charges."""
    judge = Judge()
    judge.at(100.0, STOPS)
    leaves(judge, 101.0, 100.5)
    assert [event.detail for event in leaves(judge, 106.0, 100.5).events] == [STOPS]
    assert (judge.state.vehicle_connected, judge.state.memory.recoveries) == (True, 0)


@pytest.mark.parametrize(("latched", "recoveries"), [((LATCHES,), 0), ((), 2), ((LATCHES,), 2)])
def test_a_second_of_state_a_forgets_what_waits_for_an_unplug_and_the_recoveries(
    latched: tuple[str, ...], recoveries: int
) -> None:
    judge = Judge()
    judge.state.memory.latched, judge.state.memory.recoveries = latched, recoveries
    assert leaves(judge, 100.99, 100.0).deadline_s == pytest.approx(101.0)
    assert (judge.state.memory.latched, judge.state.memory.recoveries) == (latched, recoveries)
    leaves(judge, 101.0, 100.0)
    assert (judge.state.memory.latched, judge.state.memory.recoveries) == ((), 0)
    assert judge.state.faults.pending is False


@pytest.mark.parametrize(("confirmed", "letter"), [("B", "A"), ("A", "B"), ("A", "-"), ("", "A"), ("A", "")])
def test_a_vehicle_is_gone_only_when_the_last_sample_says_so_too(confirmed: str, letter: str) -> None:
    state = ConnectorState(PLAIN, 99.0)
    state.pilot_sight.confirmed, state.pilot_sight.letter, state.pilot_sight.run_start_s = confirmed, letter, 90.0
    assert not faults.unplugged(state, Moment(100.0, Readings()))
    state.pilot_sight.confirmed = state.pilot_sight.letter = "A"
    assert faults.unplugged(state, Moment(100.0, Readings()))


def test_what_waits_for_an_unplug_is_raised_after_a_restart_and_not_counted_twice() -> None:
    judge = Judge()
    judge.state.memory.latched, judge.state.memory.trips = (LATCHES,), {LATCHES: 1}
    assert judge.at(100.0) == [("raised", LATCHES)]
    assert (judge.state.memory.latched, judge.state.memory.trips) == ((LATCHES,), {LATCHES: 1})
    assert judge.at(200.0) == []
    assert judge.at(200.1, LATCHES) == []
    assert judge.active == {LATCHES}
    assert faults.waits_for_unplug(judge.state)


def test_what_is_latched_and_not_active_keeps_nobody_waiting() -> None:
    state = ConnectorState(PLAIN, 99.0)
    state.memory.latched = (LATCHES,)
    assert not faults.waits_for_unplug(state)
    state.faults.active["pilot_shorted"] = ActiveFault(99.0)
    assert not faults.waits_for_unplug(state)


@pytest.mark.parametrize(
    ("causes", "blocks"),
    [((STOPS,), True), ((PAUSES,), True), ((WARNS,), False), ((STOPS, WARNS), True), ((PAUSES, WARNS), True)],
)
def test_a_cause_back_within_250_ms_blocks_at_once_and_is_told_then(causes: tuple[str, ...], blocks: bool) -> None:
    """A warning that is back blocks nothing, and does not hide that something worse is back."""
    judge = Judge()
    judge.state.faults.cleared_s = dict.fromkeys(causes, 100.0)
    assert judge.at(100.2, *causes) == []
    assert judge.deadline_s == pytest.approx(100.25)
    assert (judge.state.faults.pending, faults.blocked(judge.state), faults.stopped(judge.state)) == (blocks,) * 3
    assert judge.at(100.21) == []
    assert not faults.blocked(judge.state)
    assert judge.at(100.24, *causes) == []
    assert set(judge.at(100.25, *causes)) == {("raised", code) for code in causes}
    assert not judge.state.faults.pending


@pytest.mark.parametrize(("code", "still"), [("journal_unreadable", ""), ("contactor_welded", "contactor_welded")])
def test_only_the_end_of_its_own_fault_ends_a_lockout(code: str, still: str) -> None:
    """A weld is no cause that ends: it stays until service has reset it."""
    judge = Judge()
    judge.state.memory.lockout = code
    judge.state.equipment = FIXED
    judge.state.contactor.off_s = 90.0
    judge.state.mirror = SwitchSight(100.0, False, 98.0)
    judge.at(100.0, WARNS)
    for now_s in (101.0, 105.0, 112.0):
        judge.state.mirror = SwitchSight(now_s, False, now_s - 0.1)
        judge.at(now_s)
    assert WARNS not in judge.active
    assert judge.state.memory.lockout == code
    assert judge.state.memory.trips == {}, "counted before the restart"
    judge.state.mirror = SwitchSight(113.0, False, 98.0)
    judge.at(113.0)
    judge.state.mirror = SwitchSight(113.3, False, 98.0)
    judge.at(113.3)
    assert judge.state.memory.lockout == still


@pytest.mark.parametrize("fault_class", FaultClass)
def test_stops_are_a_part_of_what_blocks(fault_class: FaultClass) -> None:
    assert (fault_class in faults.STOPPING) <= (fault_class in faults.BLOCKING)


def test_lasting_asks_to_be_woken_when_it_will_be_true() -> None:
    moment = Moment(100.0, Readings())
    assert not after(None, 1.0, moment)
    assert moment.deadline_s == float("inf")
    assert not after(99.5, 1.0, moment)
    assert moment.deadline_s == 100.5
    assert after(99.0, 1.0, moment)


# the lease


def lease(**other) -> Permission:
    said = {"connector": 1, "may_charge": True, "limit_a": 16.0, "hold_cable": True, "until_s": 110.0}
    return Permission(**{**said, **other})


def test_a_lease_says_what_its_message_says() -> None:
    assert grant(lease(), 1, 100.0) == Grant(True, True, 16.0, True, 110.0)
    held = grant(lease(hold_cable=False, release_cable=True), 1, 100.0)
    assert (held.hold_cable, held.release_cable) == (False, True)
    assert grant(lease(authorization_over=True), 1, 100.0).authorization_over


@pytest.mark.parametrize(
    "permission",
    [None, lease(connector=2), lease(until_s=100.0), lease(until_s=99.0), lease(until_s=130.1)],
    ids=["none", "of another connector", "ends now", "has ended", "claims more than 30 s"],
)
def test_a_lease_that_is_none_gives_nothing(permission: Permission | None) -> None:
    said = grant(permission, 1, 100.0)
    assert said.why_not
    assert said._replace(why_not="") == (False, False, 0.0, False, 0.0, "", 0, False, False)


@pytest.mark.parametrize("until_s", [100.001, 130.0])
def test_a_lease_may_last_30_s_and_holds_to_its_last_moment(until_s: float) -> None:
    assert grant(lease(until_s=until_s), 1, 100.0).may_charge


@pytest.mark.parametrize(
    ("may", "limit_a", "charges", "why"),
    [
        (True, 0.5, True, ""),
        (True, 0.0, False, "paused: no current allowed"),
        (False, 16.0, False, "paused: no permission"),
        (False, 0.0, False, "paused: no permission"),
    ],
)
def test_a_lease_needs_both_permission_and_current(may: bool, limit_a: float, charges: bool, why: str) -> None:
    said = grant(lease(may_charge=may, limit_a=limit_a), 1, 100.0)
    assert (said.may_charge, said.limit_a, said.why_not) == (charges, limit_a if charges else 0.0, why)
    assert (said.valid, said.hold_cable) == (True, True)


@pytest.mark.parametrize(("phases", "meant"), [(0, 0), (1, 1), (2, 0), (3, 3)])
def test_a_station_switches_to_one_or_three_phases_and_to_nothing_else(phases: int, meant: int) -> None:
    assert grant(lease(phases=phases), 1, 100.0).phases == meant


# proofs

ALL_SENSORS = FIXED._replace(output_sense=True, weld_input="opto_1")


@pytest.mark.parametrize(
    ("equipment", "mounted"),
    [
        (PLAIN, []),
        (FIXED, [("mirror", 0.5)]),
        (PLAIN._replace(weld_input="opto_1"), [("weld_input", 2.5)]),
        (PLAIN._replace(weld_input="line"), []),
        (PLAIN._replace(output_sense=True), [("output_sense", 2.5)]),
        (ALL_SENSORS, [("mirror", 0.5), ("weld_input", 2.5), ("output_sense", 2.5)]),
    ],
)
def test_every_sensor_that_is_mounted_tells_of_the_contacts(
    equipment: Equipment, mounted: list[tuple[str, float]]
) -> None:
    state = ConnectorState(equipment, 99.0)
    found = [(id(sight), valid_s) for sight, valid_s in sensors(state)]
    assert found == [(id(getattr(state, name)), valid_s) for name, valid_s in mounted]


@pytest.mark.parametrize(
    ("weld_input", "closed", "stamp_s", "live"),
    [
        ("line", True, 97.5, True),
        ("line", True, 97.4, False),
        ("line", True, -1.0, False),
        ("line", False, 100.0, False),
        ("opto_1", True, 100.0, False),
        ("", True, 100.0, False),
    ],
)
def test_the_230_v_input_says_that_the_output_is_live(
    weld_input: str, closed: bool, stamp_s: float, live: bool
) -> None:
    state = ConnectorState(PLAIN._replace(weld_input=weld_input), 99.0)
    state.weld_input = SwitchSight(stamp_s, closed, 90.0)
    assert shows_line(state, 100.0) is live


@pytest.mark.parametrize(
    ("closed", "stamp_s", "run_start_s", "proven"),
    [
        (True, 100.0, 99.95, True),
        (True, 99.5, 90.0, True),
        (False, 100.0, 90.0, False),
        (True, 99.49, 90.0, False),
        (True, 100.0, 99.96, False),
    ],
)
@pytest.mark.parametrize("actuator", ["with feedback", "with emergency release"])
def test_a_plug_is_locked_when_a_fresh_feedback_has_said_so_for_50_ms(
    actuator: str, closed: bool, stamp_s: float, run_start_s: float, proven: bool
) -> None:
    state = ConnectorState(SOCKET._replace(actuator=actuator), 99.0)
    state.lock_sight = SwitchSight(stamp_s, closed, run_start_s)
    assert locked(state, 100.0) is proven
    state.lock.assumed = LockDrive.LOCK
    assert locked(state, 100.0) is proven, "where it was driven to is no proof"


@pytest.mark.parametrize(
    ("assumed", "closed", "stamp_s", "counts"),
    [
        (LockDrive.LOCK, False, -1.0, True),
        (LockDrive.LOCK, False, 99.4, True),
        (LockDrive.LOCK, False, 99.6, False),
        (LockDrive.LOCK, True, 99.6, True),
        (LockDrive.UNLOCK, True, 100.0, False),
        (LockDrive.STOP, True, 100.0, False),
    ],
)
def test_without_feedback_a_full_drive_counts_unless_a_reading_says_otherwise(
    assumed: LockDrive, closed: bool, stamp_s: float, counts: bool
) -> None:
    state = ConnectorState(SOCKET._replace(actuator="without feedback"), 99.0)
    state.lock.assumed, state.lock_sight = assumed, SwitchSight(stamp_s, closed, 90.0)
    assert locked(state, 100.0) is counts


# equipment


def test_without_keys_the_station_file_holds() -> None:
    for mounted in (SOCKET, FIXED, PLAIN, FIXED._replace(mirror_normally_closed=True, ventilation=True)):
        assert in_force(mounted, NO_SETTINGS) == mounted
    assert in_force(SOCKET._replace(outlet=True), RATED_32_A._replace(cable_attached=True)).socket


@pytest.mark.parametrize(("key", "stays"), [(True, False), (False, True), (None, True)])
def test_a_cable_that_is_attached_has_neither_socket_nor_lock(key: bool | None, stays: bool) -> None:
    found = in_force(SOCKET, RATED_32_A._replace(cable_attached=key))
    assert (found.socket, found.has_lock) == (stays, stays)
    found = in_force(FIXED, RATED_32_A._replace(cable_attached=key))
    assert (found.socket, found.has_lock) == (False, False)


@pytest.mark.parametrize(
    ("check", "weld_input", "inputs", "mirror"),
    [
        ("Disable", "", set(), False),
        ("Mirror contact", "", set(), True),
        ("Opto input 1", "opto_1", {"opto_1"}, False),
        ("Opto input 2", "opto_2", {"opto_2"}, False),
        ("230V input", "line", {"line"}, False),
        ("230V input with PE check", "line", {"line", "protective_earth"}, False),
    ],
)
@pytest.mark.parametrize("how", ["Normally open", "Normally closed"])
def test_a_weld_check_names_what_is_read_and_how(
    check: str, weld_input: str, inputs: set[str], mirror: bool, how: str
) -> None:
    found = in_force(PLAIN, RATED_32_A._replace(weld_check=check, weld_input_type=how))
    closed = how == "Normally closed"
    assert (found.weld_input, found.inputs, found.mirror_contact) == (weld_input, inputs, mirror)
    assert (found.weld_input_normally_closed, found.mirror_normally_closed) == (closed, closed and mirror)
    wired = in_force(FIXED, RATED_32_A._replace(weld_check=check, weld_input_type=how))
    assert wired.mirror_contact, "a mounted mirror contact is always used"


@pytest.mark.parametrize(
    ("key", "actuator"),
    [
        ("", "with feedback"),
        ("Without feedback", "without feedback"),
        ("With emergency release", "with emergency release"),
        ("With springs", "with feedback"),
    ],
)
def test_a_key_names_the_actuator_or_the_station_file_does(key: str, actuator: str) -> None:
    assert in_force(SOCKET, RATED_32_A._replace(actuator=key)).actuator == actuator


@pytest.mark.parametrize(("fitted", "pause", "air"), [(True, False, True), (True, True, False), (False, False, False)])
def test_state_d_charges_where_an_output_is_fitted_and_the_key_allows(fitted: bool, pause: bool, air: bool) -> None:
    assert ventilated(PLAIN._replace(ventilation=fitted), RATED_32_A._replace(pause_in_state_d=pause)) is air


# the step


@pytest.mark.parametrize(
    ("coil", "gap_s", "restarts"),
    [
        (True, 0.0, False),
        (True, 0.149, False),
        (True, 0.151, True),
        (True, -0.001, True),
        (False, 0.0, False),
        (False, 0.2, False),
        (False, 100.0, False),
        (False, -0.001, True),
    ],
)
def test_a_closed_contactor_and_a_loop_held_up_for_150_ms_is_a_new_start(
    coil: bool, gap_s: float, restarts: bool
) -> None:
    state = ConnectorState(PLAIN, 100.0)
    state.contactor.coil, state.qualified, state.last_step_s = coil, True, 200.0
    moment = Moment(200.0 + gap_s, Readings())
    core.restart_after_gap(state, moment)
    assert state.qualified is not restarts
    assert state.begun_s == (moment.now_s if restarts else 100.0)
    assert state.faults.overrun_s == (moment.now_s if restarts and coil else None)
    told = [event.name for event in moment.events]
    assert told == (["coil_off"] if restarts and coil else []) + (["restarted"] if restarts else [])
    assert not (restarts and state.contactor.coil)


def test_without_any_lease_a_step_works_and_charges_nothing() -> None:
    state = ConnectorState(PLAIN, 100.0, settings=RATED_32_A)
    result = core.step(state, Readings(), None, 100.01)
    assert not result.outputs.coil
    assert not state.faults.active
    assert state.faults.error_s is None


@pytest.mark.parametrize(
    ("key", "lockout", "trips"),
    [
        (True, "contactor_welded", True),
        (False, "contactor_welded", False),
        (True, "", False),
        (True, "journal_unreadable", False),
    ],
)
def test_only_a_weld_trips_what_is_upstream_and_only_with_the_key(key: bool, lockout: str, trips: bool) -> None:
    state = ConnectorState(PLAIN, 100.0, settings=RATED_32_A._replace(weld_auxiliary=key))
    state.memory.lockout = lockout
    assert core.shunt_trip(state) is trips
    assert core.safe_outputs(state).shunt_trip is trips


@pytest.mark.parametrize(("letter", "known"), [("A", True), ("B", True), ("C", True), ("E", False), ("-", False)])
def test_the_start_ends_when_the_vehicle_is_seen(letter: str, known: bool) -> None:
    rig = Rig(equipment=FIXED)
    rig.vehicle(letter)
    rig.run(1.5)
    assert rig.state.qualified is known
    rig.vehicle("B")
    rig.until(lambda: rig.state.qualified, 2.0)


def test_the_start_does_not_end_before_the_contacts_are_proven_open() -> None:
    rig = Rig(equipment=FIXED)
    rig.world.mirror_alive = False
    rig.run(3.0)
    assert not rig.state.qualified
    rig.world.mirror_alive = True
    rig.until(lambda: rig.state.qualified, 0.5)


def test_the_start_does_not_end_before_the_lock_has_shown_that_it_moves() -> None:
    rig = Rig(equipment=SOCKET)
    rig.until(lambda: rig.state.lock.exercise is LockDrive.LOCK, 1.0)
    assert not rig.state.qualified
    assert rig.until(lambda: rig.state.qualified, 3.0) > 0.5
    assert rig.state.lock.exercised


def test_what_is_qualified_stays_so_while_it_charges() -> None:
    rig = Rig(equipment=FIXED)
    rig.charge()
    rig.run(0.2)
    assert rig.state.qualified
    assert rig.coil


def period_s(rig: Rig) -> float:
    return rig.outputs.sample_period_s


def test_an_empty_place_is_sampled_five_times_a_second_and_a_doubtful_one_fifty_times() -> None:
    rig = Rig(equipment=FIXED)
    rig.step()
    assert period_s(rig) == 0.02, "nothing is known"
    rig.vehicle("A")
    assert (period_s(rig), rig.state.pilot_sight.confirmed) == (0.02, ""), "not for long enough"
    rig.run(2.0)
    assert period_s(rig) == 0.2
    rig.vehicle("B")
    assert (period_s(rig), rig.state.pilot_sight.confirmed) == (0.02, "A"), "the first sample of a vehicle"
    rig.run(1.0)
    assert period_s(rig) == 0.02
    rig.vehicle("A")
    assert (period_s(rig), rig.state.pilot_sight.confirmed) == (0.02, "B"), "the first sample without one"
    rig.run(1.0)
    assert period_s(rig) == 0.2
    rig.state.faults.overrun_s = rig.now_s
    rig.step()
    assert (rig.shown.faults, period_s(rig)) == ((WARNS,), 0.02)


def test_an_empty_place_whose_contacts_are_not_known_to_be_open_is_sampled_fifty_times_a_second() -> None:
    rig = Rig(equipment=FIXED)
    rig.run(2.0)
    assert period_s(rig) == 0.2
    rig.world.mirror_alive = False
    rig.until(lambda: period_s(rig) == 0.02, 1.0)
    assert not rig.shown.faults


def test_while_the_residual_current_module_is_tested_an_empty_place_is_sampled_fifty_times_a_second() -> None:
    rig = Rig(equipment=FIXED._replace(residual_sensor=True))
    rig.until(lambda: rig.state.residual.testing and rig.state.pilot_sight.confirmed == "A", 2.0)
    assert rig.outputs.residual_test
    assert period_s(rig) == 0.02
    rig.until(lambda: not rig.state.residual.testing, 2.0)
    assert not rig.outputs.residual_test
    rig.run(1.0)
    assert period_s(rig) == 0.2


AIR = FIXED._replace(ventilation=True)


def test_the_ventilation_runs_from_the_offer_until_the_contactor_opens() -> None:
    rig = Rig(equipment=AIR, settings=RATED_32_A._replace(pause_in_state_d=False))
    rig.vehicle("D")
    rig.run(6.0)
    assert not rig.outputs.ventilation, "nothing is offered"
    rig.allow()
    rig.until(lambda: rig.outputs.ventilation, 6.0)
    assert not rig.coil, "before it closes"
    rig.until(lambda: rig.coil, 6.0)
    rig.allow(False)
    rig.run(1.0)
    assert rig.coil
    assert rig.outputs.ventilation, "as long as it is closed"
    rig.until(lambda: not rig.coil, 6.0)
    assert not rig.outputs.ventilation


def test_no_ventilation_is_switched_where_none_is_fitted_or_demanded() -> None:
    rig = Rig(equipment=FIXED, settings=RATED_32_A._replace(pause_in_state_d=False))
    rig.charge()
    assert not rig.outputs.ventilation
    rig.vehicle("D")
    rig.run(1.0)
    assert rig.coil, "for 6 s at most"
    assert not any(record.outputs.ventilation for record in rig.history)
    rig = Rig(equipment=AIR, settings=RATED_32_A._replace(pause_in_state_d=False))
    rig.charge()
    assert not any(record.outputs.ventilation for record in rig.history)


def test_a_reading_of_the_lock_is_taken_only_where_there_is_one() -> None:
    for equipment, taken in ((SOCKET, 100.0), (FIXED, -1.0)):
        state = ConnectorState(equipment, 99.0, settings=RATED_32_A)
        core.step(state, Readings(lock=Feedback(True, 100.0)), None, 100.0)
        assert state.lock_sight.stamp_s == taken
