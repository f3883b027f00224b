"""What comes from the grid: voltages, phases, RCD, circuit breaker, and what the meters show of it."""

import math
from typing import Any

import pytest

from hardware.interfaces import PilotMode
from hardware.sim.site import ConnectorDescription, Ev, Refusal, Site, SiteDescription

pytestmark = pytest.mark.unit

START_S = 1000.0
WIRED = {"rcd": False, "mcb": False, "monitoring_relay": False, "overcurrent": False}


def site_of(connectors: int = 1, **described: Any) -> Site:
    description = SiteDescription(
        {number: ConnectorDescription(**described) for number in range(1, connectors + 1)},
        inputs=WIRED,
        outputs=("auxiliary",),
    )
    site = Site(description, now_s=START_S)
    site.feed(START_S)
    site.monoflop.enabled_until_s = math.inf
    return site


def charging(site: Site, connector: int = 1, duty: float = 16 / 60, **ev: Any) -> Site:
    site.plug_in(connector, Ev(**ev))
    site.advance(site.now_s + 0.1)
    site.drive_pilot(connector, PilotMode.PWM, duty)
    site.advance(site.now_s + 2.0)
    site.command_contactor(connector, True)
    site.advance(site.now_s + 15.0)
    assert site.flows[connector].current_a[0] > 5.0
    return site


def rcd_on(site: Site, connector: int = 1) -> bool:
    return site.connectors[connector].upstream.rcd_closed


def is_closed(site: Site) -> bool:
    return site.connectors[1].contactor.closed


def is_silent(site: Site, meter: str = "connector.1") -> bool:
    return site.meters[meter].silent


def pulse(site: Site, on_s: float = 0.5) -> None:
    site.drive_output("auxiliary", True)
    site.advance(site.now_s + on_s)
    site.drive_output("auxiliary", False)


def test_a_sag_and_a_swell_show_on_all_phases_or_on_one() -> None:
    site = site_of()
    site.fault("undervoltage", 1, True, 150.0)
    assert site.meters["connector.1"].flow.voltage_v == (150.0, 150.0, 150.0)
    site.fault("undervoltage", 1, False)
    site.fault("overvoltage", 1, True)
    site.fault("voltage_l2", 1, True, 190.0)
    assert site.meters["connector.1"].flow.voltage_v == (265.0, 190.0, 265.0)


def test_a_fault_with_a_duration_ends_by_itself_to_the_microsecond() -> None:
    site = site_of()
    site.fault("undervoltage", 1, True, 150.0, for_s=0.1)
    site.advance(START_S + 0.099999)
    assert site.flows[1].voltage_v[0] == 150.0
    assert site.next_event_s() == pytest.approx(START_S + 0.1)
    site.advance(START_S + 0.1)
    assert site.flows[1].voltage_v[0] == 230.0
    assert site.connectors[1].faults.values == {}


def test_a_fault_can_begin_while_charging_and_last_its_time() -> None:
    site = site_of()
    site.fault("phase_loss", 1, True, 3.0, after_s=30.0, for_s=5.0)
    charging(site)
    car = site.connectors[1].car
    assert car is not None
    assert car.charging_since_s is not None
    site.advance(car.charging_since_s + 31.0)
    assert site.flows[1].current_a[2] == 0.0
    site.advance(car.charging_since_s + 36.0)
    assert site.flows[1].voltage_v[2] > 200.0


def test_a_lost_phase_has_neither_voltage_nor_current() -> None:
    site = charging(site_of())
    site.fault("phase_loss", 1, True, 2.0)
    site.advance(site.now_s + 5.0)
    flow = site.meters["connector.1"].flow
    assert (flow.voltage_v[1], flow.current_a[1]) == (0.0, 0.0)
    assert flow.current_a[0] == flow.current_a[2] == pytest.approx(16.0)


def test_without_l1_the_vehicle_stops() -> None:
    site = charging(site_of())
    site.fault("voltage_l1", 1, True, 0.0)
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("rotation", "phase"), [(None, 0), (1.0, 1), (2.0, 2), (3.0, 0)])
def test_wrongly_wired_phases_load_another_phase_of_the_grid(rotation: float | None, phase: int) -> None:
    site = charging(site_of(phases=1))
    if rotation is not None:
        site.fault("phase_rotation", 1, True, rotation)
    expected = [0.0, 0.0, 0.0]
    expected[phase] = 16.0
    assert site.meters["site"].flow.current_a == pytest.approx(expected)
    assert site.meters["connector.1"].flow.current_a == pytest.approx((16.0, 0.0, 0.0))


