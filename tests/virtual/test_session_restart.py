"""Anything may be killed while a car charges, and the whole station may lose its power."""

from pathlib import Path

import pytest

from bus.topics import FAULTS, SESSION_PERMISSION
from schemas.base import Answer
from schemas.metering import Quality
from schemas.session import LimitSource, Permission, StopReason
from schemas.system import BootReason
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual


@pytest.fixture
def cell(tmp_path: Path) -> SessionCell:
    return charging(make_cell(tmp_path))


def charging(cell: SessionCell, for_s: float = 30.0) -> SessionCell:
    cell.advance(1.0)
    cell.plug()
    cell.swipe()
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.advance(for_s)
    return cell


def ended(cell: SessionCell, within_s: float = 5.0) -> None:
    cell.until(lambda: len(cell.stopped()) == len(cell.started()), within_s)
    cell.check_stream()


def leases_after_restart(cell: SessionCell, seconds: float) -> list[Permission]:
    cell.said.clear()
    cell.keep_said = True
    cell.start("session")
    cell.advance(seconds)
    cell.keep_said = False
    return [body for body in cell.bodies(SESSION_PERMISSION, "1") if isinstance(body, Permission)]


# one service


def test_the_car_does_not_notice_a_kill_of_session(cell: SessionCell) -> None:
    before_wh, before_s = cell.world.register_wh, cell.clock.boot_s
    cell.kill("session")
    cell.advance(3.0)
    leases = leases_after_restart(cell, 20.0)
    assert all(lease.may_charge and lease.limit_a == 16.0 for lease in leases)
    drawn_wh = (cell.clock.boot_s - before_s) * 16.0 * 690.0 / 3600.0
    assert cell.world.register_wh - before_wh == pytest.approx(drawn_wh)
    cell.swipe()
    ended(cell)
    assert (len(cell.started()), cell.stopped()[0].meter_stop_wh) == (1, cell.world.shown_wh)


def test_without_settings_the_first_lease_comes_after_5_s_with_the_limit_in_force(cell: SessionCell) -> None:
    cell.kill("session")
    cell.kill("settings")
    began_s = cell.clock.boot_s
    leases = leases_after_restart(cell, 8.0)
    assert leases[0].until_s == pytest.approx(began_s + 5.0 + 10.0)
    assert {(lease.may_charge, lease.limit_a) for lease in leases} == {(True, 16.0)}
    assert cell.connector.limit_source is LimitSource.LAST_IN_FORCE
    cell.keys["OperatorCurrentLimit"] = "10"
    cell.start("settings")
    cell.advance(1.0)
    assert (cell.connector.limit_a, cell.connector.limit_source) == (10.0, LimitSource.OPERATOR)


def test_a_kill_of_safety_resumes_the_same_transaction(cell: SessionCell) -> None:
    cell.kill("safety")
    cell.world.closed_a = 0.0
    cell.advance(1.0)
    cell.start("safety")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert len(cell.started()) == 1
    assert not cell.stopped()


def test_a_stop_waits_for_a_silent_safety(cell: SessionCell) -> None:
    cell.kill("safety")
    cell.world.closed_a = 0.0
    cell.advance(5.0)
    assert cell.status == "SuspendedEVSE"
    cell.swipe()
    cell.advance(60.0)
    assert not cell.stopped()
    cell.start("safety")
    ended(cell)
    assert cell.stopped()[0].meter_stop_measured


@pytest.mark.parametrize("owner", ["metering", "settings", "system", "hmi"])
def test_the_car_does_not_notice_a_kill_of_another_service(cell: SessionCell, owner: str) -> None:
    cell.kill(owner)
    cell.advance(20.0)
    assert cell.world.closed_a == 16.0
    cell.start(owner)
    cell.advance(5.0)
    assert cell.status == "Charging"


def test_another_vehicle_that_came_while_session_was_down_ends_the_transaction(cell: SessionCell) -> None:
    cell.kill("session")
    cell.unplug()
    cell.advance(2.0)
    cell.plug()
    cell.advance(1.0)
    cell.start("session")
    ended(cell)
    assert cell.stopped()[0].reason is StopReason.EV_DISCONNECTED
    cell.advance(10.0)
    assert (len(cell.started()), cell.status) == (1, "Preparing")


