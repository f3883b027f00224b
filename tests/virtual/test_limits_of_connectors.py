"""Current limits of one connector beside another: `Name[2]` where it is set, else `Name`."""

from pathlib import Path

import pytest

from bus.topics import SETTINGS_CHANGE_SET
from schemas.base import Answer
from schemas.session import LimitSource
from schemas.settings import ChangeSetRequest, Entry
from tests.virtual.charging_station import OTHER_CARD, ChargingStation

pytestmark = pytest.mark.virtual


def limits(station: ChargingStation) -> list[tuple[float, LimitSource]]:
    said = [station.session(number) for number in (1, 2)]
    return [(each.limit_a, each.limit_source) for each in said]


def offers(station: ChargingStation) -> list[float]:
    return [station.safety(number).offered_a for number in (1, 2)]


def both_charging(path: Path, **settings: str) -> ChargingStation:
    station = ChargingStation(path, connectors=2, text="", **settings)  # type: ignore[arg-type]
    station.charge(1)
    station.plug_in(2)
    station.advance(0.5)
    station.swipe(OTHER_CARD)
    station.until_current_flows(2)
    return station


def test_an_operators_limit_of_one_connector_holds_at_once_and_there_alone(tmp_path: Path) -> None:
    station = both_charging(tmp_path)
    assert station.set_key("OperatorCurrentLimit[2]", "10") is Answer.ACCEPTED
    station.until(lambda: offers(station)[1] < 10.5, within_s=2.0)
    assert limits(station) == [(32.0, LimitSource.HARDWARE), (10.0, LimitSource.OPERATOR)]
    station.until(lambda: station.current_a(2) < 10.5, within_s=10.0)
    station.until(lambda: station.current_a(1) > 31.0, within_s=20.0)
    assert station.set_key("OperatorCurrentLimit", "20") is Answer.ACCEPTED
    station.until(lambda: offers(station)[0] < 20.5, within_s=2.0)
    assert limits(station) == [(20.0, LimitSource.OPERATOR), (10.0, LimitSource.OPERATOR)]


def test_the_stations_limit_holds_where_no_other_is_set_and_again_after_a_reset(tmp_path: Path) -> None:
    station = both_charging(tmp_path, OperatorCurrentLimit="16")
    assert [limit_a for limit_a, _ in limits(station)] == [16.0, 16.0]
    assert station.set_key("OperatorCurrentLimit[2]", "25") is Answer.ACCEPTED, "it may also be higher than the other"
    station.until(lambda: offers(station)[1] > 24.5, within_s=10.0)
    assert [limit_a for limit_a, _ in limits(station)] == [16.0, 25.0]
    entry = Entry(key="OperatorCurrentLimit[2]", reset=True)
    wish = ChangeSetRequest(request_id=station.new_id(), expires_s=station.clock.boot_s + 5.0, entries=(entry,))
    assert station.ask(SETTINGS_CHANGE_SET, wish).outcome is Answer.ACCEPTED
    station.until(lambda: offers(station)[1] < 16.5, within_s=2.0)


def test_a_limit_below_6_a_pauses_its_connector_alone(tmp_path: Path) -> None:
    station = both_charging(tmp_path)
    assert station.set_key("OperatorCurrentLimit[2]", "5") is Answer.ACCEPTED
    station.until(lambda: not station.flows(2), within_s=15.0)
    station.advance(1.0)
    assert "operator limit of 5 A" in station.session(2).reason
    assert station.flows(1)


def test_the_limit_of_a_connector_outlives_a_kill_of_session(tmp_path: Path) -> None:
    station = both_charging(tmp_path)
    station.set_key("OperatorCurrentLimit[2]", "10")
    station.until(lambda: offers(station)[1] < 10.5, within_s=2.0)
    station.kill("session")
    station.advance(1.0)
    station.start("session")
    for _ in range(20):
        station.advance(0.5)
        assert offers(station)[1] < 10.5
        assert offers(station)[0] > 31.0


def test_the_hardware_of_one_connector_is_limited_from_the_next_start(tmp_path: Path) -> None:
    station = both_charging(tmp_path)
    assert station.set_key("HardwareCurrentLimit[2]", "16") is Answer.REBOOT_REQUIRED
    station.advance(5.0)
    assert [limit_a for limit_a, _ in limits(station)] == [32.0, 32.0]
    station.unplug(1)
    station.unplug(2)
    station.advance(5.0)
    station.shut_down()
    station.power_up()
    station.until_heard()
    station.plug_in(1)
    station.plug_in(2)
    station.advance(3.0)
    assert limits(station) == [(32.0, LimitSource.HARDWARE), (16.0, LimitSource.HARDWARE)]
    assert [station.safety(number).rated_a for number in (1, 2)] == [32.0, 16.0]


def test_a_limit_of_one_connector_above_what_carries_it_is_refused(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, connectors=2, fields="max_current_a = 20")
    assert station.set_key("HardwareCurrentLimit[2]", "21") is Answer.REJECTED
    assert station.set_key("OperatorCurrentLimit[2]", "21") is Answer.REJECTED
    assert station.set_key("OperatorCurrentLimit[2]", "20") is Answer.ACCEPTED
    assert station.set_key("HardwareCurrentLimit[2]", "16") is Answer.REJECTED, "the operator's is above it"
    assert station.set_key("OperatorCurrentLimit[3]", "16") is not Answer.ACCEPTED
