"""Keys of subject `ocpp`, changed by the backend: what the station does differently."""

from pathlib import Path
from typing import Any

import pytest

from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import RFID, BackendStation
from tests.virtual.charging_station import Status

pytestmark = pytest.mark.virtual

STRANGER = "STRANGER-7"
INVALID = {"transactionId": 9, "idTagInfo": {"status": "Invalid"}}


def value_of(station: BackendStation, key: str) -> Any:
    reply = station.call("GetConfiguration", key=[key])
    assert reply.payload is not None
    (entry,) = reply.payload["configurationKey"]
    return entry["value"]


def charged_once(station: BackendStation) -> None:
    """The station has seen what the backend says about the card."""
    station.charge()
    station.end()
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.until_told_all()


def charges(station: BackendStation, card: str, within_s: float = 20.0) -> bool:
    """Whether this card, on a vehicle that is plugged in now, brings energy."""
    station.plug_in()
    station.advance(1.0)
    station.swipe(card)
    station.advance(within_s)
    return station.flows()


@pytest.mark.parametrize(("word", "charged"), [("true", True), ("On", True), ("false", False), ("Off", False)])
def test_allow_offline_tx_for_unknown_id_lets_a_stranger_charge_during_an_outage(
    tmp_path: Path, word: str, charged: bool
) -> None:
    station = BackendStation(tmp_path)
    station.set_up(AllowOfflineTxForUnknownId=word)
    station.offline()
    assert charges(station, STRANGER) is charged
    station.reconnect()
    station.check()


def test_immediately_when_plugged_begins_without_a_card_once_the_outage_lasts(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(AllowOfflineTxForUnknownId="ImmediatelyWhenPlugged")
    station.plug_in()
    station.advance(40.0)
    assert not station.flows(), "with a connection a card is needed"
    station.offline()
    station.advance(20.0)
    assert not station.flows(), "a reconnection opens no station to everybody"
    station.until_current_flows()
    station.advance(30.0)
    station.swipe(STRANGER)
    station.advance(5.0)
    assert station.flows(), "a card that nobody needs changes nothing"
    station.reconnect()
    station.until_told_all()
    assert station.only("StartTransaction")["idTag"] == "FREE"
    assert station.flows()
    station.unplug()
    station.until_ended(1)
    assert station.only("StopTransaction")["reason"] == "EVDisconnected"
    station.plug_in()
    station.advance(40.0)
    assert not station.flows(), "the connection is back"
    station.check()


def test_immediately_when_plugged_takes_a_card_that_is_shown_first(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(AllowOfflineTxForUnknownId="ImmediatelyWhenPlugged")
    station.offline()
    station.advance(40.0)
    station.swipe(STRANGER)
    station.advance(1.0)
    station.plug_in()
    station.until_current_flows()
    station.reconnect()
    station.until_told_all()
    assert station.only("StartTransaction")["idTag"] == STRANGER
    station.check()


def test_immediately_when_plugged_means_nothing_without_a_backend(tmp_path: Path) -> None:
    station = BackendStation(
        tmp_path, online=False, ConnectionType="No Backend", AllowOfflineTxForUnknownId="ImmediatelyWhenPlugged"
    )
    station.advance(60.0)
    station.plug_in()
    station.advance(60.0)
    assert not station.flows()


def test_immediately_when_plugged_goes_on_after_a_restart_of_session_in_the_outage(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(AllowOfflineTxForUnknownId="ImmediatelyWhenPlugged")
    station.offline()
    station.advance(40.0)
    station.plug_in()
    station.until_current_flows()
    station.kill("session")
    station.advance(2.0)
    station.start("session")
    station.advance(20.0)
    assert station.flows()
    station.reconnect()
    station.until_told_all()
    assert len(station.sent("StartTransaction")) == 1
    station.check()


def test_authorization_cache_enabled_off_forgets_what_the_backend_said(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(LocalPreAuthorize="true", AuthorizationCacheEnabled="false")
    charged_once(station)
    before = len(station.backend.calls("Authorize"))
    assert charges(station, RFID)
    assert len(station.backend.calls("Authorize")) == before + 1
    assert station.status_answered("ClearCache") == "Rejected"
    station.check()


@pytest.mark.parametrize("word", ["true", "false"])
def test_local_pre_authorize_decides_whether_the_backend_is_asked_about_a_known_card(tmp_path: Path, word: str) -> None:
    station = BackendStation(tmp_path)
    station.set_up(LocalPreAuthorize=word)
    charged_once(station)
    before = len(station.backend.calls("Authorize"))
    assert charges(station, RFID)
    assert len(station.backend.calls("Authorize")) - before == (0 if word == "true" else 1)
    station.check()


@pytest.mark.parametrize("word", ["true", "false"])
def test_local_authorize_offline_decides_whether_a_known_card_charges_during_an_outage(
    tmp_path: Path, word: str
) -> None:
    station = BackendStation(tmp_path)
    station.set_up(LocalAuthorizeOffline=word)
    charged_once(station)
    station.offline()
    assert charges(station, RFID) is (word == "true")
    station.reconnect()
    station.check()


@pytest.mark.parametrize("word", ["true", "false"])
def test_stop_transaction_on_invalid_id_ends_what_the_backend_refuses_or_only_its_energy(
    tmp_path: Path, word: str
) -> None:
    backend = ScriptedBackend()
    backend.answers("StartTransaction", INVALID)
    station = BackendStation(tmp_path, backend=backend)
    station.set_up(StopTransactionOnInvalidId=word)
    assert not charges(station, RFID, within_s=30.0)
    ended = [payload["reason"] for payload in station.sent("StopTransaction")]
    assert ended == (["DeAuthorized"] if word == "true" else [])
    station.check()


@pytest.mark.parametrize(
    ("measurands", "found"),
    [("Voltage.L1,Current.Import.L2", {"Voltage", "Current.Import"}), ("", set())],
)
def test_stop_txn_sampled_data_says_what_stop_transaction_carries(
    tmp_path: Path, measurands: str, found: set[str]
) -> None:
    station = BackendStation(tmp_path)
    station.set_up(MeterValueSampleInterval="10", StopTxnSampledData=measurands)
    station.charge()
    station.advance(25.0)
    station.end()
    data = station.only("StopTransaction").get("transactionData", [])
    assert {one["measurand"] for sample in data for one in sample["sampledValue"]} == found
    station.check()


def test_the_id_tag_of_free_charging_is_in_force_after_the_next_start(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, FreeCharging="true")
    assert station.status_answered("ChangeConfiguration", key="RfidTagFreeCharging", value="house") == "RebootRequired"
    assert station.status_answered("Reset", type="Soft") == "Accepted"
    station.until_rebooted()
    station.plug_in()
    station.until_current_flows()
    station.until_told_all()
    assert station.only("StartTransaction")["idTag"] == "house"
    station.check()


def test_a_key_that_is_a_boolean_in_ocpp_takes_and_tells_its_words(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    for words, told in (
        ("true", "true"),
        ("FALSE", "false"),
        ("On", "true"),
        ("0", "false"),
        ("1", "true"),
        ("(2) ImmediatelyWhenPlugged", "ImmediatelyWhenPlugged"),
        ("(0)", "false"),
    ):
        station.set_up(AllowOfflineTxForUnknownId=words)
        assert value_of(station, "AllowOfflineTxForUnknownId") == told
    answer = station.status_answered("ChangeConfiguration", key="AllowOfflineTxForUnknownId", value="maybe")
    assert answer == "Rejected"
    assert value_of(station, "AllowOfflineTxForUnknownId") == "false"
    station.check()