def test_samples_missed_while_session_was_down_come_from_the_ring(cell: SessionCell) -> None:
    cell.kill("session")
    cell.advance(20.0)
    last_wh = cell.world.shown_wh
    cell.world.quality = Quality.SILENT
    cell.start("session")
    cell.advance(2.0)
    cell.swipe()
    ended(cell, 40.0)
    assert (cell.stopped()[0].meter_stop_wh, cell.stopped()[0].meter_stop_measured) == (last_wh, False)


def test_what_was_missed_is_stored_as_soon_as_the_ring_answers(cell: SessionCell) -> None:
    cell.kill("session")
    cell.advance(9.0)
    cell.start("session")
    cell.advance(2.0)
    assert cell.clock.boot_s - cell.journal()[0].alive_s <= 2.0
    assert cell.world.shown_wh - cell.journal()[0].register_wh <= 10


def test_waiting_facts_are_said_again_after_a_restart(cell: SessionCell) -> None:
    cell.swipe()
    ended(cell)
    cell.facts.clear()
    cell.restart("session")
    cell.advance(6.0)
    assert sorted(cell.facts) == [1, 2]
    assert cell.connector.waiting_facts == 2


def test_a_command_is_answered_again_after_a_kill_without_acting_twice(cell: SessionCell) -> None:
    request_id = cell.ask_stop(connector=1)
    ended(cell)
    cell.kill("session")
    cell.start("session")
    remembered = cell.processes["session"].endpoint._desk._answers[request_id]
    assert remembered[1].outcome is Answer.ACCEPTED


def test_an_orderly_end_leaves_a_fresh_sign_of_life(cell: SessionCell) -> None:
    cell.advance(20.0)
    cell.stop("session")
    cell.start("session")
    cell.advance(1.0)
    assert cell.journal()[0].alive_s == pytest.approx(cell.clock.boot_s - 1.0)


# the whole station


def test_after_a_power_cut_the_transaction_ends_at_its_last_sign_of_life(cell: SessionCell) -> None:
    cell.advance(100.0)
    alive_wall_s = cell.journal()[0].alive_wall_s
    assert 5.0 < cell.clock.now().wall_s - alive_wall_s <= 61.0
    cell.power_cut()
    ended(cell, 10.0)
    (stopped,) = cell.stopped()
    assert (stopped.reason, stopped.stopped_wall_s) == (StopReason.POWER_LOSS, alive_wall_s)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (cell.world.shown_wh, True)
    cell.advance(5.0)
    assert cell.status == "Preparing"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (BootReason.POWER_LOSS, StopReason.POWER_LOSS),
        (BootReason.FIRST_START, StopReason.POWER_LOSS),
        (BootReason.SHUTDOWN, StopReason.REBOOT),
        (BootReason.WATCHDOG, StopReason.REBOOT),
        (BootReason.SOFT_RESET, StopReason.SOFT_RESET),
        (BootReason.HARD_RESET, StopReason.HARD_RESET),
    ],
)
def test_the_reason_of_the_start_is_the_reason_of_the_stop(
    cell: SessionCell, reason: BootReason, expected: StopReason
) -> None:
    cell.power_cut(reason)
    ended(cell, 10.0)
    assert cell.stopped()[0].reason is expected


def test_with_the_key_the_same_transaction_resumes_after_a_power_cut(cell: SessionCell) -> None:
    cell.set_key("RestartTransAfterPowerLoss", "true")
    before = cell.started()[0]
    cell.power_cut()
    cell.until(lambda: cell.status == "Charging", 10.0)
    assert cell.connector.transaction_id == before.transaction_id
    assert cell.connector.meter_start_wh == before.meter_start_wh
    cell.kill("session")
    cell.start("session")
    cell.advance(70.0)
    cell.swipe()
    ended(cell)
    assert (len(cell.started()), cell.stopped()[0].meter_stop_wh) == (1, cell.world.shown_wh)


