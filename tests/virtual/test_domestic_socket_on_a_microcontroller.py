"""A domestic socket on a board with a microcontroller: the whole station, its driver, the serial line, the firmware."""

from pathlib import Path

import pytest

from schemas.safety import Contactor
from tests.virtual.charging_station import CARD, Status
from tests.virtual.test_domestic_socket import APPLIANCE, TEXT, pin
from tests.virtual.test_faults_serial_board import SerialStation

pytestmark = pytest.mark.virtual


@pytest.fixture
def charging(tmp_path: Path) -> SerialStation:
    station = SerialStation(tmp_path, station_text=TEXT)
    station.until(lambda: station.status(2) is Status.AVAILABLE, within_s=30.0)
    station.advance(5.0)
    station.plug_in(2, **APPLIANCE)
    station.swipe(CARD)
    station.until(lambda: station.flows(2), within_s=15.0)
    return station


def test_it_charges_and_a_card_ends_it(charging: SerialStation) -> None:
    assert charging.mcu is not None
    assert charging.mcu.energised == [], "it is no coil of a connector"
    charging.advance(5.0)
    assert (charging.safety(1).faults, charging.safety(2).faults) == ((), ())
    charging.swipe(CARD)
    charging.until_ended()
    assert not pin(charging)


def test_a_stalled_computer_loses_it_by_the_microcontrollers_own_rule(charging: SerialStation) -> None:
    charging.settle()
    process = charging.processes.pop("safety")
    charging.advance(0.10)
    assert pin(charging)
    charging.advance(0.05)
    assert not pin(charging)
    charging.processes["safety"] = process
    charging.until(lambda: charging.flows(2), within_s=90.0)


def test_a_line_that_is_lost_switches_it_off_and_it_comes_back(charging: SerialStation) -> None:
    charging.wire.cut = True
    charging.until(lambda: not charging.flows(2), within_s=0.2)
    charging.until(lambda: "board_trouble" in charging.safety(2).faults, within_s=1.5)
    assert charging.safety(2).contactor is not Contactor.CLOSED
    charging.wire.cut = False
    charging.until(lambda: charging.flows(2), within_s=60.0)
    assert len(charging.bills()) == 1
