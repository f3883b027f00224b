"""Out of service by command, unlocking by command, an announced restart, and a full message queue."""

from pathlib import Path

import pytest

from bus.topics import SESSION_CHANGE_AVAILABILITY, SESSION_STATION
from schemas.base import Answer
from schemas.safety import Lock
from schemas.session import ChangeAvailabilityRequest, StopReason
from schemas.system import BootReason
from tests.virtual.charging_station import CARD, OTHER_CARD, ChargingStation, Status
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual


@pytest.fixture
def cell(tmp_path: Path) -> SessionCell:
    cell = make_cell(tmp_path, backend=True)
    cell.backend.accept("APP")
    cell.advance(1.0)
    return cell


def charging(cell: SessionCell, for_s: float = 10.0) -> SessionCell:
    if not cell.world.connected:
        cell.plug()
    cell.swipe("CARD-A")
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.advance(for_s)
    return cell


def ended(cell: SessionCell, within_s: float = 5.0) -> None:
    cell.until(lambda: len(cell.stopped()) == len(cell.started()), within_s)
    cell.check_stream()


# ChangeAvailability


@pytest.mark.parametrize("connector", [0, 1])
def test_an_idle_connector_goes_out_of_service_at_once_and_over_a_power_cut(cell: SessionCell, connector: int) -> None:
    assert cell.outcome(cell.change_availability(connector, False)) is Answer.ACCEPTED
    cell.advance(0.1)
    assert (cell.status, cell.connector.operative) == ("Unavailable", False)
    assert cell.station_says.status == ("Unavailable" if connector == 0 else "Available")
    cell.power_cut()
    cell.advance(3.0)
    assert cell.status == "Unavailable"
    cell.plug()
    cell.swipe("CARD-A")
    assert cell.outcome(cell.remote_start()) is Answer.REJECTED
    cell.advance(5.0)
    assert (cell.status, cell.started()) == ("Unavailable", [])
    assert cell.outcome(cell.change_availability(0, True)) is Answer.ACCEPTED
    cell.advance(0.1)
    assert (cell.status, cell.station_says.status) == ("Preparing", "Available")
    charging(cell)


def test_a_running_transaction_is_finished_first_and_the_vehicle_may_leave(cell: SessionCell) -> None:
    charging(cell)
    assert cell.outcome(cell.change_availability(0, False)) is Answer.SCHEDULED
    assert cell.outcome(cell.change_availability(1, False)) is Answer.SCHEDULED
    cell.advance(5.0)
    assert (cell.status, cell.station_says.status, cell.connector.operative) == ("Charging", "Available", True)
    cell.swipe("CARD-A")
    ended(cell)
    cell.advance(1.0)
    assert (cell.status, cell.station_says.status) == ("Finishing", "Unavailable")
    cell.swipe("CARD-A")
    cell.advance(5.0)
    assert len(cell.started()) == 1
    cell.unplug()
    cell.advance(1.0)
    assert cell.status == "Unavailable"


def test_a_scheduled_change_is_cancelled_by_operative(cell: SessionCell) -> None:
    charging(cell)
    cell.change_availability(1, False)
    assert cell.outcome(cell.change_availability(1, True)) is Answer.ACCEPTED
    cell.swipe("CARD-A")
    ended(cell)
    cell.unplug()
    cell.advance(1.0)
    assert cell.status == "Available"


def test_a_change_between_transaction_and_departure_takes_effect_at_once(cell: SessionCell) -> None:
    charging(cell)
    cell.swipe("CARD-A")
    ended(cell)
    assert cell.outcome(cell.change_availability(1, False)) is Answer.ACCEPTED
    cell.advance(0.1)
    assert cell.status == "Unavailable"


def test_who_waits_for_a_vehicle_waits_no_more(cell: SessionCell) -> None:
    cell.swipe("CARD-A")
    cell.change_availability(1, False)
    cell.change_availability(1, True)
    cell.advance(0.1)
    assert (cell.status, cell.service.store.pending) == ("Available", ())


def test_an_unknown_connector_and_a_full_disk_are_rejected(cell: SessionCell) -> None:
    assert cell.outcome(cell.change_availability(2, False)) is Answer.REJECTED
    cell.disk_full = True
    assert cell.outcome(cell.change_availability(1, False)) is Answer.REJECTED
    cell.advance(0.1)
    assert cell.status == "Available"


def test_the_station_is_faulted_while_nothing_can_be_stored(cell: SessionCell) -> None:
    cell.disk_full = True
    cell.change_availability(1, False)
    cell.advance(1.0)
    assert (cell.station_says.status, cell.station_says.error_code) == ("Faulted", "InternalError")
    cell.disk_full = False
    cell.advance(7.0)
    assert (cell.station_says.status, cell.station_says.error_code) == ("Available", "NoError")


