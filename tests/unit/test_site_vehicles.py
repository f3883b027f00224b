"""Vehicles that are not as they should be, and a pilot that is not read as it is."""

import math
from itertools import pairwise
from typing import Any

import pytest

from hardware.interfaces import PilotMode
from hardware.sim.site import ConnectorDescription, Ev, Site, SiteDescription

pytestmark = pytest.mark.unit

START_S = 1000.0
DUTY_16_A = 16 / 60


def plugged(**ev: Any) -> Site:
    site = Site(SiteDescription({1: ConnectorDescription()}), now_s=START_S)
    site.feed(START_S)
    site.monoflop.enabled_until_s = math.inf
    site.plug_in(1, Ev(**ev))
    site.advance(START_S + 0.1)
    return site


def offered(**ev: Any) -> Site:
    site = plugged(**ev)
    site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    return site


def charging(**ev: Any) -> Site:
    site = offered(**ev)
    site.advance(site.now_s + 2.0)
    site.command_contactor(1, True)
    site.advance(site.now_s + 15.0)
    return site


def letter(site: Site) -> str:
    high_v = site.pilot_levels(1).high_v
    return {12: "A", 9: "B", 6: "C", 3: "D", 0: "E"}[round(high_v)]


def letters(site: Site, seconds: float) -> list[tuple[float, str]]:
    """Each level with the time since now at which it came."""
    begin_s, seen = site.now_s, [(0.0, letter(site))]
    while (event_s := site.next_event_s()) <= begin_s + seconds:
        site.advance(event_s)
        if letter(site) != seen[-1][1]:
            seen.append((round(site.now_s - begin_s, 6), letter(site)))
    site.advance(begin_s + seconds)
    return seen


def test_a_sleeping_vehicle_ignores_the_offer_until_its_pilot_was_away_for_4_s() -> None:
    site = offered(asleep=True)
    site.advance(site.now_s + 120.0)
    assert letter(site) == "B"
    site.drive_pilot(1, PilotMode.F, 0.0)
    site.advance(site.now_s + 3.9)
    site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    site.advance(site.now_s + 30.0)
    assert letter(site) == "B"
    assert site.state()["connectors"]["1"]["vehicle"]["asleep"]
    site.drive_pilot(1, PilotMode.F, 0.0)
    site.advance(site.now_s + 4.0)
    site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    site.advance(site.now_s + 1.1)
    assert letter(site) == "C"
    again = Site(site.description, site.dump(), 9000.0)
    again.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    again.advance(9001.1)
    assert letter(again) == "C", "awake until it is unplugged"


def test_a_pilot_that_is_cut_wakes_a_sleeping_vehicle_too() -> None:
    site = offered(asleep=True)
    site.fault("pilot_open", 1, True, for_s=4.5)
    site.advance(site.now_s + 7.0)
    assert letter(site) == "C"


def test_a_vehicle_without_an_offer_toggles_b_c_b_every_three_seconds() -> None:
    site = plugged()
    site.fault("bcb_toggle", 1, True, 300.0)
    assert letters(site, 8.0) == [(0.0, "B"), (3.0, "C"), (3.3, "B"), (6.3, "C"), (6.6, "B")]
    site.fault("bcb_toggle", 1, False)
    assert letters(site, 8.0) == [(0.0, "B")]


def test_toggling_ends_where_charging_begins() -> None:
    site = plugged()
    site.fault("bcb_toggle", 1, True)
    site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    site.advance(site.now_s + 2.0)
    assert letters(site, 10.0) == [(0.0, "C")]


def test_a_bouncing_plug_shows_b_nothing_and_b_within_its_time_and_is_over() -> None:
    site = charging()
    site.fault("pilot_bounce", 1, True, 60.0)
    assert letters(site, 1.0) == [(0.0, "B"), (0.02, "A"), (0.04, "B"), (0.06, "C")]
    assert site.connectors[1].faults.values == {}
    assert site.flows[1].current_a[0] == pytest.approx(16.0)


def test_a_charging_vehicle_may_ask_for_ventilation_and_let_it_be() -> None:
    site = charging()
    site.fault("ventilation", 1, True, for_s=30.0)
    assert letter(site) == "D"
    site.advance(site.now_s + 31.0)
    assert letter(site) == "C"


@pytest.mark.parametrize("percent", [8.0, 15.0, 40.0])
def test_a_vehicle_may_draw_more_than_it_is_offered(percent: float) -> None:
    site = charging(max_current_a=32.0)
    site.fault("overdraw", 1, True, percent)
    site.advance(site.now_s + 10.0)
    assert site.flows[1].current_a[0] == pytest.approx(16.0 * (1 + percent / 100.0))
    site.drive_pilot(1, PilotMode.PWM, 10 / 60)
    site.advance(site.now_s + 5.0)
    assert site.flows[1].current_a[0] == pytest.approx(10.0 * (1 + percent / 100.0))
    site.fault("overdraw", 1, False)
    site.advance(site.now_s + 5.0)
    assert site.flows[1].current_a[0] == pytest.approx(10.0)


def test_a_slow_vehicle_takes_its_time_to_open_s2_and_to_draw() -> None:
    site = charging(opens_s2_after_s=20.0, draws_after_s=5.0)
    assert site.connectors[1].car is not None
    voltage_s = site.connectors[1].contactor.closed_s
    since_s = site.connectors[1].car.charging_since_s
    assert since_s is not None
    assert since_s == pytest.approx(voltage_s + 5.25), "its first ampere"
    site.drive_pilot(1, PilotMode.X1, 1.0)
    assert letters(site, 60.0) == [(0.0, "C"), (20.0, "B")]
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)


def test_standby_current_flows_from_one_phase_while_the_vehicle_does_not_charge() -> None:
    site = charging(standby_a=0.4, soc_percent=99.999, battery_wh=100.0)
    site.advance(site.now_s + 60.0)
    assert site.connectors[1].car is not None
    assert site.connectors[1].car.battery.full
    assert site.flows[1].current_a == (0.4, 0.0, 0.0)
    assert site.flows[1].power_factor == pytest.approx(0.6)
    site.command_contactor(1, False)
    site.advance(site.now_s + 0.1)
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)


def test_a_pilot_held_at_9_v_reads_as_state_b_with_a_healthy_negative_level() -> None:
    site = charging()
    site.fault("pilot_stuck_b", 1, True)
    assert site.pilot_levels(1)[:2] == (9.0, -12.0)


def test_a_sampling_that_is_off_reads_off() -> None:
    site = charging()
    true = site.pilot_levels(1)
    site.fault("pilot_adc_offset", 1, True, 0.5)
    assert site.pilot_levels(1)[:2] == pytest.approx((true.high_v + 0.5, -11.5))
    site.fault("pilot_adc_offset", 1, False)
    site.fault("pilot_adc_gain", 1, True, 3.0)
    assert site.pilot_levels(1)[:2] == pytest.approx((true.high_v * 1.03, -12.36))
    site.fault("pilot_adc_gain", 1, False)
    assert site.pilot_levels(1)[:4] == true[:4]


def test_events_of_toggling_never_pile_up() -> None:
    site = plugged()
    site.fault("bcb_toggle", 1, True, 50.0)
    times = [at_s for at_s, _ in letters(site, 100.0)]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert 60 <= len(times) <= 70