def test_the_meter_shows_another_frequency() -> None:
    site = site_of()
    site.fault("frequency", 1, True, 49.2)
    assert (site.meters["connector.1"].frequency_hz, site.meters["site"].frequency_hz) == (49.2, 50.0)


def test_a_sag_below_60_percent_drops_the_contactor_and_it_pulls_in_again_from_75() -> None:
    site = charging(site_of())
    site.fault("undervoltage", 1, True, 150.0)
    site.advance(site.now_s + 1.0)
    assert is_closed(site)
    site.fault("undervoltage", 1, True, 137.0)
    site.advance(site.now_s + 0.03)
    assert not is_closed(site)
    site.fault("undervoltage", 1, True, 160.0)
    site.advance(site.now_s + 1.0)
    assert not is_closed(site)
    site.fault("undervoltage", 1, False)
    site.advance(site.now_s + 0.1)
    assert is_closed(site)


def test_the_coil_alone_can_lack_voltage() -> None:
    site = charging(site_of())
    site.fault("coil_brownout", 1, True)
    site.advance(site.now_s + 0.03)
    assert not is_closed(site)
    assert site.flows[1].voltage_v == (230.0, 230.0, 230.0)


def test_without_mains_nothing_has_supply() -> None:
    site = charging(site_of())
    site.fault("mains_loss", 1, True, for_s=2.0)
    site.advance(site.now_s + 0.05)
    assert not is_closed(site)
    assert is_silent(site)
    assert not is_silent(site, "site")
    site.advance(site.now_s + 2.0)
    assert not is_silent(site)


def test_a_tripped_rcd_takes_the_supply_away_and_says_so() -> None:
    site = charging(site_of())
    site.fault("rcd_trip", 1, True)
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)
    assert is_closed(site)
    assert site.connectors[1].live() == (False, False, False)
    assert site.inputs.contacts() == {"rcd": True, "mcb": False, "monitoring_relay": True, "overcurrent": False}
    assert not is_silent(site)
    assert site.meters["connector.1"].flow.voltage_v == (230.0, 230.0, 230.0)


def test_a_meter_behind_the_rcd_goes_dark_with_it() -> None:
    site = site_of()
    site.fault("rcd_meter_dark", 1, True)
    assert not is_silent(site)
    site.fault("rcd_trip", 1, True)
    assert is_silent(site)
    site.fault("rcd_trip", 1, False)
    assert not is_silent(site)
    site.fault("mcb_trip", 1, True)
    assert is_silent(site)


def test_a_pulse_re_arms_an_rcd_whose_cause_is_gone_and_ends_the_fault() -> None:
    site = site_of()
    site.fault("rcd_trip", 1, True)
    pulse(site)
    site.advance(site.now_s + 10.0)
    assert rcd_on(site)
    assert not site.connectors[1].faults.active("rcd_trip")
    site.fault("rcd_trip", 1, True)
    assert not rcd_on(site)


def test_a_permanent_cause_trips_again_and_an_electrician_ends_it() -> None:
    site = site_of()
    site.fault("rcd_trip", 1, True, 1.0)
    for _ in range(3):
        pulse(site, 0.05)
        assert rcd_on(site)
        site.advance(site.now_s + 0.06)
        assert not rcd_on(site)
    site.fault("rcd_trip", 1, False)
    assert rcd_on(site)


def test_a_cause_that_goes_by_itself_leaves_the_rcd_tripped_until_it_is_re_armed() -> None:
    site = site_of()
    site.fault("rcd_trip", 1, True, 1.0, for_s=60.0)
    site.advance(START_S + 61.0)
    assert not rcd_on(site)
    pulse(site)
    site.advance(site.now_s + 60.0)
    assert rcd_on(site)


