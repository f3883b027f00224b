"""OCTT cases of OCPP 1.6: lost connections, lost mains, faults, connectors out of service."""

from pathlib import Path

import pytest

from services.clock import iso_utc
from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import RFID, BackendStation
from tests.virtual.charging_station import Status

pytestmark = pytest.mark.virtual

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
NOW_INVALID = {"transactionId": 9, "idTagInfo": {"status": "Invalid"}}


def cached_and_offline(station: BackendStation) -> None:
    """The station has learned the card before the network goes."""
    station.charge()
    station.end()
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.until_told_all()
    station.offline()


def charge_offline(station: BackendStation) -> None:
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()


def test_tc_024_a_lock_failure_starts_nothing(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.fault("lock")
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_told(Status.FAULTED)
    faulted = [one for one in station.sent("StatusNotification") if one["status"] == "Faulted"]
    assert [(one["connectorId"], one["errorCode"]) for one in faulted] == [(1, "ConnectorLockFailure")]
    assert (station.sent("StartTransaction"), station.flows()) == ([], False)
    station.fault("lock", on=False)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.check()


def test_tc_032_2_after_a_power_loss_the_transaction_ends_with_power_loss(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, RestartTransAfterPowerLoss="false")
    station.charge()
    station.advance(20.0)
    station.power_cut()
    station.come_back()
    station.until_ended()
    station.until_told_all()
    assert station.only("StopTransaction")["reason"] == "PowerLoss"
    assert not station.flows()
    station.check()


def test_tc_032_2_after_a_power_loss_the_transaction_resumes_and_its_card_ends_it(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, RestartTransAfterPowerLoss="true")
    station.charge()
    station.power_cut()
    station.come_back()
    station.until_current_flows(within_s=60.0)
    station.until_told(Status.CHARGING)
    assert station.sent("StopTransaction") == []
    station.end()
    station.until_told_all()
    assert station.only("StopTransaction")["reason"] == "Local"
    assert len(station.sent("StartTransaction")) == 1
    station.check()


def test_tc_034_a_station_out_of_service_stays_so_over_a_power_loss(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, connectors=2)
    assert station.status_answered("ChangeAvailability", connectorId=0, type="Inoperative") == "Accepted"
    for number in range(3):
        station.until_told(Status.UNAVAILABLE, number)
    station.power_cut()
    since = station.mark()
    station.come_back()
    station.until(lambda: all(station.told(number, since) for number in range(3)), within_s=15.0)
    assert [station.told(number, since)[-1] for number in range(3)] == ["Unavailable"] * 3
    assert station.status_answered("ChangeAvailability", connectorId=0, type="Operative") == "Accepted"
    for number in range(3):
        station.until_told(Status.AVAILABLE, number)
    station.check()


def test_out_of_service_is_scheduled_while_a_transaction_runs(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    assert station.status_answered("ChangeAvailability", connectorId=1, type="Inoperative") == "Scheduled"
    station.advance(5.0)
    assert station.flows()
    since = station.mark()
    station.end()
    station.until_told(Status.FINISHING)
    station.unplug()
    station.until_told(Status.UNAVAILABLE)
    assert "Available" not in station.told(since=since)
    station.check()


def test_tc_036_a_transaction_goes_on_without_connection_and_needs_no_new_boot(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, RetransmitMeterValues="true")
    station.set_up(MeterValueSampleInterval="10")
    station.charge()
    before = len(station.sent("MeterValues"))
    station.offline()
    station.advance(60.0)
    assert station.flows()
    station.reconnect()
    assert len(station.sent("MeterValues")) - before in (6, 7)
    assert len(station.backend.calls("BootNotification")) == 1
    station.end()
    station.until_told_all()
    station.check()


def test_tc_037_1_a_known_card_starts_offline(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    cached_and_offline(station)
    charge_offline(station)
    started_wall_s = station.bills()[-1].started.started_wall_s
    station.advance(100.0)
    station.reconnect()
    assert station.sent("StartTransaction")[-1]["timestamp"] == iso_utc(started_wall_s)
    station.until_told(Status.CHARGING)
    assert station.flows()
    station.check()


def test_an_unknown_card_starts_nothing_offline(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.offline()
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.advance(20.0)
    assert (station.flows(), station.bills()) == (False, [])
    station.reconnect()
    station.check()


def test_tc_037_2_started_offline_with_an_invalid_card_it_goes_on_without_energy(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(StopTransactionOnInvalidId="false")
    cached_and_offline(station)
    charge_offline(station)
    station.backend.answers("StartTransaction", NOW_INVALID)
    station.reconnect()
    station.until_told(Status.SUSPENDED_EVSE)
    station.until(lambda: not station.flows(), within_s=10.0)
    station.advance(30.0)
    assert (station.flows(), len(station.sent("StopTransaction"))) == (False, 1)
    station.unplug()
    station.until_ended(2)
    station.until_told_all()
    assert station.sent("StopTransaction")[-1]["reason"] == "EVDisconnected"
    station.check()


def test_tc_037_3_started_offline_with_an_invalid_card_it_is_ended(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    cached_and_offline(station)
    charge_offline(station)
    station.backend.answers("StartTransaction", NOW_INVALID)
    station.reconnect()
    station.until_ended(2)
    station.until_told_all()
    stop = station.sent("StopTransaction")[-1]
    assert (stop["reason"], stop["transactionId"]) == ("DeAuthorized", 9)
    assert not station.flows()
    station.check()


def test_tc_038_a_transaction_ended_offline_is_told_with_its_own_time(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    station.offline()
    station.advance(30.0)
    station.end()
    stopped = station.bill().stopped
    assert stopped is not None
    station.advance(100.0)
    station.reconnect()
    stop = station.only("StopTransaction")
    assert (stop["timestamp"], stop["reason"]) == (iso_utc(stopped.stopped_wall_s), "Local")
    station.check()


def test_tc_039_a_whole_transaction_offline_is_told_in_order_with_its_own_times(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    cached_and_offline(station)
    since = station.mark()
    charge_offline(station)
    station.advance(30.0)
    station.end(transactions=2)
    station.unplug()
    station.advance(1000.0)
    station.reconnect()
    told = [one.action for one in station.backend.heard[since:] if one.action.endswith("Transaction")]
    assert told == ["StartTransaction", "StopTransaction"]
    bill = station.bills()[-1]
    assert bill.stopped is not None
    assert station.sent("StartTransaction")[-1]["timestamp"] == iso_utc(bill.started.started_wall_s)
    stop = station.sent("StopTransaction")[-1]
    assert (stop["timestamp"], stop["reason"]) == (iso_utc(bill.stopped.stopped_wall_s), "Local")
    assert stop["transactionId"] == 2
    assert station.told(since=since) == [], "the same state as before the outage is not told again"
    station.check()


def test_two_connectors_offline_at_once_and_the_backend_gives_both_the_same_id(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    backend.answers("StartTransaction", {"transactionId": 77, **ACCEPTED})
    station = BackendStation(tmp_path, backend=backend, connectors=2, cards=("CARD-1", "CARD-2"))
    station.offline()
    for number, card in ((1, "CARD-1"), (2, "CARD-2")):
        station.plug_in(number)
        station.advance(1.0)
        station.swipe(card)
        station.until_current_flows(number)
    station.reconnect()
    assert [one["connectorId"] for one in station.sent("StartTransaction")] == [1, 2]
    assert station.status_answered("RemoteStopTransaction", transactionId=77) == "Accepted"
    station.until_ended(1)
    assert (station.flows(1), station.flows(2)) == (True, False), "of several the newest is meant"
    assert station.status_answered("RemoteStopTransaction", transactionId=77) == "Accepted"
    station.until_ended(2)
    station.until_told_all()
    assert [one["transactionId"] for one in station.sent("StopTransaction")] == [77, 77]
    station.check()


@pytest.mark.parametrize("backend_id", [0, -5, -1])
def test_a_backend_may_give_any_number_to_a_transaction(tmp_path: Path, backend_id: int) -> None:
    backend = ScriptedBackend()
    backend.answers("StartTransaction", {"transactionId": backend_id, **ACCEPTED})
    station = BackendStation(tmp_path, backend=backend)
    station.charge()
    assert station.status_answered("RemoteStopTransaction", transactionId=backend_id) == "Accepted"
    station.until_ended()
    station.until_told_all()
    assert station.only("StopTransaction")["transactionId"] == backend_id
    station.check()


def test_tc_041_no_transaction_begins_at_a_faulted_connector(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.plug_in()
    station.advance(1.0)
    station.fault("pilot_short")
    station.until_told(Status.FAULTED)
    station.swipe(RFID)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Rejected"
    station.advance(10.0)
    assert (station.sent("StartTransaction"), station.flows()) == ([], False)
    station.fault("pilot_short", on=False)
    station.until(lambda: station.told()[-1] != "Faulted", within_s=60.0)
    station.check()