def test_free_charging_without_a_meter_ends_when_it_goes_out_of_service(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, meter="none", backend=True, FreeCharging="true")
    cell.advance(1.0)
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.change_availability(1, False)
    cell.advance(1.0)
    assert (cell.status, cell.world.closed_a) == ("Unavailable", 0.0)


# several connectors


def test_with_two_connectors_each_is_closed_alone_and_the_station_waits_for_both(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, connectors=2)
    station.charge(1)
    assert ask(station, 2, operative=False) is Answer.ACCEPTED
    assert ask(station, 0, operative=False) is Answer.SCHEDULED
    station.advance(1.0)
    assert [station.status(number) for number in (1, 2)] == ["Charging", "Unavailable"]
    assert station.last(SESSION_STATION).status == "Available"
    station.swipe(CARD)
    station.until_ended()
    station.unplug(1)
    station.advance(2.0)
    assert [station.status(number) for number in (1, 2)] == ["Unavailable", "Unavailable"]
    assert station.last(SESSION_STATION).status == "Unavailable"
    assert ask(station, 1, operative=True) is Answer.ACCEPTED
    station.advance(1.0)
    assert [station.status(number) for number in (1, 2)] == ["Available", "Unavailable"]


def test_a_vehicle_without_a_card_gives_way_to_the_next_driver(tmp_path: Path) -> None:
    station = ChargingStation(
        tmp_path, connectors=2, OCPPBackendJSONURL="ws://backend.example/", ConnectionTimeOut="30"
    )
    station.plug_in(1)
    station.until_status(Status.PREPARING)
    station.until_status(Status.FINISHING, within_s=32.0)
    station.swipe(CARD)
    station.advance(1.0)
    assert [station.status(number) for number in (1, 2)] == ["Finishing", "Preparing"]
    station.plug_in(2)
    station.until_current_flows(2)
    station.swipe(OTHER_CARD)
    station.until_current_flows(1)


def ask(station: ChargingStation, connector: int, operative: bool) -> Answer:
    request = ChangeAvailabilityRequest(
        request_id=f"request-{connector}-{operative}",
        expires_s=station.clock.boot_s + 5.0,
        connector=connector,
        operative=operative,
    )
    return station.ask(SESSION_CHANGE_AVAILABILITY, request).outcome


# UnlockConnector


def test_unlocking_an_idle_connector_succeeds(cell: SessionCell) -> None:
    assert cell.outcome(cell.unlock()) is Answer.ACCEPTED


def test_unlocking_ends_the_transaction_first(cell: SessionCell) -> None:
    charging(cell)
    request_id = cell.unlock()
    cell.until(lambda: cell.outcome(request_id) is Answer.ACCEPTED, 2.0)
    assert cell.world.closed_a == 0.0
    ended(cell)
    assert cell.stopped()[0].reason is StopReason.UNLOCK_COMMAND
    assert cell.lease is not None
    assert (cell.status, cell.lease.hold_cable) == ("Finishing", False)


@pytest.mark.parametrize("connector", [0, 2])
def test_there_is_no_lock_at_an_unknown_connector(cell: SessionCell, connector: int) -> None:
    assert cell.outcome(cell.unlock(connector)) is Answer.NOT_SUPPORTED


def test_a_fixed_cable_has_no_lock_and_its_transaction_goes_on(tmp_path: Path) -> None:
    cell = charging(make_cell(tmp_path, cable="fixed", backend=True))
    assert cell.outcome(cell.unlock()) is Answer.NOT_SUPPORTED
    cell.advance(3.0)
    assert cell.status == "Charging"


@pytest.mark.parametrize(("lock", "within_s"), [(Lock.LOCKED, 10.5), (Lock.UNKNOWN, 10.5), (Lock.FAILED, 7.0)])
def test_a_lock_that_does_not_open_is_told(cell: SessionCell, lock: Lock, within_s: float) -> None:
    charging(cell)
    cell.world.lock = lock
    request_id = cell.unlock()
    cell.advance(5.5)
    assert cell.outcome(request_id) is None
    cell.until(lambda: cell.outcome(request_id) is Answer.REJECTED, within_s - 5.5)
    ended(cell)


def test_unlocking_releases_a_cable_that_waits_for_its_card(tmp_path: Path) -> None:
    cell = charging(make_cell(tmp_path, backend=True, UnlockConnectorOnEVSideDisconnect="false"))
    cell.cable_stays = True
    cell.unplug()
    ended(cell)
    cell.advance(1.0)
    assert cell.lease is not None
    assert cell.lease.hold_cable
    request_id = cell.unlock()
    cell.advance(1.0)
    assert cell.outcome(request_id) is Answer.ACCEPTED
    assert (cell.status, cell.lease.hold_cable) == ("Available", False)


