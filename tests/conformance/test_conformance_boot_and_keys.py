"""OCTT cases of OCPP 1.6: registration, configuration, triggers, DataTransfer."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import BackendStation

pytestmark = pytest.mark.virtual

REQUIRED_KEYS = {
    "AuthorizeRemoteTxRequests": False,
    "ChargeProfileMaxStackLevel": True,
    "ChargingScheduleAllowedChargingRateUnit": True,
    "ChargingScheduleMaxPeriods": True,
    "ClockAlignedDataInterval": False,
    "ConnectionTimeOut": False,
    "ConnectorPhaseRotation": False,
    "GetConfigurationMaxKeys": True,
    "HeartbeatInterval": False,
    "LocalAuthListEnabled": False,
    "LocalAuthListMaxLength": True,
    "LocalAuthorizeOffline": False,
    "LocalPreAuthorize": False,
    "MaxChargingProfilesInstalled": True,
    "MeterValuesAlignedData": False,
    "MeterValuesSampledData": False,
    "MeterValueSampleInterval": False,
    "NumberOfConnectors": True,
    "ResetRetries": False,
    "SendLocalListMaxLength": True,
    "StopTransactionOnEVSideDisconnect": False,
    "StopTransactionOnInvalidId": False,
    "StopTxnAlignedData": False,
    "StopTxnSampledData": False,
    "SupportedFeatureProfiles": True,
    "TransactionMessageAttempts": False,
    "TransactionMessageRetryInterval": False,
    "UnlockConnectorOnEVSideDisconnect": False,
}
"""OCPP 1.6 sections 9.1, 9.2 and 9.4: name and readonly of each required key, of profiles not announced yet too."""


def registers(backend: ScriptedBackend, status: str, interval_s: int) -> None:
    """The first BootNotification gets this answer."""
    answer = lambda _payload: {"status": status, "currentTime": backend.time_words(), "interval": interval_s}  # noqa: E731
    backend.answers("BootNotification", answer, times=1)


def keys_of(station: BackendStation, *names: str) -> dict[str, Any]:
    reply = station.call("GetConfiguration", **({"key": list(names)} if names else {}))
    assert reply.payload is not None
    return {one["key"]: one for one in reply.payload["configurationKey"]}


def test_tc_001_a_rejected_station_registers_again_after_the_interval_and_tells_every_connector(tmp_path: Path) -> None:
    backend = ScriptedBackend(interval_s=100)
    registers(backend, "Rejected", 40)
    station = BackendStation(tmp_path, backend=backend, connectors=2)
    first, second = backend.calls("BootNotification")
    assert second.at_s - first.at_s == pytest.approx(40.0, abs=1.0)
    assert [station.told(number) for number in range(3)] == [["Available"]] * 3
    station.advance(350.0)
    beats = [one.at_s for one in backend.calls("Heartbeat")]
    assert [later - earlier for earlier, later in itertools.pairwise(beats)] == [pytest.approx(100.0, abs=1.0)] * (
        len(beats) - 1
    )
    assert len(beats) == 3
    station.check()


def test_tc_002_a_pending_station_can_be_configured_and_registers_again_after_the_interval(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    registers(backend, "Pending", 40)
    station = BackendStation(tmp_path, backend=backend, online=False)
    station.until(lambda: bool(backend.calls("BootNotification")), within_s=10.0)
    assert keys_of(station, "MeterValueSampleInterval")["MeterValueSampleInterval"]["value"] == "0"
    assert station.status_answered("ChangeConfiguration", key="MeterValueSampleInterval", value="60") == "Accepted"
    assert backend.actions() == ["BootNotification"]
    station.until_online()
    first, second = backend.calls("BootNotification")
    assert second.at_s - first.at_s == pytest.approx(40.0, abs=1.0)
    station.check()


def test_tc_019_get_configuration_names_the_required_keys_and_no_secret(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, HTTPBasicAuthPassword="hunter2-hunter2")
    profiles = keys_of(station, "SupportedFeatureProfiles")["SupportedFeatureProfiles"]
    assert profiles == {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core,RemoteTrigger"}
    found = keys_of(station)
    assert {name: found[name]["readonly"] for name in REQUIRED_KEYS if name in found} == REQUIRED_KEYS
    assert all(found[name].get("value") is not None for name in REQUIRED_KEYS)
    reply = station.call("GetConfiguration", key=["HeartbeatInterval", "Testing"])
    assert reply.payload is not None
    assert reply.payload["unknownKey"] == ["Testing"]
    assert [one["key"] for one in reply.payload["configurationKey"]] == ["HeartbeatInterval"]
    assert not any("hunter2" in json.dumps(one) for one in (found, station.backend.frames))
    assert all("value" not in one for one in keys_of(station, "HTTPBasicAuthPassword").values())
    station.check()


def test_tc_021_a_changed_key_is_read_back_and_in_force(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(MeterValueSampleInterval="15")
    assert keys_of(station, "MeterValueSampleInterval")["MeterValueSampleInterval"]["value"] == "15"
    station.charge()
    station.advance(40.0)
    times = [one.at_s for one in station.backend.calls("MeterValues")]
    assert times[1] - times[0] == pytest.approx(15.0, abs=1.0)
    station.check()


def test_tc_040_1_an_unknown_key_is_not_supported(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("ChangeConfiguration", key="Testing", value="1") == "NotSupported"
    station.check()


def test_tc_040_2_a_value_out_of_range_is_rejected_and_the_old_one_stays(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("ChangeConfiguration", key="MeterValueSampleInterval", value="-1") == "Rejected"
    assert keys_of(station, "MeterValueSampleInterval")["MeterValueSampleInterval"]["value"] == "0"
    station.check()


@pytest.mark.parametrize("wanted", ["MeterValues", "Heartbeat", "StatusNotification", "BootNotification"])
def test_tc_054_a_triggered_message_follows_the_answer(tmp_path: Path, wanted: str) -> None:
    station = BackendStation(tmp_path)
    since = len(station.backend.frames)
    connector = {"connectorId": 1} if wanted in ("MeterValues", "StatusNotification") else {}
    assert station.status_answered("TriggerMessage", requestedMessage=wanted, **connector) == "Accepted"
    station.advance(2.0)
    mine = [json.loads(text) for who, text in station.backend.frames[since:] if who == "station"]
    assert [frame[0] for frame in mine[:2]] == [3, 2]
    assert mine[1][2] == wanted
    # Registered anew, it tells every connector (section 4.2).
    assert len(mine) == (4 if wanted == "BootNotification" else 2)
    if wanted == "MeterValues":
        values = mine[1][3]["meterValue"][0]["sampledValue"]
        assert (mine[1][3]["connectorId"], {value["context"] for value in values}) == (1, {"Trigger"})
    if wanted == "StatusNotification":
        assert (mine[1][3]["connectorId"], mine[1][3]["status"]) == (1, "Available")
    station.check()


@pytest.mark.parametrize("wanted", ["DiagnosticsStatusNotification", "FirmwareStatusNotification"])
def test_tc_054_messages_of_profiles_that_are_not_claimed_are_not_implemented(tmp_path: Path, wanted: str) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("TriggerMessage", requestedMessage=wanted) == "NotImplemented"
    station.check()


@pytest.mark.parametrize("wanted", ["MeterValues", "StatusNotification"])
def test_tc_055_a_trigger_for_a_connector_that_is_not_there_is_rejected(tmp_path: Path, wanted: str) -> None:
    station = BackendStation(tmp_path)
    assert station.status_answered("TriggerMessage", requestedMessage=wanted, connectorId=7) == "Rejected"
    station.advance(5.0)
    assert station.backend.calls("MeterValues") == []
    station.check()


def test_tc_062_data_of_an_unknown_vendor_is_answered_so(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    answer = station.status_answered("DataTransfer", vendorId="nobody", messageId="nothing", data="x")
    assert answer == "UnknownVendorId"
    station.check()
