"""Settings as the backend changes and reads them: connector 2, faces, long values, roles, actions."""

import base64
from pathlib import Path
from typing import Any

import pytest

from schemas.base import Answer
from tests.conformance.backend_station import BackendStation

pytestmark = pytest.mark.virtual

DER = b"\x30\x82" + (900).to_bytes(2, "big") + b"\x30" + bytes(899)
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(DER).decode()}-----END CERTIFICATE-----"


def keys(station: BackendStation, *names: str) -> dict[str, Any]:
    reply = station.call("GetConfiguration", **({"key": list(names)} if names else {}))
    assert reply.payload is not None, reply.error_description
    return {one["key"]: one for one in reply.payload["configurationKey"]}


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
    assert change(station, "AuthorizationKey", "a-very-long-password-1") in ("Accepted", "RebootRequired")
    told = keys(station)
    assert "AuthorizationKey" not in told
    assert "value" not in keys(station, "AuthorizationKey")["AuthorizationKey"]
    assert "a-very-long-password-1" not in str(told)


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
