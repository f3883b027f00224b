"""Errors, their ends and informative messages on their way to the backend, in the whole station."""

from pathlib import Path
from typing import Any

import pytest

from bus.topics import NOTICES
from schemas.base import Answer
from schemas.notices import notice, temperature
from schemas.session import ConnectorStatus as Status
from tests.conformance.backend_station import BackendStation

pytestmark = pytest.mark.virtual

FROZEN = "Meter does not answer"


def told(station: BackendStation, connector: int = 1, since: int = 0) -> list[tuple[str, str, str]]:
    """Status, error code and info of each StatusNotification."""
    payloads = [one.payload for one in station.backend.heard[since:] if one.action == "StatusNotification"]
    mine = [payload for payload in payloads if payload["connectorId"] == connector]
    return [(payload["status"], payload["errorCode"], payload.get("info", "")) for payload in mine]


def payload_of(station: BackendStation, info: str) -> dict[str, Any]:
    """The only StatusNotification with these words."""
    (payload,) = [payload for payload in station.sent("StatusNotification") if payload.get("info") == info]
    return payload


def until_info(station: BackendStation, info: str, within_s: float = 30.0) -> None:
    station.until(lambda: any(each.get("info") == info for each in station.sent("StatusNotification")), within_s)


# ErrorStatusNotifications


