"""OCTT cases of OCPP 1.6: how a transaction begins at the station, what is measured, how it ends there."""

import itertools
import json
from pathlib import Path

import pytest

from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import OTHER_RFID, RFID, BackendStation
from tests.virtual.charging_station import Status

pytestmark = pytest.mark.virtual

GROUP = {"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}}


def in_order(needed: list[str], found: list[str]) -> bool:
    """Each of `needed` appears in `found`, one after the other."""
    rest = iter(found)
    return all(any(word == other for other in rest) for word in needed)


def test_tc_003_plug_in_first(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    since = station.mark()
    station.charge()
    actions = [one.action for one in station.backend.heard[since:]]
    assert in_order(["StatusNotification", "Authorize", "StartTransaction", "StatusNotification"], actions)
    told = station.told(since=since)
    assert (told[0], told[-1]) == ("Preparing", "Charging")
    assert station.only("Authorize") == {"idTag": RFID}
    assert (station.only("StartTransaction")["idTag"], station.only("StartTransaction")["connectorId"]) == (RFID, 1)
    station.check()


def test_tc_004_1_identification_first(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    since = station.mark()
    station.swipe(RFID)
    station.until_told(Status.PREPARING)
    station.advance(5.0)
    assert station.sent("StartTransaction") == []
    station.plug_in()
    station.until_current_flows()
    station.until_told_all()
    told = station.told(since=since)
    assert (told[0], told[-1]) == ("Preparing", "Charging")
    assert station.only("StartTransaction")["idTag"] == RFID
    station.check()


def test_tc_004_2_without_a_vehicle_the_connector_is_available_again_after_the_time_out(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, ConnectionTimeOut="20")
    since = station.mark()
    station.swipe(RFID)
    station.advance(30.0)
    assert station.told(since=since) == ["Preparing", "Available"]
    assert station.sent("StartTransaction") == []
    station.check()


def test_tc_068_the_same_id_tag_ends_the_transaction(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    station.advance(10.0)
    station.end()
    station.until_told(Status.FINISHING)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    stop = station.only("StopTransaction")
    assert (stop["reason"], stop["idTag"]) == ("Local", RFID)
    contexts = [value["context"] for each in stop["transactionData"] for value in each["sampledValue"]]
    assert contexts == ["Transaction.Begin", "Transaction.End"]
    assert len(station.backend.calls("Authorize")) == 1, "its own card is not asked about again"
    station.check()


def test_tc_069_an_id_tag_of_the_same_group_ends_the_transaction(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    backend.answers("Authorize", GROUP)
    backend.answers("StartTransaction", {"transactionId": 5, **GROUP})
    station = BackendStation(tmp_path, backend=backend)
    station.charge()
    station.end(OTHER_RFID)
    station.until_told(Status.FINISHING)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    stop = station.only("StopTransaction")
    assert (stop["transactionId"], stop["reason"], stop["idTag"]) == (5, "Local", OTHER_RFID)
    station.check()


def test_an_id_tag_of_another_group_does_not_end_the_transaction(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    backend.answers("Authorize", GROUP, times=1)
    backend.answers("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": "OTHERS"}})
    station = BackendStation(tmp_path, backend=backend)
    station.charge()
    station.swipe(OTHER_RFID)
    station.advance(10.0)
    assert station.flows()
    assert station.sent("StopTransaction") == []
    station.check()


def test_tc_005_1_unplugging_at_the_vehicle_ends_the_transaction_and_unlocks(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    station.unplug(cable_stays=True)
    station.until_ended()
    station.until(lambda: not _is_locked(station), within_s=5.0)
    station.until_told(Status.AVAILABLE)
    stop = station.only("StopTransaction")
    assert (stop["reason"], "idTag" in stop) == ("EVDisconnected", False)
    station.check()


def test_tc_005_2_with_unlocking_off_the_cable_waits_for_unlock_connector(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, UnlockConnectorOnEVSideDisconnect="false")
    station.charge()
    station.unplug(cable_stays=True)
    station.until_ended()
    station.until_told(Status.FINISHING)
    station.advance(5.0)
    assert _is_locked(station)
    assert station.status_answered("UnlockConnector", connectorId=1) == "Unlocked"
    station.until_told(Status.AVAILABLE)
    assert station.only("StopTransaction")["reason"] == "EVDisconnected"
    station.check()


def test_tc_005_3_with_stopping_off_the_transaction_stays_until_it_is_stopped_remotely(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, StopTransactionOnEVSideDisconnect="false")
    station.charge()
    station.unplug(cable_stays=True)
    station.until_told(Status.SUSPENDED_EV)
    station.advance(20.0)
    assert station.sent("StopTransaction") == []
    assert station.status_answered("RemoteStopTransaction", transactionId=1) == "Accepted"
    station.until_ended()
    station.until_told_all()
    assert station.only("StopTransaction")["reason"] == "Remote"
    station.check()


def _is_locked(station: BackendStation) -> bool:
    lock = station.connector().lock
    assert lock is not None
    return lock.locked


# the cache


def _cached(station: BackendStation) -> None:
    """The station learns the card, and the backend takes its time from now on."""
    station.charge()
    station.end()
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.until_told_all()
    station.advance(5.0)
    station.backend.answers("Authorize", {"idTagInfo": {"status": "Accepted"}}, delay_s=20.0)


def test_tc_007_1_a_cached_card_need_not_wait_for_the_backend(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(LocalPreAuthorize="true")
    _cached(station)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    assert station.until_current_flows(within_s=5.0) < 5.0
    station.until_told_all()
    assert len(station.sent("StartTransaction")) == 2
    station.check()


def test_tc_007_2_a_cached_card_started_remotely_need_not_wait_for_the_backend(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, AuthorizeRemoteTxRequests="true")
    station.set_up(LocalPreAuthorize="true")
    _cached(station)
    station.plug_in()
    station.advance(1.0)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    assert station.until_current_flows(within_s=5.0) < 5.0
    station.until_told_all()
    assert len(station.sent("StartTransaction")) == 2
    station.check()


@pytest.mark.parametrize("case", ["tc_061_1_local", "tc_061_2_remote"])
def test_tc_061_after_clear_cache_the_backend_is_asked_again(tmp_path: Path, case: str) -> None:
    station = BackendStation(tmp_path)
    station.set_up(LocalPreAuthorize="true")
    _cached(station)
    station.backend.forget_script("Authorize")
    assert station.status_answered("ClearCache") == "Accepted"
    before = len(station.backend.calls("Authorize"))
    station.plug_in()
    station.advance(1.0)
    if case == "tc_061_1_local":
        station.swipe(RFID)
    else:
        assert station.status_answered("RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    station.until_current_flows()
    station.until_told_all()
    assert len(station.backend.calls("Authorize")) == before + 1
    station.check()


# meter values


def test_tc_070_sampled_values_have_every_measurand_at_the_exact_interval(tmp_path: Path) -> None:
    wanted = ["Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage", "Current.Offered"]
    station = BackendStation(tmp_path)
    station.set_up(MeterValueSampleInterval="10", MeterValuesSampledData=",".join(wanted))
    station.charge()
    station.advance(61.0)
    messages = station.sent("MeterValues")
    assert len(messages) in (6, 7)
    stamps = [message["meterValue"][0]["timestamp"] for message in messages]
    seconds = [int(stamp[17:19]) + 60 * int(stamp[14:16]) for stamp in stamps]
    assert {later - earlier for earlier, later in itertools.pairwise(seconds)} == {10}
    for message in messages:
        assert message["transactionId"] == 1
        (value,) = message["meterValue"]
        sampled = value["sampledValue"]
        assert list(dict.fromkeys(one["measurand"] for one in sampled)) == wanted
        assert {one["context"] for one in sampled} == {"Sample.Periodic"}
        assert {one.get("format", "Raw") for one in sampled} == {"Raw"}
        assert "EV" not in {one.get("location") for one in sampled}
    station.check()


def test_tc_070_an_empty_list_means_the_register(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(MeterValueSampleInterval="10", MeterValuesSampledData="")
    station.charge()
    station.advance(25.0)
    messages = station.sent("MeterValues")
    assert messages
    words = json.dumps(messages)
    assert "Energy.Active.Import.Register" in words
    assert {len(message["meterValue"][0]["sampledValue"]) for message in messages} == {1}
    station.check()
