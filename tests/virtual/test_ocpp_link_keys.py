"""Keys of the connection: each one's effect on whom the link dials, what it says, and when it asks for a reboot."""

import logging
from pathlib import Path

import pytest

from bus.topics import FAULTS, SETTINGS_SECRETS, SYSTEM_REBOOT
from schemas.base import Answer
from schemas.ocpp_link import LinkState
from schemas.settings import SecretValues
from schemas.system import BootReason
from services.ocpp_link import watchdog
from services.ocpp_link.connection import Target
from tests.virtual.link_cell import LinkCell

pytestmark = pytest.mark.virtual
LINE = "No tcp connection for long time. Rebooting"


def target(cell: LinkCell) -> Target:
    found = cell.backend.targets[-1]
    assert isinstance(found, Target)
    return found


def beats(cell: LinkCell) -> int:
    return cell.backend.actions().count("Heartbeat")


def talk(cell: LinkCell, seconds: int) -> None:
    """A message of the queue every 5 s."""
    for number in range(seconds // 5):
        cell.offer(f"m-{cell.clock.boot_s:.0f}-{number}")
        cell.settled(f"m-{cell.clock.boot_s:.0f}-{number}")
        cell.advance(5.0)


# ForceHeartbeatRequestMessages


def test_other_messages_put_off_the_heartbeat_unless_it_is_forced(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, HeartbeatInterval="30").online()
    cell.say_settings(HeartbeatInterval="31")
    before = beats(cell)
    talk(cell, 120)
    assert beats(cell) == before
    cell.say_settings(ForceHeartbeatRequestMessages="true")
    talk(cell, 124)
    assert beats(cell) == before + 4
    cell.backend.check()


# WebsocketsProxyURL


def test_a_proxy_is_dialled_through_with_its_password_from_the_secrets(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, WebsocketsProxyURL="").online()
    assert target(cell).proxy is None
    cell.say(SETTINGS_SECRETS, SecretValues(values={"WebsocketsProxyPassword": "hidden"}))
    cell.say_settings(WebsocketsProxyURL="fleet@proxy.test:3128")
    cell.online()
    proxy = target(cell).proxy
    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.user, proxy.password) == ("proxy.test", 3128, "fleet", "hidden")
    assert "hidden" not in repr(target(cell))
    cell.say_settings(WebsocketsProxyURL="[2001:db8::1]")
    cell.online()
    proxy = target(cell).proxy
    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.user, proxy.password) == ("2001:db8::1", 80, "", "")


def test_a_proxy_that_is_no_address_is_a_fault_and_nothing_is_dialled(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, WebsocketsProxyURL="proxy.test:99999")
    cell.advance(100)
    assert cell.backend.targets == []
    faults = cell.last(FAULTS["ocpp_link"])
    assert [fault.code for fault in faults.faults] == ["backend_address_invalid"]
    assert "WebsocketsProxyURL" in faults.faults[0].detail


# SSLModeClient, OcppConStrictTls, OcppUserCaCertificate

SECURE = {"OCPPBackendJSONURL": "wss://backend.test/ocpp/"}