def test_unlocking_drops_who_is_about_to_begin(cell: SessionCell) -> None:
    cell.world.lock = Lock.LOCKING
    cell.plug()
    cell.swipe("CARD-A")
    cell.advance(1.0)
    cell.unlock()
    cell.advance(1.0)
    cell.world.lock = None
    cell.advance(10.0)
    assert (cell.status, cell.started(), cell.service.store.pending) == ("Preparing", [], ())


def test_on_a_full_disk_the_transaction_cannot_end_so_nothing_is_unlocked(cell: SessionCell) -> None:
    charging(cell)
    cell.disk_full = True
    request_id = cell.unlock()
    cell.advance(11.0)
    assert cell.outcome(request_id) is Answer.REJECTED
    cell.disk_full = False
    cell.advance(10.0)
    assert cell.status == "Charging"


def test_a_second_unlocking_waits_for_the_first(cell: SessionCell) -> None:
    charging(cell)
    cell.world.lock = Lock.LOCKED
    first = cell.unlock()
    second = cell.unlock()
    cell.advance(3.0)
    cell.world.lock = None
    cell.advance(3.0)
    assert (cell.outcome(first), cell.outcome(second)) == (Answer.ACCEPTED, Answer.ACCEPTED)


# Reset


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (BootReason.SOFT_RESET, StopReason.SOFT_RESET),
        (BootReason.HARD_RESET, StopReason.HARD_RESET),
        (BootReason.WATCHDOG, StopReason.REBOOT),
    ],
)
def test_an_announced_restart_ends_transactions_with_its_reason_and_begins_none(
    cell: SessionCell, reason: BootReason, expected: StopReason
) -> None:
    charging(cell)
    cell.reset_pending(reason)
    ended(cell)
    assert cell.stopped()[0].reason is expected
    cell.swipe("CARD-B")
    assert cell.outcome(cell.remote_start()) is Answer.REJECTED
    cell.advance(5.0)
    assert len(cell.started()) == 1
    cell.power_cut(reason)
    cell.advance(5.0)
    assert len(cell.stopped()) == 1
    charging(cell)


# full message queue


def test_a_full_queue_begins_no_transaction_and_says_why(cell: SessionCell) -> None:
    cell.plug()
    cell.queue_says(charging_refused=True, full=True)
    cell.advance(0.1)
    said = cell.connector
    assert (said.status, said.error_code, said.info) == ("Faulted", "OtherError", "Message queue is full")
    assert (cell.station_says.status, cell.station_says.info) == ("Faulted", "Message queue is full")
    cell.swipe("CARD-A")
    cell.advance(3.0)
    assert cell.started() == []
    cell.queue_says()
    cell.advance(0.1)
    assert (cell.status, cell.connector.error_code) == ("Preparing", "NoError")
    charging(cell)


def test_a_running_transaction_goes_on_when_the_key_does_not_stop_it(cell: SessionCell) -> None:
    charging(cell)
    cell.queue_says(charging_refused=True)
    cell.advance(3.0)
    assert cell.status == "Charging"
    assert cell.connector.info == "Message queue is full"


def test_with_the_key_a_full_queue_pauses_the_same_transaction_until_there_is_room(tmp_path: Path) -> None:
    cell = charging(make_cell(tmp_path, backend=True, OcppQueueFullAsErrorState="true"))
    cell.queue_says(charging_refused=True)
    cell.advance(2.0)
    said = cell.connector
    assert (said.status, said.info, cell.world.closed_a) == ("SuspendedEVSE", "Message queue is full", 0.0)
    cell.restart("session")
    cell.advance(3.0)
    assert (cell.status, cell.world.closed_a) == ("SuspendedEVSE", 0.0)
    cell.kill("message_queue")
    cell.restart("session")
    cell.advance(3.0)
    assert cell.world.closed_a == 0.0
    cell.start("message_queue")
    cell.queue_says(charging_refused=True)
    cell.advance(3.0)
    assert (cell.status, cell.world.closed_a) == ("SuspendedEVSE", 0.0)
    cell.queue_says()
    cell.until(lambda: cell.status == "Charging", 3.0)
    assert (len(cell.started()), cell.connector.error_code) == (1, "NoError")


def test_without_a_backend_a_full_queue_stops_nobody(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, backend=True, ConnectionType="No Backend", OcppQueueFullAsErrorState="true")
    cell.queue_says(charging_refused=True)
    cell.advance(1.0)
    charging(cell)
    assert cell.connector.info == ""