def test_the_auxiliary_output_trips_an_rcd_that_is_on() -> None:
    site = charging(site_of())
    site.fault("weld", 1, True)
    site.command_contactor(1, False)
    site.advance(site.now_s + 1.0)
    assert site.connectors[1].live()[0]
    site.drive_output("auxiliary", True)
    assert not site.connectors[1].live()[0]
    assert site.inputs.active("rcd")
    site.drive_output("auxiliary", False)
    assert not site.connectors[1].live()[0]


@pytest.mark.parametrize(
    ("wiring", "trips", "re_arms"),
    [("protection", True, True), ("recloser", False, True), ("shunt trip", True, False), ("none", False, False)],
)
def test_the_auxiliary_output_does_what_it_is_wired_to(wiring: str, trips: bool, re_arms: bool) -> None:
    site = site_of()
    site.wire("auxiliary", wiring)
    pulse(site)
    assert rcd_on(site) is not trips
    site.fault("rcd_trip", 1, False)
    site.fault("rcd_trip", 1, True)
    pulse(site)
    assert rcd_on(site) is re_arms
    with pytest.raises(Refusal, match="recloser"):
        site.wire("auxiliary", "toaster")


def test_a_residual_current_trips_the_rcd_too_when_nobody_opens_the_contactor() -> None:
    site = charging(site_of())
    site.fault("residual_rms", 1, True, 30.0)
    site.advance(site.now_s + 0.28)
    assert rcd_on(site)
    site.advance(site.now_s + 0.02)
    assert not rcd_on(site)
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)
    assert site.residual(1).rms_ma == 0.0  # type: ignore[union-attr]


def test_a_short_circuit_shows_at_the_meter_and_at_the_boards_own_detection() -> None:
    site = charging(site_of())
    site.fault("short_circuit", 1, True, for_s=0.5)
    assert site.flows[1].current_a == pytest.approx((216.0, 16.0, 16.0))
    assert site.flows[1].voltage_v[0] < 200.0
    assert site.inputs.active("overcurrent")
    site.advance(site.now_s + 0.6)
    assert not site.inputs.active("overcurrent")
    assert site.connectors[1].upstream.mcb_closed


def test_ten_times_the_rated_current_strikes_the_circuit_breaker_in_10_ms() -> None:
    site = charging(site_of())
    site.fault("short_circuit", 1, True, 1000.0)
    began_s = site.now_s
    while site.connectors[1].upstream.mcb_closed:
        site.advance(site.next_event_s())
    assert site.now_s - began_s == pytest.approx(0.010)
    assert site.inputs.active("mcb")
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)


def test_a_short_circuit_needs_no_vehicle_but_voltage() -> None:
    site = site_of()
    site.fault("short_circuit", 1, True)
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)
    site.command_contactor(1, True)
    site.advance(site.now_s + 0.1)
    assert site.flows[1].current_a == (200.0, 0.0, 0.0)


def test_two_connectors_have_protection_of_their_own() -> None:
    site = charging(charging(site_of(2)), 2)
    site.fault("rcd_trip", 2, True)
    assert site.flows[1].current_a[0] == pytest.approx(16.0)
    assert site.flows[2].current_a[0] == 0.0
    pulse(site)
    assert rcd_on(site), "a re-arming pulse trips nothing"
    assert rcd_on(site, 2)


def test_what_has_tripped_survives_and_so_does_a_wiring() -> None:
    site = site_of()
    site.fault("rcd_trip", 1, True, 1.0, for_s=60.0)
    site.fault("mcb_trip", 1, True)
    site.wire("auxiliary", "recloser")
    site.advance(START_S + 20.0)
    again = Site(site.description, site.dump(), START_S + 500.0)
    upstream = again.connectors[1].upstream
    assert (upstream.rcd_closed, upstream.mcb_closed) == (False, False)
    assert again.outputs.auxiliary == "recloser"
    assert again.next_event_s() == pytest.approx(START_S + 540.0), "the rest of its time"
    assert again.dump() == site.dump()


def test_an_rcd_that_a_shunt_trip_has_opened_is_still_open_after_a_power_cut() -> None:
    site = site_of()
    site.drive_output("auxiliary", True)
    again = Site(site.description, site.dump(), START_S + 500.0)
    assert not rcd_on(again)
    assert not again.outputs.pins["auxiliary"]
    pulse(again)
    assert rcd_on(again)
