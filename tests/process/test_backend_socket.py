"""A real station and a backend behind a real WebSocket: a charge, kills, and a backend that misbehaves."""

import json
from collections.abc import Iterator

import pytest

from bus.topics import LINK_STATUS
from schemas.ocpp_link import LinkState
from tests.backend.scripted import ScriptedBackend
from tests.backend.server import BackendServer
from tests.parts import sample
from tests.process.conftest import MakeStation
from tests.process.driving import Driver
from tests.running_station import CARD, STATION, RunningStation, wait_until

pytestmark = pytest.mark.process

BACKEND_S = 60.0
"""The back-off after several failures is that long."""


class Site:
    """Station, backend and driver."""

    def __init__(self, server: BackendServer, make_station: MakeStation, keys: str = "") -> None:
        self.server, self.backend = server, server.backend
        url = f'OCPPBackendJSONURL = "{server.url}"\nBackendConnectionTimeout = "3"\nWebSocketPingInterval = "0"'
        self.station: RunningStation = make_station(text=f"{STATION}[settings]\n{url}\n{keys}\n")
        self.station.start()
        self.driver = Driver(self.station)
        self.until(lambda: self.backend.registered, "the station is registered")

    def until(self, happened: object, what: str, seconds: float = BACKEND_S) -> None:
        assert callable(happened)
        wait_until(happened, f"{what}\n{self.backend.actions()}\n{self.station.logs()[-3000:]}", seconds)

    def charge(self) -> None:
        self.driver.charge()
        self.driver.until_full_current()
        self.until(lambda: bool(self.backend.calls("StartTransaction")), "StartTransaction")

    def end(self) -> None:
        """The card; then one transaction, told once, in the words of the journal."""
        self.driver.end_with_the_card()
        self.until(lambda: bool(self.backend.calls("StopTransaction")), "StopTransaction")
        self.check("Local")

    def check(self, reason: str) -> None:
        (one,) = self.driver.transactions()
        assert one.stop is not None
        starts, stops = self.backend.calls("StartTransaction"), self.backend.calls("StopTransaction")
        assert len({each.text for each in starts}) == len({each.text for each in stops}) == 1
        start, stop = starts[0].payload, stops[0].payload
        assert (start["connectorId"], start["idTag"], start["meterStart"]) == (1, CARD, one.meter_start_wh)
        assert (stop["reason"], stop["meterStop"]) == (reason, one.meter_stop_wh)
        self.backend.check()

    def answered(self, action: str, **payload: object) -> str:
        reply = self.backend.call(action, payload)
        self.until(lambda: reply.done, action, 30.0)
        assert reply.payload is not None, reply
        status: str = reply.payload["status"]
        return status


@pytest.fixture
def server() -> Iterator[BackendServer]:
    running = BackendServer(ScriptedBackend())
    yield running
    running.close()


@pytest.fixture
def site(server: BackendServer, make_station: MakeStation) -> Site:
    return Site(server, make_station)


def test_a_charge_begun_and_ended_by_the_backend(site: Site) -> None:
    assert site.answered("RemoteStartTransaction", idTag=CARD, connectorId=1) == "Accepted"
    site.driver.plug_in()
    site.driver.until_current_flows()
    site.until(lambda: bool(site.backend.calls("StartTransaction")), "StartTransaction")
    assert site.answered("RemoteStopTransaction", transactionId=1) == "Accepted"
    site.until(lambda: bool(site.backend.calls("StopTransaction")), "StopTransaction")
    site.check("Remote")
    assert site.backend.connections == 1


@pytest.mark.parametrize("name", ["ocpp_link", "message_queue", "session"])
def test_a_process_killed_while_charging_and_again_at_the_end_costs_no_message(site: Site, name: str) -> None:
    site.charge()
    site.station.wait_replaced(name, site.station.kill(name))
    site.driver.until_full_current()
    site.driver.swipe_until(lambda: site.driver.transactions()[0].stop is not None, "the end is decided")
    site.station.kill(name)
    site.until(lambda: site.driver.ended(), "the end is measured")
    site.until(lambda: bool(site.backend.calls("StopTransaction")), "StopTransaction")
    site.check("Local")


def test_after_a_power_cut_the_backend_hears_power_loss(site: Site) -> None:
    site.charge()
    site.station.power_cut()
    site.backend.forget_registration()
    assert site.station.up is not None
    site.station.up.wait(30.0)
    site.station.start()
    site.until(lambda: bool(site.backend.calls("StopTransaction")), "StopTransaction")
    site.check("PowerLoss")
    assert len(site.backend.calls("BootNotification")) == 2


@pytest.mark.parametrize("status", sample([401, 404, 302], 3))
def test_a_backend_that_refuses_or_redirects_leaves_the_charge_alone(site: Site, status: int) -> None:
    site.charge()
    before = site.driver.what_the_car_noticed()
    site.server.status = status
    if status == 302:
        site.server.location = site.server.url
    tries = len(site.server.requests)
    site.backend.hang_up()
    site.until(lambda: len(site.server.requests) >= tries + 2, "the station tries again")
    assert not site.backend.connected
    assert site.driver.what_the_car_noticed() == before
    site.server.status = 0
    site.until(lambda: site.backend.connected, "the station is back")
    site.end()


def test_a_backend_that_never_answers_leaves_the_charge_alone(site: Site) -> None:
    site.charge()
    before, connections = site.driver.what_the_car_noticed(), site.backend.connections
    site.backend.silent = True
    site.backend.call("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1})
    site.until(lambda: site.backend.connections > connections, "the station has left and come back")
    assert site.driver.what_the_car_noticed() == before
    site.backend.silent = False
    site.end()


def test_garbage_and_a_thousand_calls_leave_the_charge_alone(site: Site) -> None:
    site.charge()
    before = site.driver.what_the_car_noticed()
    for text in ("}{", "[]", "[" * 50_000, '[3, "nobody", {}]', "x" * 3_000_000, b"\x00\xff"):
        site.until(lambda: site.backend.connected, "the station is connected")
        site.backend.send(text)
    site.until(lambda: site.backend.connected, "the station is connected")
    for number in range(1000):
        if site.backend.connected:
            site.backend.send(json.dumps([2, f"flood-{number}", "GetConfiguration", {"key": ["HeartbeatInterval"]}]))
    site.station.until(LINK_STATUS, lambda said: said.state is LinkState.ONLINE, seconds=BACKEND_S)
    assert site.driver.what_the_car_noticed() == before
    # Answers to frames that no script has counted.
    site.backend.violations.clear()
    site.driver.end_with_the_card()
    site.until(lambda: bool(site.backend.calls("StopTransaction")), "StopTransaction")
    site.backend.violations.clear()
    site.check("Local")


def test_a_reset_ends_the_charge_and_the_station_registers_anew(site: Site) -> None:
    site.charge()
    assert site.answered("Reset", type="Soft") == "Accepted"
    site.until(lambda: bool(site.backend.calls("StopTransaction")), "StopTransaction")
    site.backend.forget_registration()
    site.until(lambda: len(site.backend.calls("BootNotification")) == 2, "the station registers anew")
    site.check("SoftReset")
