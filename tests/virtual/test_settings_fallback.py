"""`ConnSettingsFallback`: settings that do not reach the backend give way to those that did."""

from pathlib import Path
from typing import Any

import pytest

from bus.topics import SETTINGS_HISTORY, SYSTEM_EVENTS
from schemas.base import Answer
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.settings import HistoryRequest
from services.ocpp_link.connection import Target
from services.settings.fallback import FAILURES, PATIENCE_S, PROVEN_S, Does, judge
from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import BackendStation

pytestmark = pytest.mark.virtual

GOOD = {"OCPPBackendJSONURL": "ws://good/"}
BAD = {"OCPPBackendJSONURL": "ws://bad/"}
LOST = LinkStatus(state=LinkState.WAITING, failures=FAILURES)
ONLINE = LinkStatus(state=LinkState.ONLINE)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Does.RESTORE),
        ({"later": GOOD}, Does.REBOOT),
        ({"switch": False}, Does.NOTHING),
        ({"good": {}}, Does.NOTHING),
        ({"good": BAD}, Does.NOTHING),
        ({"unchanged_s": PATIENCE_S - 1.0}, Does.NOTHING),
        ({"link": None}, Does.NOTHING),
        ({"link": LinkStatus(state=LinkState.OFF, failures=9)}, Does.NOTHING),
        ({"link": LinkStatus(state=LinkState.WAITING, failures=FAILURES - 1)}, Does.NOTHING),
        ({"link": LinkStatus(state=LinkState.CONNECTING, failures=FAILURES)}, Does.RESTORE),
        ({"link": LinkStatus(state=LinkState.REJECTED, failures=9)}, Does.NOTHING),
        ({"link": ONLINE}, Does.KEEP),
        ({"link": ONLINE, "switch": False}, Does.KEEP),
        ({"link": ONLINE, "unchanged_s": PROVEN_S - 1.0}, Does.NOTHING),
        ({"link": ONLINE, "good": BAD}, Does.NOTHING),
    ],
)
def test_what_is_done_with_which_settings(changed: dict[str, Any], expected: Does) -> None:
    situation: dict[str, Any] = {
        "switch": True, "in_force": BAD, "later": BAD, "good": GOOD, "link": LOST, "unchanged_s": PATIENCE_S,
    }  # fmt: skip
    assert judge(**(situation | changed)) is expected


class OneAddress(ScriptedBackend):
    """Nobody answers at another address, nor to another password."""

    def accept(self, wire: Any, target: Any = None) -> tuple[str, int] | None:
        assert isinstance(target, Target)
        if target.host != "backend.test" or target.password not in ("", "secret"):
            return ("nobody there", 0)
        return super().accept(wire, target)


def moved(tmp_path: Path, **settings: str) -> BackendStation:
    """A station that was registered, whose address was changed from afar, and that has rebooted."""
    station = BackendStation(tmp_path, backend=OneAddress(), BackendConnectionTimeout="30", **settings)
    assert station.set_key("HTTPBasicAuthPassword", "secret") is Answer.REBOOT_REQUIRED
    assert station.status_answered("Reset", type="Soft") == "Accepted"
    station.until_rebooted()
    station.advance(PROVEN_S + 61.0)
    assert station.set_key("OCPPBackendJSONURL", "ws://typing-mistake.test/ocpp/") is Answer.REBOOT_REQUIRED
    assert station.set_key("HTTPBasicAuthPassword", "wrong") is Answer.REBOOT_REQUIRED
    assert station.status_answered("Reset", type="Soft") == "Accepted"
    before = station.supervisor.shutdowns
    station.until(lambda: station.supervisor.shutdowns > before, 70.0)
    restart(station)
    return station


def restart(station: BackendStation) -> None:
    """As `BackendStation.until_rebooted`, without a backend to wait for."""
    for owner in list(station.processes):
        station.stop(owner)
    station.connection.vanish()
    station.backend.forget_registration()
    station.advance(2.0)
    station.power_up()


def test_settings_that_do_not_reach_the_backend_give_way_to_those_that_did(tmp_path: Path) -> None:
    station = moved(tmp_path, ConnSettingsFallback="true")
    station.advance(PATIENCE_S - 30.0)
    assert not station.backend.connected
    before = station.supervisor.shutdowns
    station.until(lambda: station.supervisor.shutdowns > before, within_s=400.0)
    restart(station)
    station.until_online()
    told = [event.text for event in station.last(SYSTEM_EVENTS).events]
    assert any("are restored (OCPPBackendJSONURL, HTTPBasicAuthPassword)" in text for text in told)
    history = station.ask(
        SETTINGS_HISTORY, HistoryRequest(request_id=station.new_id(), expires_s=station.clock.boot_s + 5.0)
    )
    assert '"source":"ConnSettingsFallback"' in history.values["entries"]
    assert "secret" not in history.values["entries"]
    assert "secret" not in "".join(told)
    before = station.supervisor.shutdowns
    station.advance(PATIENCE_S * 1.2)
    assert station.supervisor.shutdowns == before, "once"


def test_without_the_key_new_settings_stay(tmp_path: Path) -> None:
    station = moved(tmp_path, ConnSettingsFallback="false")
    before = station.supervisor.shutdowns
    station.advance(PATIENCE_S * 1.5)
    assert (station.supervisor.shutdowns, station.backend.connected) == (before, False)


def test_a_network_that_is_away_changes_no_settings(tmp_path: Path) -> None:
    station = BackendStation(tmp_path, backend=OneAddress(), ConnSettingsFallback="true", BackendConnectionTimeout="30")
    station.advance(PROVEN_S + 61.0)
    station.backend.reachable = False
    station.backend.hang_up("gone")
    before = station.supervisor.shutdowns
    station.advance(PATIENCE_S * 1.5)
    station.backend.reachable = True
    assert station.supervisor.shutdowns == before
    station.until_online(within_s=4000.0)
