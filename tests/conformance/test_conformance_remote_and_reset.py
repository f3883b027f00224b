"""OCTT cases of OCPP 1.6: RemoteStart and RemoteStop, Reset, UnlockConnector."""

from pathlib import Path

import pytest

from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import OTHER_RFID, RFID, BackendStation
from tests.virtual.charging_station import Status

pytestmark = pytest.mark.virtual

REFUSED = {"idTagInfo": {"status": "Invalid"}}


@pytest.mark.parametrize("asks", ["true", "false"])
def test_tc_010_remote_start_with_the_cable_first(tmp_path: Path, asks: str) -> None:
    station = BackendStation(tmp_path, AuthorizeRemoteTxRequests=asks)
    station.plug_in()
    station.until_told(Status.PREPARING)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    station.until_current_flows()
    station.until_told(Status.CHARGING)
    assert station.only("StartTransaction")["idTag"] == RFID
    assert len(station.backend.calls("Authorize")) == (1 if asks == "true" else 0)
    station.check()


def test_a_remote_start_without_connector_finds_the_only_vehicle(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, connectors=2)
    station.plug_in(2)
    station.until_told(Status.PREPARING, 2)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID) == "Accepted"
    station.until_current_flows(2)
    station.until_told_all()
    assert station.only("StartTransaction")["connectorId"] == 2
    station.check()


def test_tc_011_1_remote_start_first(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    station.until_told(Status.PREPARING)
    station.plug_in()
    station.until_current_flows()
    station.until_told(Status.CHARGING)
    assert station.only("StartTransaction")["idTag"] == RFID
    station.check()


def test_tc_011_2_remote_start_and_nobody_plugs_in(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, ConnectionTimeOut="20")
    since = station.mark()
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    station.advance(30.0)
    assert station.told(since=since) == ["Preparing", "Available"]
    assert station.sent("StartTransaction") == []
    station.check()


def test_tc_012_remote_stop(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    assert station.status_answered("RemoteStopTransaction", transactionId=1) == "Accepted"
    station.until_ended()
    station.until_told(Status.FINISHING)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    stop = station.only("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (1, "Remote")
    station.check()


def test_tc_026_a_remote_start_while_a_transaction_runs_is_rejected(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    assert station.status_answered("RemoteStartTransaction", idTag=OTHER_RFID, connectorId=1) == "Rejected"
    station.advance(5.0)
    assert station.flows()
    assert len(station.sent("StartTransaction")) == 1
    station.check()


@pytest.mark.parametrize("connector", [0, 7])
def test_tc_027_a_remote_start_for_connector_0_is_rejected(tmp_path: Path, connector: int) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=connector) == "Rejected"
    station.plug_in()
    station.advance(10.0)
    assert station.sent("StartTransaction") == []
    station.check()


def test_tc_028_a_remote_stop_of_an_unknown_transaction_is_rejected(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    assert station.status_answered("RemoteStopTransaction", transactionId=4711) == "Rejected"
    station.advance(5.0)
    assert station.flows()
    station.check()


@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired"])
def test_tc_023_4_a_card_that_the_backend_refuses_starts_nothing(tmp_path: Path, status: str) -> None:
    backend = ScriptedBackend()
    backend.answers("Authorize", {"idTagInfo": {"status": status}})
    station = BackendStation(tmp_path, backend=backend)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.advance(10.0)
    assert (station.sent("StartTransaction"), station.flows()) == ([], False)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.check()


@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired"])
def test_tc_023_5_a_remote_start_that_the_backend_then_refuses_starts_nothing(tmp_path: Path, status: str) -> None:
    backend = ScriptedBackend()
    backend.answers("Authorize", {"idTagInfo": {"status": status}})
    station = BackendStation(tmp_path, backend=backend, AuthorizeRemoteTxRequests="true")
    station.plug_in()
    station.advance(1.0)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    station.advance(10.0)
    assert (station.sent("StartTransaction"), station.flows()) == ([], False)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.check()


# Reset


@pytest.mark.parametrize(("case", "kind"), [("tc_013", "Hard"), ("tc_014", "Soft")])
def test_tc_013_014_a_reset_without_transaction_keeps_what_is_out_of_service(
    tmp_path: Path, case: str, kind: str
) -> None:
    station = BackendStation(tmp_path, connectors=2)
    assert station.status_answered("ChangeAvailability", connectorId=2, type="Inoperative") == "Accepted"
    station.until_told(Status.UNAVAILABLE, 2)
    since = station.mark()
    assert station.status_answered("Reset", type=kind) == "Accepted"
    station.until_rebooted()
    assert len(station.backend.calls("BootNotification")) == 2
    station.until(lambda: all(station.told(number, since) for number in range(3)), within_s=15.0)
    assert [station.told(number, since)[-1] for number in range(3)] == ["Available", "Available", "Unavailable"]
    assert station.sent("StartTransaction") == []
    station.check()


@pytest.mark.parametrize(("case", "kind", "reason"), [("tc_015", "Hard", "HardReset"), ("tc_016", "Soft", "SoftReset")])
def test_tc_015_016_a_reset_ends_the_transaction_with_its_reason(
    tmp_path: Path, case: str, kind: str, reason: str
) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    since = station.mark()
    assert station.status_answered("Reset", type=kind) == "Accepted"
    station.until_rebooted()
    actions = [one.action for one in station.backend.heard[since:]]
    assert station.only("StopTransaction")["reason"] == reason
    if kind == "Soft":
        assert actions.index("StopTransaction") < actions.index("BootNotification")
    station.advance(20.0)
    assert not station.flows()
    station.check()


# UnlockConnector


def test_tc_017_1_an_idle_connector_is_unlocked(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("UnlockConnector", connectorId=1) == "Unlocked"
    station.check()


def test_tc_017_2_a_fixed_cable_cannot_be_unlocked(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, fields='cable = "fixed"')
    assert station.status_answered("UnlockConnector", connectorId=1) == "NotSupported"
    station.check()


def test_tc_018_1_unlocking_ends_the_transaction(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    assert station.status_answered("UnlockConnector", connectorId=1) == "Unlocked"
    station.until_ended()
    station.until_told(Status.FINISHING)
    station.unplug(force=False)
    station.until_told(Status.AVAILABLE)
    assert station.only("StopTransaction")["reason"] == "UnlockCommand"
    station.check()


def test_tc_018_2_a_fixed_cable_cannot_be_unlocked_and_the_transaction_continues(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, fields='cable = "fixed"')
    station.charge()
    assert station.status_answered("UnlockConnector", connectorId=1) == "NotSupported"
    station.advance(10.0)
    assert (station.flows(), station.sent("StopTransaction")) == (True, [])
    station.check()


def test_tc_030_a_lock_that_does_not_open_is_told(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    station.fault("lock")
    assert station.status_answered("UnlockConnector", connectorId=1) == "UnlockFailed"
    station.advance(10.0)
    payloads = station.sent("StatusNotification")
    assert "ConnectorLockFailure" in [payload["errorCode"] for payload in payloads]
    assert station.only("StopTransaction")["reason"] == "UnlockCommand"
    station.check()


def test_tc_031_unlocking_a_connector_that_is_not_there_is_not_supported(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("UnlockConnector", connectorId=7) == "NotSupported"
    station.check()
