"""Temperatures of the simulated station: where they settle, how fast, and what the sensors make of it."""

import json
import math
from typing import Any

import pytest

from hardware.interfaces import PilotMode
from hardware.sim.site import ConnectorDescription, Ev, Refusal, Site, SiteDescription
from hardware.sim.site.thermal import Node

pytestmark = pytest.mark.unit

START_S = 1000.0
SENSORS = ("housing", "cpu", "rfid", "relay", "plug_1", "plug_2")
DAY_S = 86_400.0


def site_of(fan: bool = False, sensors: tuple[str, ...] = SENSORS, connectors: int = 1) -> Site:
    described = {number: ConnectorDescription() for number in range(1, connectors + 1)}
    site = Site(SiteDescription(described, outputs=("climate",), temperatures=sensors, fan=fan), now_s=START_S)
    site.feed(START_S)
    site.monoflop.enabled_until_s = math.inf
    return site


def charge(site: Site, connector: int = 1, duty: float = 0.5333, **ev: Any) -> None:
    site.plug_in(connector, Ev(battery_wh=1e6, soc_percent=1.0, **ev))
    site.advance(site.now_s + 0.1)
    site.drive_pilot(connector, PilotMode.PWM, duty)
    site.advance(site.now_s + 2.0)
    site.command_contactor(connector, True)
    site.advance(site.now_s + 15.0)


def celsius(site: Site, name: str = "housing") -> float:
    return site.temperatures()[name].celsius


def test_an_idle_station_is_as_warm_as_its_electronics_make_it() -> None:
    site = site_of()
    assert (celsius(site), celsius(site, "cpu"), celsius(site, "rfid")) == (26.0, 34.0, 28.0)
    assert (celsius(site, "relay"), celsius(site, "plug_1"), celsius(site, "plug_2")) == (26.0, 20.0, 20.0)
    assert site.next_event_s() == math.inf, "a temperature asks for no event"


def test_three_phases_of_32_a_warm_the_housing_by_26_k_and_the_contacts_further() -> None:
    site = site_of()
    charge(site)
    site.advance(site.now_s + 8.0 * 3600.0)
    assert 45.0 < celsius(site) < 47.0
    assert celsius(site, "relay") - celsius(site) == pytest.approx(13.8, abs=0.2)
    assert celsius(site, "plug_1") == pytest.approx(35.4, abs=0.2)


def test_one_phase_of_6_a_hardly_shows() -> None:
    site = site_of()
    charge(site, duty=0.10, phases=1)
    site.advance(site.now_s + 8.0 * 3600.0)
    assert 32.0 < celsius(site) < 32.5, "the coil alone is 6 K"


def test_the_housing_is_63_percent_there_after_an_hour_and_cools_down_again() -> None:
    site = site_of()
    charge(site)
    begin_c, began_s = site.thermal.housing_c(site.now_s), site.now_s
    site.advance(began_s + 3600.0)
    after_hour_c = site.thermal.housing_c(site.now_s)
    site.advance(began_s + 40 * 3600.0)
    settled_c = site.thermal.housing_c(site.now_s)
    assert (after_hour_c - begin_c) / (settled_c - begin_c) == pytest.approx(1 - math.exp(-1), abs=1e-3)
    site.command_contactor(1, False)
    site.advance(site.now_s + 40 * 3600.0)
    assert celsius(site) == 26.0


def test_a_course_does_not_depend_on_how_often_one_looks() -> None:
    once, often = site_of(), site_of()
    for site in (once, often):
        charge(site)
    for _ in range(500):
        often.advance(often.now_s + 7.3)
        often.temperatures()
    once.advance(often.now_s)
    assert once.thermal.housing_c(once.now_s) == pytest.approx(often.thermal.housing_c(often.now_s), abs=1e-9)


def test_a_node_keeps_its_course_when_its_target_changes() -> None:
    node = Node(100.0, 0.0)
    node.aim(10.0, 100.0, 0.0)
    assert node.rise_k(100.0) == pytest.approx(10.0 * (1 - math.exp(-1)))
    node.aim(0.0, 50.0, 100.0)
    assert node.rise_k(100.0) == pytest.approx(10.0 * (1 - math.exp(-1)))
    assert node.rise_k(150.0) == pytest.approx(10.0 * (1 - math.exp(-1)) * math.exp(-1))


