"""The service `system` on the bus: boots, clock, faults, events, reboots, its own restarts and its own disk."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bus.clock import Now
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    HEARTBEATS,
    SESSION_CONNECTOR,
    SYSTEM_BOOT,
    SYSTEM_CLOCK,
    SYSTEM_EVENT,
    SYSTEM_EVENTS,
    SYSTEM_FAULTS,
    SYSTEM_REBOOT,
    SYSTEM_SET_CLOCK,
)
from schemas.base import ActiveFault, ActiveFaults, Answer, Answered
from schemas.session import ConnectorStatus, SessionConnector
from schemas.system import BootReason, EventRequest, RebootRequest, SetClockRequest
from services.endings import path_of_ending, read_ending, write_ending
from services.runner import Context
from services.system.station import ASKS, HEARS, System
from services.system.store import SystemStore
from services.system.supervisor_error import SupervisorError
from tests.puppets import ask, cell, id_and_end, puppet, say
from tests.virtual_cell import Cell, Wiring

pytestmark = pytest.mark.virtual


@dataclass
class FakeSupervisor:
    shutdowns: int = 0
    trouble: str = ""
    trouble_later: str = ""
    cells: list[Cell] = field(default_factory=list)

    def check(self) -> None:
        if self.trouble:
            raise SupervisorError(self.trouble)

    def shutdown(self) -> None:
        if self.trouble_later:
            raise SupervisorError(self.trouble_later)
        self.shutdowns += 1


@dataclass
class Station:
    cell: Cell
    supervisor: FakeSupervisor

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.cell.last(SYSTEM_EVENTS).events]

    @property
    def codes(self) -> list[str]:
        return [shown.fault.code for shown in self.cell.last(SYSTEM_FAULTS).faults]

    @property
    def boot(self) -> Any:
        return self.cell.last(SYSTEM_BOOT)

    def end(self) -> None:
        for owner in list(self.cell.processes):
            self.cell.kill(owner)

    def start_again(self) -> None:
        self.cell.power_up()
        self.cell.settle()

    def restart_system(self) -> None:
        self.cell.kill("system")
        self.cell.start("system")
        self.cell.settle()

    def ask(self, topic: Any, kind: Any, **fields: Any) -> Answered:
        return ask(self.cell, "session", topic, kind(**id_and_end(self.cell, "session"), **fields))


@pytest.fixture
def station(tmp_path: Path) -> Station:
    supervisor = FakeSupervisor()

    def build(context: Context) -> System:
        def set_offset(offset_s: float) -> None:
            context.clock.offset_s = offset_s

        return System(
            context.bus,
            home=context.home,
            store=SystemStore(context.home.data / "system.db"),
            supervisor=supervisor,
            start_id=context.start_id,
            set_offset=set_offset,
        )

    wirings = {
        "system": Wiring(HEARS, ASKS, build),
        "safety": puppet(),
        "session": puppet((SYSTEM_BOOT,), (SYSTEM_EVENT, SYSTEM_REBOOT, SYSTEM_SET_CLOCK)),
    }
    return Station(cell(tmp_path, wirings), supervisor)


# boots


def test_the_first_start_is_told_as_one(station: Station) -> None:
    assert station.boot.reason is BootReason.FIRST_START
    assert station.boot.start_id == "start-1"
    assert station.texts == ["Station started: first start"]


def test_a_start_that_nothing_announced_follows_a_power_loss(station: Station) -> None:
    station.end()
    station.start_again()
    assert (station.boot.reason, station.boot.start_id) == (BootReason.POWER_LOSS, "start-2")


def test_an_announced_end_is_the_reason_of_exactly_the_next_start(station: Station) -> None:
    write_ending(station.cell.home, BootReason.SHUTDOWN, "Ctrl-C")
    station.end()
    station.start_again()
    assert (station.boot.reason, station.boot.detail) == (BootReason.SHUTDOWN, "Ctrl-C")
    assert read_ending(station.cell.home) is None
    station.end()
    station.start_again()
    assert station.boot.reason is BootReason.POWER_LOSS


def test_a_restart_of_system_alone_is_no_boot(station: Station) -> None:
    before = station.boot
    station.cell.advance(10.0)
    station.restart_system()
    assert station.boot == before
    assert station.texts[0] == "Service system restarted"


def test_an_announcement_waits_for_the_end_of_the_station_not_of_system(station: Station) -> None:
    write_ending(station.cell.home, BootReason.SHUTDOWN)
    station.restart_system()
    station.cell.advance(1.0)
    assert read_ending(station.cell.home) is not None
    assert station.supervisor.shutdowns == 0


def test_garbage_in_place_of_an_announcement_is_none(station: Station) -> None:
    path_of_ending(station.cell.home).write_bytes(b"\xff{" * 99_999)
    station.end()
    station.start_again()
    assert station.boot.reason is BootReason.POWER_LOSS


# faults and events


def test_a_fault_is_shown_with_words_and_its_coming_and_going_are_events(station: Station) -> None:
    say(station.cell, FAULTS["safety"], ActiveFaults(faults=(ActiveFault(code="pilot_diode", connector=1),)))
    assert station.codes == ["pilot_diode"]
    assert station.texts[0] == "Vehicle diode check failed - tamper detection"
    say(station.cell, FAULTS["safety"], ActiveFaults())
    assert station.codes == []
    assert station.texts[0] == "Vehicle diode check failed - tamper detection resolved"


def test_a_restart_of_system_tells_no_fault_twice_and_misses_no_clearing(station: Station) -> None:
    two = ActiveFaults(faults=(ActiveFault(code="pilot_diode", connector=1), ActiveFault(code="lock_failed")))
    say(station.cell, FAULTS["safety"], two)
    station.cell.advance(1.0)
    station.cell.kill("system")
    say(station.cell, FAULTS["safety"], ActiveFaults(faults=two.faults[:1]))
    station.cell.start("system")
    station.cell.settle()
    assert station.codes == ["pilot_diode"]
    assert station.texts.count("Vehicle diode check failed - tamper detection") == 1
    assert station.texts.count("Plug locking failed resolved") == 1


def test_a_service_that_falls_silent_is_a_fault_until_it_is_back(station: Station) -> None:
    station.cell.advance(2.0)
    station.cell.kill("safety")
    took_s = station.cell.until(lambda: "service_down" in station.codes, within_s=5.0)
    assert 2.0 < took_s < 3.1
    assert station.texts[0] == "A service does not run: safety"
    station.cell.start("safety")
    station.cell.until(lambda: station.codes == [], within_s=1.0)
    assert station.texts[:2] == ["A service does not run: safety resolved", "Service safety restarted"]


def test_a_service_that_died_while_system_was_down_is_missed_too(station: Station) -> None:
    station.cell.advance(2.0)
    station.cell.kill("system")
    station.cell.kill("safety")
    station.cell.start("system")
    station.cell.until(lambda: "service_down" in station.codes, within_s=3.1)


def test_a_quick_restart_of_a_service_is_an_event_and_no_fault(station: Station) -> None:
    station.cell.advance(2.0)
    station.cell.kill("safety")
    station.cell.start("safety")
    station.cell.advance(2.0)
    assert station.texts[0] == "Service safety restarted"
    assert station.codes == []


def test_services_of_the_start_before_are_not_missed(station: Station) -> None:
    station.cell.advance(2.0)
    station.end()
    station.cell.wirings.pop("safety")
    station.start_again()
    station.cell.advance(10.0)
    assert station.codes == []


def test_others_have_events_remembered_and_they_outlive_everything(station: Station) -> None:
    happened = {"code": "store_replaced", "text": "session.db was replaced", "connector": 2}
    assert station.ask(SYSTEM_EVENT, EventRequest, **happened).outcome is Answer.ACCEPTED
    assert station.texts[0] == "session.db was replaced"
    station.end()
    station.start_again()
    assert station.texts[1] == "session.db was replaced"


def test_a_repeated_event_is_remembered_once(station: Station) -> None:
    request = EventRequest(**id_and_end(station.cell, "session"), code="x", text="once")
    ask(station.cell, "session", SYSTEM_EVENT, request)
    station.restart_system()
    station.cell.processes["session"].service.answers.clear()  # type: ignore[attr-defined]
    assert ask(station.cell, "session", SYSTEM_EVENT, request).outcome is Answer.ACCEPTED
    assert station.texts.count("once") == 1


def test_the_stored_history_is_bounded(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.system.store.MOST_EVENTS", 10)
    for number in range(30):
        station.ask(SYSTEM_EVENT, EventRequest, code="x", text=str(number))
    with sqlite3.connect(station.cell.home.data / "system.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM event").fetchone() == (10,)


# clock


def test_setting_the_clock_moves_the_offset_for_everybody_and_is_kept(station: Station) -> None:
    assert station.cell.last(SYSTEM_CLOCK).offset_s == 0.0
    wanted_s = station.cell.clock.now().wall_s + 3600.0
    assert station.ask(SYSTEM_SET_CLOCK, SetClockRequest, wall_s=wanted_s).outcome is Answer.ACCEPTED
    clock = station.cell.last(SYSTEM_CLOCK)
    assert clock.offset_s == pytest.approx(3600.0, abs=1.0)
    assert clock.synchronized
    assert station.texts[0].startswith("Station time set, +3600")
    station.end()
    station.start_again()
    assert station.cell.last(SYSTEM_CLOCK) == clock
    assert station.cell.processes["system"].clock.offset_s == clock.offset_s
    assert station.cell.last(SYSTEM_EVENTS).events[0].wall_s == pytest.approx(wanted_s, abs=10.0)


def test_the_clock_can_be_set_twice(station: Station) -> None:
    host_s = station.cell.clock.now().wall_s
    station.ask(SYSTEM_SET_CLOCK, SetClockRequest, wall_s=host_s + 3600.0)
    station.ask(SYSTEM_SET_CLOCK, SetClockRequest, wall_s=host_s - 60.0)
    assert station.cell.last(SYSTEM_CLOCK).offset_s == pytest.approx(-60.0, abs=1.0)


def test_an_impossible_time_is_refused(station: Station) -> None:
    answered = station.ask(SYSTEM_SET_CLOCK, SetClockRequest, wall_s=5.0)
    assert answered.outcome is Answer.REJECTED
    assert station.cell.last(SYSTEM_CLOCK).offset_s == 0.0


# reboots


def test_a_reboot_keeps_its_reason_answers_and_then_shuts_down(station: Station) -> None:
    answered = station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET, detail="backend")
    assert answered.outcome is Answer.ACCEPTED
    assert station.supervisor.shutdowns == 0
    ending = read_ending(station.cell.home)
    assert ending is not None
    assert (ending.reason, ending.detail, ending.again) == (BootReason.SOFT_RESET, "backend", True)
    station.cell.until(lambda: station.supervisor.shutdowns == 1, within_s=0.3)
    station.end()
    station.start_again()
    assert (station.boot.reason, station.boot.detail) == (BootReason.SOFT_RESET, "backend")
    assert "Reboot: soft reset (backend)" in station.texts


def test_a_repeated_reboot_request_reboots_once(station: Station) -> None:
    ends = id_and_end(station.cell, "session", 60.0)
    request = RebootRequest(**ends, reason=BootReason.HARD_RESET)
    ask(station.cell, "session", SYSTEM_REBOOT, request)
    station.cell.advance(0.5)
    station.end()
    station.start_again()
    assert ask(station.cell, "session", SYSTEM_REBOOT, request).outcome is Answer.ACCEPTED
    station.cell.advance(2.0)
    assert station.supervisor.shutdowns == 1
    assert read_ending(station.cell.home) is None


@pytest.mark.parametrize("reason", [BootReason.POWER_LOSS, BootReason.FIRST_START, BootReason.SHUTDOWN])
def test_a_reboot_needs_a_reason_that_a_reboot_has(station: Station, reason: BootReason) -> None:
    assert station.ask(SYSTEM_REBOOT, RebootRequest, reason=reason).outcome is Answer.REJECTED
    assert read_ending(station.cell.home) is None


def test_a_reboot_that_can_wait_is_refused_while_a_transaction_runs(station: Station) -> None:
    charging = SessionConnector(connector=2, status=ConnectorStatus.CHARGING, transaction_id="t" * 36)
    say(station.cell, SESSION_CONNECTOR, charging, "2")
    patient = {"reason": BootReason.WATCHDOG, "unless_charging": True}
    refused = station.ask(SYSTEM_REBOOT, RebootRequest, **patient)
    assert (refused.outcome, refused.reason) == (Answer.REJECTED, "it waits for the transaction on connector 2")
    station.cell.advance(10.0)
    assert station.supervisor.shutdowns == 0
    say(station.cell, SESSION_CONNECTOR, SessionConnector(connector=2, status=ConnectorStatus.AVAILABLE), "2")
    assert station.ask(SYSTEM_REBOOT, RebootRequest, **patient).outcome is Answer.ACCEPTED
    station.cell.advance(3.0)
    assert station.supervisor.shutdowns == 1


def test_a_reboot_that_cannot_wait_does_not(station: Station) -> None:
    charging = SessionConnector(connector=1, status=ConnectorStatus.CHARGING, transaction_id="t" * 36)
    say(station.cell, SESSION_CONNECTOR, charging, "1")
    assert station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.WATCHDOG).outcome is Answer.ACCEPTED


def test_without_a_supervisor_a_reboot_is_refused(station: Station) -> None:
    station.supervisor.trouble = "cannot reach supervisord"
    answered = station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    assert answered.outcome is Answer.REJECTED
    assert "chargectl up" in answered.reason
    assert read_ending(station.cell.home) is None


def test_a_shutdown_that_fails_is_told_and_its_announcement_withdrawn(station: Station) -> None:
    station.supervisor.trouble_later = "supervisord went away"
    station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    station.cell.until(lambda: station.texts[0] == "Reboot failed: supervisord went away", within_s=1.0)
    assert read_ending(station.cell.home) is None
    station.supervisor.trouble_later = ""
    station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    station.cell.until(lambda: station.supervisor.shutdowns == 1, within_s=1.0)


def test_system_killed_between_reason_and_shutdown_finishes_the_reboot(station: Station) -> None:
    station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    station.restart_system()
    station.cell.until(lambda: station.supervisor.shutdowns == 1, within_s=1.0)


def test_a_shutdown_that_does_not_end_us_is_asked_for_again(station: Station) -> None:
    station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    station.cell.advance(29.0)
    assert station.supervisor.shutdowns == 1
    station.cell.advance(3.0)
    assert station.supervisor.shutdowns == 2


def test_a_reason_that_cannot_be_written_stops_the_reboot(station: Station) -> None:
    path_of_ending(station.cell.home).with_suffix(".new").mkdir()
    answered = station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    assert answered.outcome is Answer.REJECTED
    station.cell.advance(2.0)
    assert station.supervisor.shutdowns == 0


def test_a_request_that_expired_while_it_waited_in_the_inbox_does_nothing(station: Station) -> None:
    request = RebootRequest(**id_and_end(station.cell, "session"), reason=BootReason.SOFT_RESET)
    now = station.cell.clock.now()
    received = Received(
        SYSTEM_REBOOT, "", request, "session", "run", 1, now.boot_s, now.wall_s, trace_id="", resent=False
    )
    station.cell.processes["system"].service.on_message(received, Now(request.expires_s, now.wall_s))
    station.cell.advance(1.0)
    assert station.supervisor.shutdowns == 0
    assert read_ending(station.cell.home) is None


# its own disk


def test_a_full_disk_is_a_fault_and_nothing_else_stops(station: Station) -> None:
    service: Any = station.cell.processes["system"].service
    service._store._store._connection.execute("PRAGMA busy_timeout = 0")
    lock = sqlite3.connect(station.cell.home.data / "system.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    say(station.cell, FAULTS["safety"], ActiveFaults(faults=(ActiveFault(code="lock_failed", connector=1),)))
    station.cell.until(lambda: set(station.codes) == {"lock_failed", "disk_full"}, within_s=1.0)
    refused = station.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET)
    assert refused.outcome is Answer.REJECTED
    assert read_ending(station.cell.home) is None
    assert station.ask(SYSTEM_EVENT, EventRequest, code="x", text="y").outcome is Answer.REJECTED
    lock.execute("ROLLBACK")
    station.cell.until(lambda: station.codes == ["lock_failed"], within_s=6.0)
    station.cell.advance(1.0)
    station.restart_system()
    assert "Plug locking failed" in station.texts


def test_a_store_that_cannot_be_opened_does_not_keep_the_station_from_starting(station: Station) -> None:
    station.cell.stop("system")
    station.end()
    (station.cell.home.data / "system.db-wal").unlink(missing_ok=True)
    (station.cell.home.data / "system.db-wal").mkdir()
    station.start_again()
    assert station.boot.reason is BootReason.UNKNOWN
    assert station.codes == ["disk_full"]
    (station.cell.home.data / "system.db-wal").rmdir()
    station.cell.until(lambda: station.codes == [], within_s=6.0)


def test_an_unreadable_store_is_set_aside_and_told(station: Station) -> None:
    station.end()
    (station.cell.home.data / "system.db-wal").unlink(missing_ok=True)
    (station.cell.home.data / "system.db").write_bytes(b"garbage" * 1000)
    station.start_again()
    assert station.boot.reason is BootReason.UNKNOWN
    assert station.codes == ["store_replaced"]
    assert any("kept as system.db.unreadable-1" in text for text in station.texts)


def test_a_stored_value_of_another_shape_does_not_stop_it(station: Station) -> None:
    station.cell.stop("system")
    with sqlite3.connect(station.cell.home.data / "system.db") as connection:
        connection.execute("UPDATE single SET json = '[1]'")
    station.cell.start("system")
    station.cell.settle()
    assert station.boot.reason is BootReason.FIRST_START


def test_what_strangers_say_about_faults_is_bounded(station: Station) -> None:
    many = tuple(ActiveFault(code=f"c{n}", connector=2**62, detail="d" * 2000) for n in range(100))
    say(station.cell, FAULTS["safety"], ActiveFaults(faults=many))
    assert len(station.codes) == 32
    assert station.cell.last(HEARTBEATS["system"]) is not None
