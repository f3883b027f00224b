"""Settings as the backend changes and reads them: connector 2, faces, long values, roles, actions."""

import base64
from pathlib import Path
from typing import Any

import pytest

from schemas.base import Answer
from services.ocpp_link.connection import Target
from services.settings.table import KEYS
from tests.conformance.backend_station import BackendStation

pytestmark = pytest.mark.virtual

DER = b"\x30\x82" + (900).to_bytes(2, "big") + b"\x30" + bytes(899)
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(DER).decode()}-----END CERTIFICATE-----"


def keys(station: BackendStation, *names: str) -> dict[str, Any]:
    reply = station.call("GetConfiguration", **({"key": list(names)} if names else {}))
    assert reply.payload is not None, reply.error_description
    return {one["key"]: one for one in reply.payload["configurationKey"]}


def dialled(station: BackendStation) -> list[Target]:
    """Whom the station has dialled, in order."""
    return list(station.backend.targets)


def change(station: BackendStation, key: str, value: str) -> str:
    return station.status_answered("ChangeConfiguration", key=key, value=value)


def test_connector_two_is_set_and_read_by_its_name(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, connectors=2)
    assert change(station, "ConnectorPhaseRotationIT[2]", "ST") in ("Accepted", "RebootRequired")
    assert change(station, "ConnectorPhaseRotationIT[3]", "ST") == "Rejected"
    assert change(station, "FreeCharging[2]", "true") == "Rejected"
    reply = station.call("GetConfiguration", key=["ConnectorPhaseRotationIT[2]", "ConnectorPhaseRotationIT[3]"])
    assert reply.payload is not None
    assert [one["key"] for one in reply.payload["configurationKey"]] == ["ConnectorPhaseRotationIT[2]"]
    assert reply.payload["unknownKey"] == ["ConnectorPhaseRotationIT[3]"]


def test_the_authorization_key_is_taken_and_never_told(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert change(station, "AuthorizationKey", "a-very-long-password-1") == "Accepted"
    told = keys(station)
    assert "AuthorizationKey" not in told
    assert "value" not in keys(station, "AuthorizationKey")["AuthorizationKey"]
    assert "a-very-long-password-1" not in str(told)


def test_the_station_connects_again_with_a_new_authorization_key(tmp_path: Path) -> None:
    """Security whitepaper, A01; TC_073. The guide's own name for it waits for a reboot."""
    station = BackendStation(tmp_path, SecurityProfile="1", HTTPBasicAuthPassword="the-old-password")
    station.charge()
    before = dialled(station)
    assert before[-1].password == "the-old-password"
    assert change(station, "HTTPBasicAuthPassword", "for-later") == "RebootRequired"
    station.advance(5.0)
    assert dialled(station) == before
    assert change(station, "AuthorizationKey", b"a-new-password-1".hex()) == "Accepted"
    station.until(lambda: len(dialled(station)) > len(before) and station.backend.connected, within_s=10.0)
    assert dialled(station)[-1].password == "a-new-password-1"
    assert station.flows()
    station.end()
    station.check()


def test_a_raised_security_profile_begins_a_connection_of_its_own(tmp_path: Path) -> None:
    """Security whitepaper, A05: accepted on the old connection, then never a lower one."""
    station = BackendStation(tmp_path, HTTPBasicAuthPassword="the-password")
    before = dialled(station)
    assert change(station, "SecurityProfile", "1") == "Accepted"
    station.until(lambda: len(dialled(station)) > len(before) and station.backend.connected, within_s=10.0)
    assert dialled(station)[-1].profile == 1
    assert change(station, "SecurityProfile", "0") == "Rejected"
    assert change(station, "SecurityProfile", "3") == "Rejected"
    assert len(dialled(station)) == len(before) + 1
    station.check()


def test_the_answer_to_a_message_is_not_cut_off_by_a_new_key(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, HTTPBasicAuthPassword="the-old-password")
    station.backend.answers("Authorize", {"idTagInfo": {"status": "Accepted"}}, times=1, delay_s=5.0)
    station.plug_in()
    station.advance(1.0)
    station.swipe("RFID-1")
    station.advance(0.5)
    before = len(dialled(station))
    assert change(station, "AuthorizationKey", "a-new-password-1") == "Accepted"
    station.advance(2.0)
    assert len(dialled(station)) == before, "Authorize is not answered yet"
    station.until_current_flows()
    assert len(station.backend.calls("Authorize")) == 1
    assert len(dialled(station)) == before + 1
    station.check()


def test_message_timeout_is_another_name_of_the_guides_timeout(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, BackendConnectionTimeout="40")
    assert keys(station, "MessageTimeout")["MessageTimeout"]["value"] == "40"
    assert change(station, "MessageTimeout", "2") == "Rejected"
    assert change(station, "MessageTimeout", "30") == "RebootRequired"
    assert station.status_answered("Reset", type="Soft") == "Accepted"
    station.until_rebooted()
    for name in ("MessageTimeout", "BackendConnectionTimeout"):
        assert keys(station, name)[name]["value"] == "30"
    station.check()


def test_what_is_safety_relevant_the_backend_only_reads(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    for name in (key.name for key in KEYS.values() if key.confirm):
        assert keys(station, name)[name]["readonly"] is True
        assert change(station, name, "1") == "Rejected"


def test_what_belongs_to_the_installer_is_read_only_for_the_backend(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert keys(station, "HardwareCurrentLimit")["HardwareCurrentLimit"]["readonly"] is True
    assert change(station, "HardwareCurrentLimit", "16") == "Rejected"
    assert keys(station, "OCPPMode")["OCPPMode"]["readonly"] is True
    assert change(station, "OCPPMode", "OCPP-J 1.6") == "Rejected"


def test_a_long_value_goes_out_whole_only_where_that_is_allowed(tmp_path: Path) -> None:
    for name, allowed in (("a", "false"), ("b", "true")):
        station = BackendStation(tmp_path / name, AllowLongOcppGetConfKeys=allowed)
        assert station.set_key("OcppUserCaCertificate", PEM) is Answer.ACCEPTED
        told = keys(station, "OcppUserCaCertificate")["OcppUserCaCertificate"]
        assert told.get("value") == (PEM if allowed == "true" else None)


def test_booleans_are_numbers_for_a_backend_that_wants_them(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    assert keys(station, "LocalAuthorizeOffline")["LocalAuthorizeOffline"]["value"] in ("true", "false")
    assert change(station, "OcppGetConfBoolIsInt", "1") == "Accepted"
    assert keys(station, "LocalAuthorizeOffline")["LocalAuthorizeOffline"]["value"] in ("0", "1")
    assert change(station, "LocalAuthorizeOffline", "0") == "Accepted"
    assert keys(station, "LocalAuthorizeOffline")["LocalAuthorizeOffline"]["value"] == "0"