@pytest.mark.parametrize(
    ("mode", "strictness", "level", "words"),
    [
        ("Normal SSL Auth", "Only secure ciphers", logging.INFO, "fully authenticated"),
        ("Skip host check", "Only secure ciphers", logging.WARNING, "NOT CHECKED is the name"),
        ("Allow expired certificate", "Only secure ciphers", logging.WARNING, "NOT CHECKED is the dates"),
        ("Encrypt only - No authentication", "Only secure ciphers", logging.WARNING, "NOT CHECKED is who"),
        ("Normal SSL Auth", "All ciphers", logging.WARNING, "ALL CIPHERS"),
    ],
)
def test_the_log_says_loudly_what_is_not_checked(
    tmp_path: Path, mode: str, strictness: str, level: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cell = LinkCell(tmp_path, SSLModeClient=mode, OcppConStrictTls=strictness, **SECURE).online()
    said = [record for record in caplog.records if "TLS" in record.getMessage()]
    assert [(record.levelno, words in record.getMessage()) for record in said] == [(level, True)]
    assert target(cell).trust.only_secure is (strictness == "Only secure ciphers")
    cell.say_settings(HeartbeatInterval="77")
    assert len([record for record in caplog.records if "TLS" in record.getMessage()]) == 1, "once"


def test_another_trust_is_another_connection(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, **SECURE).online()
    before = len(cell.backend.targets)
    cell.say_settings(OcppUserCaCertificate="PEM")
    cell.online()
    assert target(cell).trust.user_authority == "PEM"
    assert len(cell.backend.targets) == before + 1
    assert "PEM" not in repr(target(cell))


def test_a_users_certificate_that_is_none_is_a_fault_until_it_is_corrected(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path)
    cell.wrong_authorities["rubbish"] = "no start line"
    cell.say_settings(OcppUserCaCertificate="rubbish", **SECURE)
    cell.online()
    faults = cell.last(FAULTS["ocpp_link"]).faults
    assert [fault.code for fault in faults] == ["backend_authority_invalid"]
    assert "no start line" in faults[0].detail
    cell.say_settings(OcppUserCaCertificate="")
    cell.online()
    assert cell.last(FAULTS["ocpp_link"]).faults == ()


# TcpWatchdogTimeout


def offline(tmp_path: Path, **values: str) -> LinkCell:
    cell = LinkCell(tmp_path, TcpWatchdogTimeout="1000", **values).online()
    cell.quiet()
    cell.backend.reachable = False
    cell.backend.hang_up("gone")
    cell.advance(1.0)
    return cell


def test_no_connection_for_too_long_reboots_with_the_guides_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cell = offline(tmp_path)
    cell.advance(995.0)
    assert cell.requests(SYSTEM_REBOOT) == []
    cell.advance(10.0)
    (request,) = cell.requests(SYSTEM_REBOOT)
    assert (request.reason, request.unless_charging) == (BootReason.WATCHDOG, True)
    assert [record.getMessage() for record in caplog.records if record.getMessage() == LINE] == [LINE]
    assert watchdog.LINE == LINE


def test_zero_never_reboots_and_neither_does_a_station_without_a_backend(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, TcpWatchdogTimeout="0").online()
    cell.backend.reachable = False
    cell.backend.hang_up("gone")
    cell.advance(20_000)
    assert cell.requests(SYSTEM_REBOOT) == []
    cell.say_settings(TcpWatchdogTimeout="1000", ConnectionType="No Backend")
    cell.advance(20_000)
    assert cell.requests(SYSTEM_REBOOT) == []


def test_a_quiet_connection_is_no_silence_and_a_refusal_of_the_backend_neither(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, TcpWatchdogTimeout="1000", HeartbeatInterval="86400").online()
    cell.quiet()
    cell.advance(5000)
    assert (cell.requests(SYSTEM_REBOOT), cell.state) == ([], LinkState.ONLINE)
    cell.backend.refusal = ("who are you?", 401)
    cell.backend.hang_up("and stay away")
    cell.advance(10_000)
    assert cell.requests(SYSTEM_REBOOT) == [], "no reboot helps against a wrong password"


def test_a_connection_that_returns_ends_the_wish_for_a_reboot(tmp_path: Path) -> None:
    cell = offline(tmp_path)
    cell.script["system.reboot"] = (Answer.REJECTED, "it waits for the transaction on connector 1", {})
    cell.advance(1200.0)
    asked = len(cell.requests(SYSTEM_REBOOT))
    assert asked > 1, "said again while it is refused"
    cell.backend.reachable = True
    cell.uplink.up = False
    cell.advance(61.0)
    cell.uplink.up = True
    cell.online()
    asked = len(cell.requests(SYSTEM_REBOOT))
    cell.advance(900.0)
    assert len(cell.requests(SYSTEM_REBOOT)) == asked


def test_after_a_day_of_waiting_for_the_vehicle_the_reboot_no_longer_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cell = offline(tmp_path)
    cell.script["system.reboot"] = (Answer.REJECTED, "it waits for the transaction on connector 1", {})
    cell.advance(1000.0 + watchdog.PATIENCE_S - 100.0)
    assert all(request.unless_charging for request in cell.requests(SYSTEM_REBOOT))
    cell.advance(200.0)
    assert not cell.requests(SYSTEM_REBOOT)[-1].unless_charging
    told = [record.getMessage() for record in caplog.records if "no reboot yet" in record.getMessage()]
    assert told == ["no reboot yet: it waits for the transaction on connector 1"], "once, not every minute"
