"""A second contactor on relay 2, shared by two connectors."""

from pathlib import Path

import pytest

from schemas.base import Answer
from tests.virtual.charging_station import OTHER_CARD
from tests.virtual.fault_bench import FaultBench
from tests.virtual.test_domestic_socket import TEXT

pytestmark = pytest.mark.virtual


def relay_2(station: FaultBench) -> bool:
    return station.site.outputs.pins["relay_2"]


def test_the_weld_of_one_connector_takes_the_power_of_the_other_and_both_say_why(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, connectors=2, PatternOnRelayK2="On while charging")
    station.charge(1)
    station.plug_in(2)
    station.advance(0.5)
    station.swipe(OTHER_CARD)
    station.until_current_flows(2)
    assert relay_2(station)
    station.inject("weld", connector=1)
    station.site.ev_pause(1)
    station.expect_fault("contactor_welded", within_s=2.0)
    station.until(lambda: not relay_2(station), within_s=0.02)
    station.until(lambda: not station.connector(2).contactor.closed, within_s=0.1)
    assert "connector 1 is welded" in station.safety(2).reason
    assert station.safety(2).faults == ()
    station.advance(8.0)
    assert not relay_2(station)
    station.kill("safety")
    station.start("safety")
    station.advance(12.0)
    assert not relay_2(station), "the weld is kept over a restart"
    station.clear("weld", 1)
    station.reset_lockouts()
    station.until(lambda: station.flows(2), within_s=60.0)


def test_a_second_contactor_that_opened_for_a_weld_obeys_no_other_pattern_before_service(tmp_path: Path) -> None:
    """What is in the path of power is not given another task while contacts are welded."""
    station = FaultBench(tmp_path, connectors=2, PatternOnRelayK2="On while charging")
    station.charge(1)
    station.plug_in(2)
    station.inject("weld", connector=1)
    station.site.ev_pause(1)
    station.expect_fault("contactor_welded", within_s=2.0)
    assert station.set_key("PatternOnRelayK2", "On while vehicle connected") is Answer.ACCEPTED
    station.advance(5.0)
    assert not relay_2(station)
    station.kill("safety")
    station.start("safety")
    station.advance(12.0)
    assert not relay_2(station)
    station.clear("weld", 1)
    station.reset_lockouts()
    station.until(lambda: relay_2(station), within_s=5.0)


def test_a_domestic_socket_does_not_light_the_lamp_of_connected_vehicles(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, TEXT + 'PatternOnRelayK2 = "On while vehicle connected"\n')
    station.advance(20.0)
    assert not relay_2(station)
    station.plug_in(1)
    station.until(lambda: relay_2(station), within_s=1.0)
    station.unplug(1)
    station.until(lambda: not relay_2(station), within_s=1.0)
