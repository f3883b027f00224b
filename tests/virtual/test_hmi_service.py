"""The service `hmi` on the bus: cards go up, light and display follow what the others say."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bus.topics import (
    FAULTS,
    HMI_CARD,
    HMI_CONNECTOR,
    LINK_STATUS,
    METERING_READING,
    SAFETY_CONNECTOR,
    SESSION_CONNECTOR,
    SETTINGS_VALUES,
    SYSTEM_FAULTS,
)
from hardware.interfaces import CardSeen, Light
from schemas.base import ActiveFault
from schemas.hmi import LightPattern
from schemas.metering import MeterReading, Quality, Reading
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import ConnectorStatus, SessionConnector
from schemas.settings import SettingsSnapshot
from schemas.system import ShownFault, StationFaults
from services.hmi.lights import LOOKS
from services.hmi.station import ASKS, HEARS, Hmi
from tests.puppets import cell, puppet, say
from tests.virtual_cell import Cell, Wiring

pytestmark = pytest.mark.virtual

TWO = "[connector.1]\n[connector.2]\n"


@dataclass
class FakeBoard:
    """Reader, light and display in one."""

    waiting: list[CardSeen] = field(default_factory=list)
    lights: dict[int, Light] = field(default_factory=dict)
    texts: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def reader(self) -> "FakeBoard":
        return self

    def cards(self) -> Sequence[CardSeen]:
        taken, self.waiting = self.waiting, []
        return taken

    @property
    def indicator(self) -> "_Lights":
        return _Lights(self)

    @property
    def display(self) -> "_Texts":
        return _Texts(self)

    def fileno(self) -> int:
        return -1

    def receive(self) -> None: ...


@dataclass
class _Lights:
    board: FakeBoard

    def show(self, connector: int, light: Light) -> None:
        self.board.lights[connector] = light


@dataclass
class _Texts:
    board: FakeBoard

    def show(self, connector: int, lines: Sequence[str]) -> None:
        self.board.texts[connector] = tuple(lines)


@dataclass
class Station:
    cell: Cell
    board: FakeBoard

    def pattern(self, number: int) -> LightPattern:
        light: LightPattern = self.cell.last(HMI_CONNECTOR, str(number)).light
        return light

    def swipe(self, tag: str, connectors: tuple[int, ...] = ()) -> None:
        self.board.waiting.append(CardSeen(tag, "front", connectors, self.cell.clock.boot_s, ""))
        self.cell.advance(0.3)

    def cards(self) -> list[Any]:
        return self.cell.bodies(HMI_CARD)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    board = FakeBoard()
    wirings = {
        "hmi": Wiring(
            HEARS, ASKS, lambda context: Hmi(context.bus, connectors=context.station.connectors, board=board)
        ),
        "session": puppet((HMI_CARD,)),
        "safety": puppet(),
        "metering": puppet(),
        "system": puppet(),
        "settings": puppet(),
        "ocpp_link": puppet(),
    }
    return Station(cell(tmp_path, wirings, TWO), board)


def session(number: int, status: ConnectorStatus, **fields: Any) -> SessionConnector:
    return SessionConnector(connector=number, status=status, **fields)


def test_before_anybody_speaks_every_connector_asks_to_wait(station: Station) -> None:
    assert station.pattern(1) is station.pattern(2) is LightPattern.UNAVAILABLE
    assert station.board.texts[2] == ("Please wait", "Station starts")
    assert station.cell.last(FAULTS["hmi"]).faults == ()


def test_light_and_display_follow_the_session_of_their_connector(station: Station) -> None:
    say(station.cell, SESSION_CONNECTOR, session(2, ConnectorStatus.AVAILABLE), "2")
    assert (station.pattern(1), station.pattern(2)) == (LightPattern.UNAVAILABLE, LightPattern.READY)
    assert station.board.lights[2] == LOOKS[LightPattern.READY]
    assert station.board.texts[2] == ("Ready", "Plug in")


def test_power_and_energy_are_shown_while_they_are_known(station: Station) -> None:
    safety = SafetyConnector(
        connector=1,
        state=PilotState.C2,
        contactor=Contactor.CLOSED,
        lock=Lock.LOCKED,
        vehicle_connected=True,
        cable_plugged=True,
    )
    started_s = station.cell.clock.now().wall_s
    charging = session(1, ConnectorStatus.CHARGING, transaction_id="t", energy_wh=500, started_wall_s=started_s)
    reading = Reading(sampled_s=station.cell.clock.boot_s, sampled_wall_s=started_s, power_w=11_000.0)
    body = MeterReading(meter="connector.1", model="m", serial="s", quality=Quality.GOOD, reading=reading)
    say(station.cell, METERING_READING, body, "connector.1")
    say(station.cell, SAFETY_CONNECTOR, safety, "1")
    say(station.cell, SESSION_CONNECTOR, charging, "1")
    assert station.board.texts[1] == ("Charging 11.0 kW", "0.50 kWh    0:00")
    station.cell.advance(2.5)
    say(station.cell, SAFETY_CONNECTOR, safety, "1")
    station.cell.advance(2.9)
    assert station.board.texts[1][0] == "Charging"
    say(station.cell, METERING_READING, MeterReading(**{**_fields(body), "quality": Quality.SILENT}), "connector.1")
    assert station.board.texts[1][0] == "Charging"


def _fields(body: MeterReading) -> dict[str, Any]:
    return {name: getattr(body, name) for name in body.__struct_fields__}


def test_a_lost_backend_is_shown_when_the_key_says_so(station: Station) -> None:
    say(station.cell, SESSION_CONNECTOR, session(1, ConnectorStatus.AVAILABLE), "1")
    say(station.cell, LINK_STATUS, LinkStatus(state=LinkState.WAITING))
    values = {"DisplayDisconnectAsError": "false"}
    say(station.cell, SETTINGS_VALUES, SettingsSnapshot(revision=1, values=values))
    for _ in range(8):
        station.cell.advance(5.0)
        say(station.cell, SESSION_CONNECTOR, session(1, ConnectorStatus.AVAILABLE), "1")
    assert station.pattern(1) is LightPattern.READY
    say(station.cell, SETTINGS_VALUES, SettingsSnapshot(revision=2, values={"DisplayDisconnectAsError": "true"}))
    assert station.pattern(1) is LightPattern.FAULT
    say(station.cell, LINK_STATUS, LinkStatus(state=LinkState.ONLINE))
    assert station.pattern(1) is LightPattern.READY


def test_a_rejected_card_is_shown_for_as_long_as_the_session_says(station: Station) -> None:
    until_s = station.cell.clock.boot_s + 3.0
    rejected = session(1, ConnectorStatus.AVAILABLE, card_rejected_until_s=until_s)
    say(station.cell, SESSION_CONNECTOR, rejected, "1")
    assert station.pattern(1) is LightPattern.REJECTED
    station.cell.advance(2.5)
    assert station.pattern(1) is LightPattern.REJECTED
    station.cell.advance(1.0)
    assert station.pattern(1) is LightPattern.READY


def test_a_card_is_passed_on_once_with_its_readers_connectors(station: Station) -> None:
    station.swipe("04:A2:11:3C", (2,))
    station.swipe("04a2113c", (2,))
    (card,) = station.cards()
    assert (card.id_tag, card.connectors, card.reader) == ("04A2113C", (2,), "front")
    station.cell.advance(2.1)
    station.swipe("04a2113c", (2,))
    assert len({card.presentation_id for card in station.cards()}) == 2


def test_nonsense_and_floods_are_refused_and_told_seldom(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="hmi"):
        for number in range(200):
            station.board.waiting.append(CardSeen(f"CARD{number}", "front", (), station.cell.clock.boot_s, ""))
            station.board.waiting.append(CardSeen("\0" * 5000, "front", (), station.cell.clock.boot_s, ""))
        station.cell.advance(1.0)
        station.board.waiting.append(CardSeen("", "front", (), station.cell.clock.boot_s, ""))
        station.cell.advance(8.0)
        assert len(caplog.records) == 2
        station.cell.advance(2.0)
        assert len(caplog.records) == 3
    assert len(station.cards()) == 5


def test_a_session_that_was_silent_for_long_is_not_believed(station: Station) -> None:
    say(station.cell, SESSION_CONNECTOR, session(1, ConnectorStatus.AVAILABLE), "1")
    station.cell.advance(24.0)
    assert station.pattern(1) is LightPattern.READY
    station.cell.advance(2.0)
    assert station.pattern(1) is LightPattern.UNAVAILABLE


def test_after_a_restart_the_same_picture_is_shown_again(station: Station) -> None:
    say(station.cell, SESSION_CONNECTOR, session(1, ConnectorStatus.RESERVED), "1")
    station.cell.kill("hmi")
    station.board.lights.clear()
    station.cell.start("hmi")
    station.cell.settle()
    assert station.board.lights[1] == LOOKS[LightPattern.RESERVED]


def test_a_board_that_was_away_is_told_again_within_a_second(station: Station) -> None:
    say(station.cell, SESSION_CONNECTOR, session(1, ConnectorStatus.AVAILABLE), "1")
    station.board.lights.clear()
    station.cell.advance(1.1)
    assert station.board.lights[1] == LOOKS[LightPattern.READY]
    before = len(station.cell.bodies(HMI_CONNECTOR, "1"))
    station.cell.advance(10.0)
    assert len(station.cell.bodies(HMI_CONNECTOR, "1")) == before


def test_a_fault_is_shown_at_its_own_connector_and_one_of_the_station_at_all(station: Station) -> None:
    for number in (1, 2):
        say(station.cell, SESSION_CONNECTOR, session(number, ConnectorStatus.AVAILABLE), str(number))
    say(station.cell, SYSTEM_FAULTS, StationFaults(faults=(shown("pilot_diode", 2),)))
    assert (station.pattern(1), station.pattern(2)) == (LightPattern.READY, LightPattern.FAULT)
    say(station.cell, SYSTEM_FAULTS, StationFaults(faults=(shown("internal_error", 0),)))
    assert (station.pattern(1), station.pattern(2)) == (LightPattern.FAULT, LightPattern.FAULT)


def shown(code: str, connector: int) -> ShownFault:
    fault = ActiveFault(code=code, connector=connector)
    return ShownFault(fault=fault, owner="safety", text="", instruction="", error_code="", internal_code="")