def test_weather_adds_to_everything_and_is_refused_beyond_reason() -> None:
    site = site_of()
    site.weather(ambient_c=35.0, sun_k=12.0)
    assert (celsius(site), celsius(site, "plug_1")) == (53.0, 35.0)
    for wrong in ({"ambient_c": 200.0}, {"sun_k": -1.0}, {"ambient_c": math.nan}, {"climate": "sauna"}):
        with pytest.raises(Refusal):
            site.weather(**wrong)
    assert celsius(site) == 53.0


def test_a_running_fan_shows_its_speed_and_cools() -> None:
    site = site_of(fan=True)
    charge(site)
    site.advance(site.now_s + 10 * 3600.0)
    hot_c = celsius(site)
    site.drive_output("climate", True)
    assert site.fan().rpm == 3000.0  # type: ignore[union-attr]
    site.advance(site.now_s + 3600.0)
    assert celsius(site) < hot_c - 12.0
    site.drive_output("climate", False)
    site.advance(site.now_s + 1.0)
    assert site.fan().rpm == 0.0  # type: ignore[union-attr]


def test_a_stuck_fan_stands_still_and_does_not_cool() -> None:
    site = site_of(fan=True)
    site.fault("fan_stuck", 1, True)
    site.drive_output("climate", True)
    site.advance(site.now_s + 3600.0)
    assert site.fan().rpm == 0.0  # type: ignore[union-attr]
    assert celsius(site) == 26.0
    site.fault("fan_stuck", 1, False)
    assert site.fan().rpm == 3000.0  # type: ignore[union-attr]


def test_a_heater_warms() -> None:
    site = site_of()
    site.weather(ambient_c=-20.0, climate="heater")
    site.drive_output("climate", True)
    site.advance(site.now_s + DAY_S)
    assert celsius(site) == pytest.approx(-20.0 + 1.5 * 34.0, abs=0.1)
    assert site.fan() is None


def test_a_sensor_shows_what_a_fault_says_at_once_and_an_open_one_nothing() -> None:
    site = site_of()
    site.temperatures()
    site.fault("temperature_housing", 1, True, 71.0)
    assert site.temperatures()["housing"] == (71.0, site.now_s)
    assert celsius(site, "cpu") == 34.0, "only that sensor"
    site.fault("sensor_open_housing", 1, True)
    assert math.isnan(celsius(site))
    json.dumps(site.state(), allow_nan=False)
    site.fault("sensor_open_housing", 1, False)
    site.fault("temperature_housing", 1, False)
    assert celsius(site) == 26.0


def test_a_plug_of_one_connector_is_hot_alone_and_one_of_the_station_for_all() -> None:
    site = site_of(sensors=("housing", "plug_1", "plug_1.2"), connectors=2)
    site.fault("temperature_plug_1", 2, True, 90.0)
    assert (celsius(site, "plug_1"), celsius(site, "plug_1.2")) == (20.0, 90.0)
    site.fault("temperature_housing", 2, True, 66.0)
    assert celsius(site) == 66.0


def test_sensors_are_sampled_once_a_second() -> None:
    site = site_of()
    first = site.temperatures()["housing"].sampled_s
    site.advance(START_S + 0.9)
    assert site.temperatures()["housing"].sampled_s == first
    site.advance(START_S + 1.1)
    assert site.temperatures()["housing"].sampled_s == site.now_s


def test_warmth_and_weather_survive() -> None:
    site = site_of()
    site.weather(ambient_c=31.0, sun_k=5.0, climate="heater")
    charge(site)
    site.advance(site.now_s + 3600.0)
    again = Site(site.description, json.loads(json.dumps(site.dump())), 9_000_000.0)
    assert again.thermal.housing_c(again.now_s) == pytest.approx(site.thermal.housing_c(site.now_s))
    assert again.dump() == site.dump()
    again.advance(again.now_s + DAY_S)
    assert celsius(again) == 42.0
