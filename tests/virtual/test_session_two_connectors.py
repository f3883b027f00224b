"""Two connectors behind one backend: ids that are given twice, and who is meant by a command."""

from pathlib import Path

import pytest

from bus.topics import SESSION_CONNECTOR
from tests.conformance.backend_station import OTHER_RFID, RFID, BackendStation

pytestmark = pytest.mark.virtual


@pytest.fixture
def station(tmp_path: Path) -> BackendStation:
    return BackendStation(tmp_path, connectors=2)


def backend_id(station: BackendStation, connector: int) -> int | None:
    said = station.last(SESSION_CONNECTOR, str(connector))
    number: int | None = said.backend_transaction_id
    return number


def test_of_two_transactions_with_the_same_id_the_newest_is_stopped_first(station: BackendStation) -> None:
    station.backend.answers("StartTransaction", {"transactionId": 0, "idTagInfo": {"status": "Accepted"}})
    station.charge(1, RFID)
    station.charge(2, OTHER_RFID)
    assert [backend_id(station, number) for number in (1, 2)] == [0, 0]
    assert station.status_answered("RemoteStopTransaction", transactionId=0) == "Accepted"
    station.until_ended(1)
    assert [station.status(number) for number in (1, 2)] == ["Charging", "Finishing"]
    assert station.status_answered("RemoteStopTransaction", transactionId=0) == "Accepted"
    station.until_ended(2)
    assert station.status_answered("RemoteStopTransaction", transactionId=0) == "Rejected"


def test_a_remote_start_without_connector_takes_the_vehicle_that_waits(station: BackendStation) -> None:
    station.plug_in(2)
    station.advance(2.0)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID) == "Accepted"
    station.until_current_flows(2)
    assert station.status(1) == "Available"


def test_a_remote_start_without_connector_takes_the_first_that_is_free(station: BackendStation) -> None:
    station.charge(1, RFID)
    assert station.status_answered("RemoteStartTransaction", idTag=OTHER_RFID) == "Accepted"
    station.advance(1.0)
    assert [station.status(number) for number in (1, 2)] == ["Charging", "Preparing"]
    station.plug_in(2)
    station.until_current_flows(2)
    assert station.status_answered("RemoteStartTransaction", idTag=RFID) == "Rejected"