def test_an_error_that_lets_charging_go_on_is_told_and_so_is_its_end(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    mark = station.mark()
    station.site.meter("connector.1", timeout=True)
    until_info(station, FROZEN, within_s=60.0)
    error = payload_of(station, FROZEN)
    assert (error["status"], error["errorCode"], error["vendorErrorCode"]) == (
        "Charging", "PowerMeterFailure", "03-01-001",
    )  # fmt: skip
    assert error["vendorId"]
    station.site.meter("connector.1", timeout=False)
    until_info(station, f"{FROZEN} resolved", within_s=60.0)
    end = payload_of(station, f"{FROZEN} resolved")
    assert (end["status"], end["errorCode"], end["vendorErrorCode"]) == ("Charging", "NoError", "03-01-001")
    station.advance(60.0)
    assert told(station, 1, mark) == [
        ("Charging", "PowerMeterFailure", FROZEN),
        ("Charging", "NoError", f"{FROZEN} resolved"),
    ]
    station.end()
    station.check()


def test_with_the_switch_off_only_the_status_faulted_tells_of_an_error(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, ErrorStatusNotifications="false")
    station.charge()
    mark = station.mark()
    station.site.meter("connector.1", timeout=True)
    station.advance(60.0)
    station.site.meter("connector.1", timeout=False)
    station.advance(60.0)
    assert told(station, 1, mark) == []
    station.fault("diode")
    station.until_told(Status.FAULTED)
    assert told(station, 1, mark)[-1] == (
        "Faulted", "EVCommunicationError", "Vehicle diode check failed - tamper detection",
    )  # fmt: skip
    station.fault("diode", on=False)
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.advance(60.0)
    assert not [info for _, _, info in told(station, 1, mark) if "resolved" in info]
    station.check()


def test_an_error_that_the_status_faulted_told_is_not_told_twice_and_its_end_once(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    mark = station.mark()
    station.fault("diode")
    station.until_told(Status.FAULTED)
    station.advance(30.0)
    station.fault("diode", on=False)
    station.unplug()
    until_info(station, "Vehicle diode check failed resolved")
    station.advance(30.0)
    words = [info for _, _, info in told(station, 1, mark) if info]
    assert words == [
        "Vehicle diode check failed - tamper detection",
        "Vehicle diode check failed resolved",
    ]
    assert told(station, 1, mark)[-1][:2] == ("Available", "NoError")
    station.check()


def test_errors_of_a_time_without_connection_are_told_after_it(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.offline()
    for _ in range(3):
        station.site.meter("connector.1", timeout=True)
        station.advance(20.0)
        station.site.meter("connector.1", timeout=False)
        station.advance(20.0)
    mark = station.mark()
    station.reconnect()
    until_info(station, f"{FROZEN} resolved")
    station.advance(60.0)
    assert [info for _, _, info in told(station, 1, mark)] == [FROZEN, f"{FROZEN} resolved"], "one pair, not three"
    station.check()


def test_after_a_boot_notification_active_errors_are_told_again(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.site.meter("connector.1", timeout=True)
    until_info(station, FROZEN, within_s=60.0)
    mark = station.mark()
    station.call("TriggerMessage", requestedMessage="BootNotification")
    station.until(lambda: bool([info for _, _, info in told(station, 1, mark) if info == FROZEN]), 30.0)
    assert told(station, 1, mark)[0] == ("Available", "NoError", ""), "the plain statuses come first"
    station.check()


def test_an_error_of_the_station_is_told_as_connector_0(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.kill("hmi")
    until_info(station, "A service does not run: hmi", within_s=30.0)
    assert payload_of(station, "A service does not run: hmi")["connectorId"] == 0
    station.start("hmi")
    until_info(station, "A service does not run: hmi resolved", within_s=30.0)
    station.check()


# InfoStatusNotifications


def test_energy_that_begins_and_ends_to_flow_is_told_when_asked_for(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, InfoStatusNotifications="true")
    station.charge()
    until_info(station, "Energy is flowing to vehicle")
    said = payload_of(station, "Energy is flowing to vehicle")
    assert (said["status"], said["errorCode"], said["vendorErrorCode"]) == ("Charging", "NoError", "04-02-101")
    station.advance(20.0)
    station.site.advance(station.clock.boot_s)
    station.site.ev_pause(1)
    until_info(station, "No energy flowing to vehicle")
    assert payload_of(station, "No energy flowing to vehicle")["status"] == "SuspendedEV"
    station.check()


def test_by_default_nothing_informative_is_told(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.charge()
    station.advance(60.0)
    assert not [info for _, _, info in told(station) if "nergy" in info]
    assert station.set_key("InfoStatusNotifications", "true") is Answer.ACCEPTED, "at once, without a reboot"
    station.end()
    until_info(station, "No energy flowing to vehicle")
    station.check()


def test_a_notice_of_safety_reaches_the_backend_once_per_ten_seconds(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, InfoStatusNotifications="true")
    bus = station.processes["safety"].endpoint
    for tenth in range(100):
        body = notice("temperatures", 0, cpu=temperature(40.0 + tenth / 10), rfid=temperature(None))
        bus.publish(NOTICES["safety"], body, key="0")
        station.advance(0.1)
    station.advance(20.0)
    words = [info for _, _, info in told(station, 0) if info]
    assert words == ["Temperatures: CPU: +40.0 C RFID: ?", "Temperatures: CPU: +49.9 C RFID: ?"]
    station.check()


def test_news_of_a_time_without_connection_are_not_told_after_it(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, InfoStatusNotifications="true")
    station.offline()
    station.processes["safety"].endpoint.publish(NOTICES["safety"], notice("ventilation", 0, state="on"), key="0")
    station.advance(310.0)
    station.reconnect()
    station.advance(30.0)
    assert not [info for _, _, info in told(station, 0) if info]
    station.check()


# how a start and short statuses are told


def ready(tmp_path: Path) -> BackendStation:
    """The contactor's rest after the start of its process is over."""
    station = BackendStation(tmp_path)
    station.advance(30.0)
    return station


def test_a_start_is_told_as_preparing_and_charging_and_nothing_between(tmp_path: Path) -> None:
    station = ready(tmp_path)
    mark = station.mark()
    station.charge()
    station.advance(10.0)
    assert [status for status, _, _ in told(station, 1, mark)] == ["Preparing", "Charging"]
    station.check()


def test_a_vehicle_that_does_not_ask_for_power_is_told_as_suspended_after_two_seconds(tmp_path: Path) -> None:
    station = ready(tmp_path)
    mark = station.mark()
    station.plug_in(ready_after_s=60.0)
    station.advance(1.0)
    station.swipe("RFID-1")
    station.until_told(Status.SUSPENDED_EV, within_s=15.0)
    assert [status for status, _, _ in told(station, 1, mark)] == ["Preparing", "SuspendedEV"]
    station.check()


def test_a_status_that_is_over_before_its_minimum_duration_is_not_told(tmp_path: Path) -> None:
    station = BackendStation(tmp_path)
    station.set_up(MinimumStatusDuration="20")
    mark = station.mark()
    station.plug_in()
    station.advance(10.0)
    station.unplug()
    station.advance(60.0)
    assert told(station, 1, mark) == []
    station.plug_in()
    station.until_told(Status.PREPARING, within_s=30.0)
    assert station.fault_codes() == []
    station.fault("diode")
    station.swipe("RFID-1")
    station.until_told(Status.FAULTED, within_s=15.0)
    station.fault("diode", on=False)
    station.unplug()
    station.advance(3.0)
    begun = station.mark()
    station.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
    station.until(lambda: bool(told(station, 1, begun)), 5.0)
    assert told(station, 1, begun)[0][0] == "Available", "who asks hears the truth at once"
    station.check()
