"""A backend that misbehaves in every way: the transaction that runs is untouched, and is billed afterwards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.topics import LINK_STATUS
from schemas.ocpp_link import LinkState
from tests.conformance.backend_station import RFID, BackendStation
from tests.parts import sample
from tests.virtual.charging_station import Status

pytestmark = pytest.mark.virtual


class ChargeWatch:
    """What the car notices, and the state of the transaction."""

    def __init__(self, station: BackendStation) -> None:
        self._station = station
        station.watch_current()
        self._before = self._seen()

    def _seen(self) -> tuple[object, ...]:
        connector, session = self._station.connector(), self._station.session(1)
        return (connector.contactor.closings, session.transaction_id, session.status, session.limit_a, session.id_tag)

    def check(self) -> None:
        assert self._seen() == self._before
        assert self._station.least_a is not None
        assert self._station.least_a > 6.0, "the current has been interrupted"
        assert set(self._station.fault_codes()) <= {"backend_refuses"}


def charging(tmp_path: Path, **options: Any) -> tuple[BackendStation, ChargeWatch]:
    """With the current that it keeps from now on."""
    station = BackendStation(tmp_path, cards=(RFID,), **options)
    station.charge()
    station.advance(5.0)
    return station, ChargeWatch(station)


def end_and_check(station: BackendStation, *, violations: bool = True) -> None:
    """The card ends it; with a good backend everything is told, once."""
    station.least_a = None
    station.backend.silent = False
    station.backend.reachable, station.backend.refusal = True, None
    station.uplink.up = False
    station.backend.revision += 1
    station.advance(1.0)
    station.uplink.up = True
    station.backend.revision += 1
    station.until(lambda: station.backend.connected, within_s=20.0)
    station.end()
    station.until_told_all(within_s=300.0)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    if not violations:
        station.backend.violations.clear()
    station.check()
    assert station.only("StopTransaction")["reason"] == "Local"


def test_a_backend_that_never_answers_is_left_and_the_charge_goes_on(tmp_path: Path) -> None:
    station, watch = charging(tmp_path, BackendConnectionTimeout="10")
    before = station.backend.connections
    station.backend.silent = True
    station.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
    station.advance(80.0)
    assert station.backend.connections > before
    watch.check()
    end_and_check(station)


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction"])
def test_billing_survives_a_backend_that_never_answers_it(tmp_path: Path, action: str) -> None:
    """`TransactionMessageAttempts` 0: for ever."""
    station = BackendStation(tmp_path, cards=(RFID,), BackendConnectionTimeout="10", TransactionMessageAttempts="0")
    station.backend.ignores(action)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()
    station.advance(30.0)
    assert station.flows()
    station.end()
    station.advance(60.0)
    assert len({one.message_id for one in station.backend.calls(action)}) == 1
    station.backend.forget_script(action)
    station.until_told_all(within_s=7200.0)
    assert len(station.sent("StartTransaction")) == len(station.sent("StopTransaction")) == 1
    station.check()


@pytest.mark.long
def test_a_backend_that_answers_late_is_heard_no_more_and_the_charge_goes_on(tmp_path: Path) -> None:
    station, watch = charging(tmp_path, BackendConnectionTimeout="10")
    station.set_up(MeterValueSampleInterval="10")
    station.backend.answers("MeterValues", {}, times=3, delay_s=25.0)
    station.advance(100.0)
    watch.check()
    end_and_check(station)


def test_an_answer_just_in_time_counts(tmp_path: Path) -> None:
    station, watch = charging(tmp_path, BackendConnectionTimeout="10")
    station.set_up(MeterValueSampleInterval="30")
    station.backend.answers("MeterValues", {}, delay_s=9.0)
    before = station.backend.connections
    station.advance(100.0)
    assert station.backend.connections == before
    watch.check()
    end_and_check(station)


def test_a_backend_that_closes_at_once_leaves_the_charge_alone(tmp_path: Path) -> None:
    station, watch = charging(tmp_path, BackendConnectionTimeout="10")
    station.backend.hangs_up_on("BootNotification", times=1000)
    for action in ("Heartbeat", "StatusNotification", "MeterValues"):
        station.backend.hangs_up_on(action, times=1000)
    before = station.backend.connections
    for _ in range(3):
        if station.backend.connected:
            station.backend.hang_up()
        station.advance(60.0)
    assert 1 <= station.backend.connections - before <= 3
    watch.check()
    for action in ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues"):
        station.backend.forget_script(action)
    end_and_check(station)


GARBAGE: dict[str, str | bytes] = {
    "nothing": "",
    "no_json": "}{",
    "no_array": '{"a": 1}',
    "empty_array": "[]",
    "wrong_types": '[2, 7, ["Reset"], null]',
    "number": "1e400",
    "null_id": '[2, null, "Reset", {"type": "Hard"}]',
    "empty_id": '[2, "", "Reset", {"type": "Hard"}]',
    "long_id": json.dumps([2, "x" * 4000, "Reset", {"type": "Hard"}]),
    "short": '[2, "a"]',
    "unknown_type": '[9, "a", "Reset", {"type": "Hard"}]',
    "answer_to_nothing": '[3, "nobody-asked", {}]',
    "error_to_nothing": '[4, "nobody-asked", "InternalError", "", {}]',
    "deep": "[" * 50_000,
    "deep_payload": '[2, "deep", "DataTransfer", ' + '{"a":' * 200 + "1" + "}" * 200 + "]",
    "long": json.dumps([2, "long", "DataTransfer", {"vendorId": "v", "data": "x" * 2_000_000}]),
    "binary": b"\x00\xff\x80",
    "unknown_action": '[2, "g-1", "SelfDestruct", {}]',
    "wrong_payload": '[2, "g-2", "RemoteStopTransaction", {"transactionId": "1"}]',
    "missing_field": '[2, "g-3", "RemoteStopTransaction", {}]',
    "huge_number": '[2, "g-4", "RemoteStopTransaction", {"transactionId": 1e999}]',
    "not_a_number": '[2, "g-5", "RemoteStopTransaction", {"transactionId": NaN}]',
    "surrogate": '[2, "g-6", "RemoteStartTransaction", {"idTag": "\\ud800"}]',
    "another_profile": '[2, "g-7", "ClearChargingProfile", {}]',
}


@pytest.mark.parametrize("name", sample(GARBAGE, 3))
def test_garbage_leaves_the_charge_alone(tmp_path: Path, name: str) -> None:
    station, watch = charging(tmp_path)
    for _ in range(3):
        if not station.backend.connected:
            station.until(lambda: station.backend.connected, within_s=300.0)
        station.backend.send(GARBAGE[name])
        station.advance(2.0)
    watch.check()
    # CALLERRORs to frames that no script has counted.
    end_and_check(station, violations=False)


@pytest.mark.parametrize("name", sample(["no_json", "wrong_types", "deep", "answer_to_nothing"], 2))
def test_garbage_instead_of_an_answer_leaves_the_charge_alone(tmp_path: Path, name: str) -> None:
    station, watch = charging(tmp_path, BackendConnectionTimeout="10")
    text = GARBAGE[name]
    assert isinstance(text, str)
    station.backend.says("StatusNotification", text, times=2)
    station.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
    station.advance(40.0)
    watch.check()
    end_and_check(station, violations=False)


@pytest.mark.parametrize("answer", [
    '[3, "{id}", {}]', '[3, "{id}", {"transactionId": "x", "idTagInfo": {"status": "Accepted"}}]', '[3, "{id}", []]',
    '[3, "{id}", {"transactionId": 1, "idTagInfo": {"status": "Perhaps"}}]', '[4, "{id}", "NoSuchCode", 7, null]',
])  # fmt: skip
def test_an_answer_to_start_transaction_that_is_wrong_is_asked_for_again(tmp_path: Path, answer: str) -> None:
    station = BackendStation(tmp_path, cards=(RFID,), BackendConnectionTimeout="10")
    station.backend.says("StartTransaction", answer, times=1)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()
    station.until(lambda: len(station.backend.calls("StartTransaction")) == 2, within_s=60.0)
    assert len({one.text for one in station.backend.calls("StartTransaction")}) == 1
    station.advance(5.0)
    assert station.flows()
    assert station.session(1).backend_transaction_id == 1
    station.end()
    station.until_told_all(within_s=300.0)
    assert station.only("StopTransaction")["transactionId"] == 1


FLOODS: dict[str, Callable[[int], tuple[str, dict[str, object]]]] = {
    "get_configuration": lambda _n: ("GetConfiguration", {}),
    "remote_start": lambda n: ("RemoteStartTransaction", {"idTag": f"TAG-{n}", "connectorId": 1}),
    "remote_stop_of_nothing": lambda n: ("RemoteStopTransaction", {"transactionId": 100_000 + n}),
    "trigger": lambda _n: ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
    "data": lambda _n: ("DataTransfer", {"vendorId": "x", "data": "y" * 1000}),
    "change_configuration": lambda n: ("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": str(n + 10)}),
}


@pytest.mark.parametrize("name", sample(FLOODS, 3))
def test_a_thousand_calls_at_once_leave_the_charge_alone(tmp_path: Path, name: str) -> None:
    station, watch = charging(tmp_path)
    replies = []
    for number in range(1000):
        if station.backend.connected:
            replies.append(station.backend.call(*FLOODS[name](number)))
        if number % 100 == 99:
            station.advance(0.1)
    station.advance(60.0)
    watch.check()
    assert all(reply.done for reply in replies), "each is answered, with an error if need be, or its connection ended"
    assert len(replies) >= 100
    end_and_check(station)


@pytest.mark.parametrize("refusal", sample([("unauthorized", 401), ("not found", 404), ("moved", 302)], 3))
def test_a_backend_that_refuses_the_connection_leaves_the_charge_alone(
    tmp_path: Path, refusal: tuple[str, int]
) -> None:
    words, status = refusal
    station, watch = charging(tmp_path, BackendConnectionTimeout="10")
    station.backend.refusal = (words, status)
    station.backend.hang_up()
    station.advance(80.0)
    watch.check()
    said = station.last(LINK_STATUS)
    assert said.state in (LinkState.WAITING, LinkState.CONNECTING)
    assert said.failures >= 3
    end_and_check(station)


def test_a_backend_that_rejects_the_station_in_the_middle_leaves_the_charge_alone(tmp_path: Path) -> None:
    station, watch = charging(tmp_path)
    rejected = {"status": "Rejected", "currentTime": "2027-01-15T08:00:00.000Z", "interval": 60}
    station.backend.answers("BootNotification", rejected, times=3)
    station.call("TriggerMessage", requestedMessage="BootNotification")
    station.advance(100.0)
    watch.check()
    station.until(lambda: station.backend.registered, within_s=300.0)
    end_and_check(station)


@pytest.mark.parametrize("told", sample(["1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z", "yesterday"], 2))
def test_a_backend_that_tells_a_wrong_time_leaves_the_charge_alone(tmp_path: Path, told: str) -> None:
    station, watch = charging(tmp_path)
    station.backend.answers("Heartbeat", {"currentTime": told}, times=2)
    for _ in range(2):
        station.call("TriggerMessage", requestedMessage="Heartbeat")
        station.advance(5.0)
    watch.check()
    station.call("TriggerMessage", requestedMessage="Heartbeat")
    station.advance(5.0)
    end_and_check(station)
