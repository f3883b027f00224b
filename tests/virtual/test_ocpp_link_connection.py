"""Dial, back off, hang up: what the link does when the backend or the network does not do its part."""

import dataclasses
from pathlib import Path

import pytest

from bus.topics import FAULTS, LINK_OUTCOME, SYSTEM_REBOOT
from schemas.base import Answer
from schemas.ocpp_link import LinkState, Outcome
from schemas.system import BootReason
from services.ocpp_link import watchdog
from tests.virtual.link_cell import LinkCell

pytestmark = pytest.mark.virtual
WITHOUT_URL = {"OCPPBackendJSONURL": ""}


def attempts(cell: LinkCell) -> int:
    return len(cell.backend.targets)


@pytest.mark.parametrize("values", [{"ConnectionType": "No Backend"}, WITHOUT_URL])
def test_without_a_backend_there_is_no_ocpp(tmp_path: Path, values: dict[str, str]) -> None:
    cell = LinkCell(tmp_path, **values)
    cell.offer("m-1")
    cell.advance(1000)
    assert (cell.state, attempts(cell)) == (LinkState.OFF, 0)


def test_nothing_is_dialled_before_the_settings_are_known(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.advance(60)
    assert (cell.state, attempts(cell)) == (LinkState.OFF, 0)
    cell.say_settings()
    assert attempts(cell) == 1, "five seconds without a password are enough"
    cell.online()


def test_the_first_attempt_waits_for_the_password(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.say_settings()
    assert attempts(cell) == 0
    cell.say_secrets("secret")
    cell.online()
    (target,) = cell.backend.targets
    assert (target.user, target.password) == ("CP 1", "secret")
    assert "secret" not in repr(target)
    assert "secret" not in str(cell.bodies(LINK_OUTCOME)) + str(cell.status)


def test_a_new_password_or_address_is_dialled_at_once(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.say_secrets("another")
    cell.online()
    cell.say_settings(OCPPBackendJSONURL="wss://other.test/")
    cell.online()
    assert [target.password for target in cell.backend.targets] == ["", "another", "another"]
    assert cell.status.url == "wss://other.test/CP%201"
    assert cell.backend.actions().count("BootNotification") == 2, "the other address does not know the station yet"
    cell.say_settings(ConnectionType="No Backend")
    assert cell.state is LinkState.OFF
    assert not cell.backend.connected


def test_an_address_that_cannot_be_dialled_is_a_fault_with_words(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, OCPPBackendJSONURL="http://backend.test/")
    assert cell.state is LinkState.OFF
    assert "ws://" in cell.status.last_error
    (fault,) = cell.last(FAULTS["ocpp_link"]).faults
    assert fault.code == "backend_address_invalid"
    cell.say_settings(OCPPBackendJSONURL="ws://backend.test/")
    cell.online()
    assert cell.last(FAULTS["ocpp_link"]).faults == ()


def test_pauses_double_and_an_attempt_that_works_ends_them(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.reachable = False
    cell.say_secrets()
    cell.say_settings()
    times = []
    for _ in range(5):
        times.append(round(cell.status.next_try_s - cell.clock.boot_s))
        cell.advance(cell.status.next_try_s - cell.clock.boot_s)
    assert times == [60, 120, 240, 480, 960]
    assert cell.status.failures == 6
    cell.backend.reachable = True
    cell.advance(1921)
    assert cell.state is LinkState.ONLINE
    cell.advance(31)
    assert cell.status.failures == 0


def test_jitter_spreads_stations_by_twenty_percent(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.reachable = False
    cell.chance = 1.0
    cell.say_secrets()
    cell.say_settings()
    assert cell.status.next_try_s - cell.clock.boot_s == pytest.approx(72.0)


def test_an_attempt_that_hangs_is_given_up(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.hanging = True
    cell.say_secrets()
    cell.say_settings()
    assert cell.state is LinkState.CONNECTING
    assert cell.connection.dialling
    cell.advance(63)
    assert (cell.state, cell.connection.dialling) == (LinkState.WAITING, False)
    assert "60 s" in cell.status.last_error
    cell.backend.hanging = False
    cell.online(61)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_backend_that_refuses_is_a_fault_and_is_tried_again(tmp_path: Path, status: int) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.refusal = (f"HTTP {status}", status)
    cell.say_secrets()
    cell.say_settings()
    (fault,) = cell.last(FAULTS["ocpp_link"]).faults
    assert (fault.code, fault.detail) == ("backend_refuses", f"HTTP {status}")
    cell.backend.refusal = None
    cell.online(61)
    assert cell.last(FAULTS["ocpp_link"]).faults == ()


def test_a_backend_that_closes_at_once_is_not_hammered(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.hangs_up_on("BootNotification", times=1000)
    cell.say_secrets()
    cell.say_settings()
    cell.advance(3600)
    assert attempts(cell) <= 7


def test_a_backend_that_answers_and_closes_is_not_hammered_either(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", {"status": "Pending", "currentTime": "", "interval": 1})
    cell.say_secrets()
    cell.say_settings()
    for _ in range(360):
        if cell.backend.connected:
            cell.backend.hang_up()
        cell.advance(10)
    assert attempts(cell) <= 7


def test_an_unanswered_call_closes_the_connection_and_backs_off(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.advance(100)
    cell.backend.ignores("StatusNotification", times=1)
    cell.offer("m-1")
    cell.advance(59)
    assert cell.state is LinkState.ONLINE
    cell.advance(2)
    assert (cell.state, cell.backend.connected) == (LinkState.WAITING, False)
    (outcome,) = cell.outcomes()
    assert outcome.outcome is Outcome.TIMED_OUT
    assert cell.status.next_try_s - cell.clock.boot_s == pytest.approx(59, abs=2)
    cell.settled("m-1")
    cell.online(70)
    cell.backend.check()


def test_a_registration_nobody_answers_is_begun_again_on_a_new_connection(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.ignores("BootNotification", times=1)
    cell.say_secrets()
    cell.say_settings(BackendConnectionTimeout="5")
    cell.online(30)
    assert cell.backend.actions() == ["BootNotification", "BootNotification"]
    ids = [one.message_id for one in cell.backend.calls()]
    assert len(set(ids)) == 2
    cell.backend.check()


def test_a_late_answer_is_ignored(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.backend.answers("StatusNotification", {}, delay_s=70.0, times=1)
    cell.offer("m-1")
    cell.advance(200)
    (outcome,) = cell.outcomes()
    assert outcome.outcome is Outcome.TIMED_OUT
    cell.backend.check()


def test_after_the_longest_pause_a_reboot_is_asked_for_and_asked_again(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.quiet()
    cell.backend.reachable = False
    cell.script["system.reboot"] = (Answer.REJECTED, "it waits for the transaction on connector 1", {})
    cell.say_secrets()
    cell.say_settings(BackendConnectionTimeout="300")
    until_s = cell.clock.boot_s + sum(300.0 * 2**number for number in range(8))
    cell.advance(until_s - cell.clock.boot_s + 60)
    assert cell.requests(SYSTEM_REBOOT) == []
    cell.advance(43_200)
    request = cell.requests(SYSTEM_REBOOT)[0]
    assert request.reason is BootReason.WATCHDOG
    assert "attempts" in request.detail
    assert request.unless_charging, "nothing is lost by waiting for the vehicle"
    before = len(cell.requests(SYSTEM_REBOOT))
    cell.advance(180)
    assert len(cell.requests(SYSTEM_REBOOT)) == before + 3
    cell.advance(watchdog.PATIENCE_S)
    assert not cell.requests(SYSTEM_REBOOT)[-1].unless_charging, "a day is enough"


# the uplink


def test_a_pulled_uplink_drops_the_connection_and_a_plugged_one_is_used_at_once(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.advance(100)
    cell.uplink.up = False
    cell.advance(5)
    assert (cell.state, cell.backend.connected, cell.status.next_try_s) == (LinkState.WAITING, False, 0.0)
    cell.advance(10_000)
    assert attempts(cell) == 1
    cell.uplink.up = True
    cell.advance(10)
    assert cell.state is LinkState.ONLINE
    assert attempts(cell) == 2


def test_an_uplink_that_returns_shortens_a_long_pause(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.reachable = False
    cell.say_secrets()
    cell.say_settings()
    cell.advance(4000)
    before = attempts(cell)
    cell.uplink.up = False
    cell.advance(11)
    cell.uplink.up = True
    cell.backend.reachable = True
    cell.advance(11)
    assert cell.state is LinkState.ONLINE
    assert attempts(cell) == before + 1


# pings


def test_pings_are_sent_at_the_keys_interval_and_follow_it(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, WebSocketPingInterval="20").online()
    cell.connection.pongs = True
    cell.advance(101)
    assert cell.connection.pings == 5
    cell.say_settings(WebSocketPingInterval="0")
    cell.advance(200)
    assert cell.connection.pings == 5
    assert cell.state is LinkState.ONLINE


def test_a_connection_without_pongs_is_given_up(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, WebSocketPingInterval="20", BackendConnectionTimeout="30").online()
    cell.connection.pongs = False
    cell.advance(49)
    assert cell.state is LinkState.ONLINE
    cell.advance(2)
    assert cell.state is LinkState.WAITING
    assert "ping" in cell.status.last_error


def test_the_status_is_said_at_least_every_ten_seconds(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    before = len([one for one in cell.said if one.topic.name == "ocpp_link.status"])
    cell.advance(100)
    assert len([one for one in cell.said if one.topic.name == "ocpp_link.status"]) - before == 10


def test_a_target_is_the_same_only_if_everything_is(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    (target,) = cell.backend.targets
    assert target != dataclasses.replace(target, password="x")
    cell.say_settings(WebSocketPingInterval="50")
    cell.advance(10)
    assert attempts(cell) == 1