def test_a_resumption_needs_the_vehicle_and_the_same_meter(tmp_path: Path) -> None:
    for name in ("unplugged", "exchanged", "backwards"):
        cell = charging(make_cell(tmp_path / name, RestartTransAfterPowerLoss="true"))
        if name == "unplugged":
            cell.world.connected = False
        elif name == "exchanged":
            cell.world.serial = "METER-2"
        else:
            cell.world.register_wh = 50.0
        cell.power_cut()
        ended(cell, 45.0)
        (stopped,) = cell.stopped()
        assert stopped.reason is StopReason.POWER_LOSS, name
        assert stopped.meter_stop_measured is (name == "unplugged"), name
        assert stopped.meter_stop_wh >= 100_000, name


def test_a_decided_stop_keeps_its_reason_and_time_over_a_power_cut(cell: SessionCell) -> None:
    cell.world.can_prove_open = False
    cell.swipe()
    decided_wall_s = cell.clock.now().wall_s
    cell.advance(3.0)
    cell.set_key("RestartTransAfterPowerLoss", "true")
    cell.kill("session")
    cell.world.can_prove_open = True
    cell.power_cut()
    ended(cell, 10.0)
    (stopped,) = cell.stopped()
    assert (stopped.reason, stopped.stopped_wall_s) == (StopReason.LOCAL, decided_wall_s)
    assert stopped.meter_stop_measured


def test_nobody_says_why_the_station_started(cell: SessionCell) -> None:
    del cell.wirings["system"]
    cell.power_cut()
    cell.advance(55.0)
    assert not cell.stopped()
    assert cell.connector.reason == "waiting for the system service"
    ended(cell, 20.0)
    assert cell.stopped()[0].reason is StopReason.OTHER


# the disk


def test_a_full_disk_starts_nothing_and_says_so(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, FreeCharging="true")
    cell.advance(1.0)
    cell.disk_full = True
    cell.plug()
    cell.advance(20.0)
    assert (cell.status, cell.started()) == ("Preparing", [])
    assert "disk is full" in cell.connector.reason
    assert [f.code for f in cell.last(FAULTS["session"]).faults] == ["disk_full"]
    cell.disk_full = False
    cell.until(lambda: cell.status == "Charging", 10.0)
    assert cell.last(FAULTS["session"]).faults == ()
    cell.check_stream()


def test_an_unplug_on_a_full_disk_keeps_its_time_until_it_is_stored(cell: SessionCell) -> None:
    cell.disk_full = True
    cell.unplug()
    unplugged_wall_s = cell.clock.now().wall_s
    cell.advance(40.0)
    cell.disk_full = False
    ended(cell, 10.0)
    (stopped,) = cell.stopped()
    assert (stopped.reason, stopped.stopped_wall_s) == (StopReason.EV_DISCONNECTED, unplugged_wall_s)


def test_on_a_full_disk_the_car_goes_on_and_a_stop_keeps_its_time_until_it_is_stored(cell: SessionCell) -> None:
    cell.disk_full = True
    cell.advance(130.0)
    assert cell.status == "Charging"
    cell.swipe()
    swiped_wall_s = cell.clock.now().wall_s
    assert cell.world.closed_a == 0.0
    cell.advance(40.0)
    assert not cell.stopped()
    cell.disk_full = False
    ended(cell, 10.0)
    assert (cell.stopped()[0].reason, cell.stopped()[0].stopped_wall_s) == (StopReason.LOCAL, swiped_wall_s)
    assert cell.stopped()[0].meter_stop_wh == cell.world.shown_wh


def test_a_command_that_cannot_be_stored_in_time_has_no_effect(cell: SessionCell) -> None:
    cell.disk_full = True
    cell.ask_stop(connector=1)
    cell.advance(4.0)
    assert cell.world.closed_a == 16.0
    cell.advance(3.0)
    cell.disk_full = False
    cell.advance(10.0)
    assert (cell.status, cell.stopped()) == ("Charging", [])


def test_a_journal_that_cannot_be_opened_gives_no_lease_until_it_can(cell: SessionCell) -> None:
    cell.kill("session")
    cell.disk_full = True
    cell.start("session")
    cell.advance(8.0)
    assert cell.last(SESSION_PERMISSION, "1") is None
    assert [f.code for f in cell.last(FAULTS["session"]).faults] == ["disk_full"]
    cell.disk_full = False
    cell.until(lambda: cell.status == "Charging", 15.0)
    assert len(cell.started()) == 1
