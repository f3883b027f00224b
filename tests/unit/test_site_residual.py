"""The simulated residual current module: trip times, test winding, and its ways to fail."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.interfaces import PilotMode, ResidualCurrent
from hardware.sim.site import ConnectorDescription, Ev, Site, SiteDescription
from hardware.sim.site.trip import MODULE_DC, MODULE_RMS, RCD, TripClock

pytestmark = pytest.mark.unit

START_S = 1000.0


def live_site(residual_module: bool = True) -> Site:
    """Voltage stands behind the contactor; nobody needs to feed it."""
    site = Site(SiteDescription({1: ConnectorDescription(residual_module=residual_module)}), now_s=START_S)
    site.feed(START_S)
    site.monoflop.enabled_until_s = math.inf
    site.command_contactor(1, True)
    site.advance(START_S + 1.0)
    assert site.connectors[1].live() == (True, True, True)
    return site


def status(site: Site) -> ResidualCurrent:
    read = site.residual(1)
    assert read is not None
    return read


def tripped_after(site: Site, output: str, within_s: float) -> float:
    """Event by event: seconds until this output goes high; inf = not within."""
    begin_s = site.now_s
    while not getattr(status(site), output):
        event_s = site.next_event_s()
        if event_s > begin_s + within_s:
            site.advance(begin_s + within_s)
            return math.inf
        site.advance(event_s)
    return site.now_s - begin_s


@pytest.mark.parametrize(
    ("milliamperes", "within_s"), [(6.0, 10.0), (20.0, 10.0), (60.0, 0.3), (100.0, 0.3), (200.0, 0.1), (900.0, 0.1)]
)
def test_a_direct_current_trips_within_the_time_of_iec_62955(milliamperes: float, within_s: float) -> None:
    site = live_site()
    site.fault("residual_dc", 1, True, milliamperes)
    assert status(site).dc_ma == milliamperes
    assert not status(site).dc_tripped
    assert 0.02 < tripped_after(site, "dc_tripped", 60.0) < within_s
    assert not status(site).rms_tripped


@pytest.mark.parametrize(("milliamperes", "within_s"), [(30.0, 0.3), (60.0, 0.15), (150.0, 0.04), (800.0, 0.04)])
def test_an_alternating_current_trips_within_the_time_of_iec_62752(milliamperes: float, within_s: float) -> None:
    site = live_site()
    site.fault("residual_rms", 1, True, milliamperes)
    assert 0.01 < tripped_after(site, "rms_tripped", 60.0) < within_s
    assert not status(site).dc_tripped


def test_six_milliamperes_take_just_under_ten_seconds() -> None:
    site = live_site()
    site.fault("residual_dc", 1, True, 6.0)
    assert tripped_after(site, "dc_tripped", 60.0) == pytest.approx(9.9)


@pytest.mark.parametrize(("fault", "output"), [("residual_dc", "dc_tripped"), ("residual_rms", "rms_tripped")])
@pytest.mark.parametrize("share", [0.5, 0.983])
def test_below_its_threshold_it_never_trips(fault: str, output: str, share: float) -> None:
    site = live_site()
    site.fault(fault, 1, True, (6.0 if fault == "residual_dc" else 30.0) * share)
    assert tripped_after(site, output, 3600.0) == math.inf


def test_between_two_points_the_delay_lies_on_a_line_of_logarithms() -> None:
    assert MODULE_DC.delay_s(math.sqrt(6.0 * 60.0)) == pytest.approx(math.sqrt(9.9 * 0.25))
    assert MODULE_DC.delay_s(5.999) == math.inf
    assert MODULE_DC.delay_s(60.0) == pytest.approx(0.25)


@given(st.floats(6.0, 2000.0), st.floats(6.0, 2000.0))
def test_a_larger_current_never_takes_longer(first_ma: float, second_ma: float) -> None:
    low_ma, high_ma = sorted((first_ma, second_ma))
    for curve in (MODULE_DC, MODULE_RMS, RCD):
        assert curve.delay_s(high_ma) <= curve.delay_s(low_ma)


def test_times_at_different_currents_add_up_and_a_pause_starts_anew() -> None:
    clock = TripClock(MODULE_DC)
    clock.see(6.0, 100.0)
    clock.see(60.0, 100.0 + 9.9 / 2)
    assert clock.due_s() == pytest.approx(100.0 + 9.9 / 2 + 0.25 / 2)
    clock.see(5.9, 105.0)
    assert clock.due_s() == math.inf
    clock.see(60.0, 200.0)
    assert clock.due_s() == pytest.approx(200.25)


def test_residual_current_needs_voltage_behind_the_contactor() -> None:
    site = Site(SiteDescription({1: ConnectorDescription()}), now_s=START_S)
    site.fault("residual_dc", 1, True, 60.0)
    assert tripped_after(site, "dc_tripped", 60.0) == math.inf
    assert status(site).dc_ma == 0.0
    site.feed(site.now_s)
    site.monoflop.enabled_until_s = math.inf
    site.command_contactor(1, True)
    assert 0.265 <= tripped_after(site, "dc_tripped", 1.0) <= 0.25 + 0.030 + 3 * 0.008, "counted from the last bounce"


def test_the_outputs_fall_again_after_the_current_is_gone() -> None:
    site = live_site()
    site.fault("residual_dc", 1, True, 200.0)
    tripped_after(site, "dc_tripped", 1.0)
    site.command_contactor(1, False)
    site.advance(site.now_s + 0.15)
    assert status(site).dc_ma == 0.0
    assert status(site).dc_tripped
    site.advance(site.now_s + 0.15)
    assert not status(site).dc_tripped


def test_the_test_winding_trips_both_outputs_after_0_2_s_and_they_clear_0_2_s_after_it() -> None:
    site = Site(SiteDescription({1: ConnectorDescription()}), now_s=START_S)
    site.test_residual(1, True)
    assert tripped_after(site, "dc_tripped", 5.0) == pytest.approx(0.2)
    assert status(site).rms_tripped
    site.advance(START_S + 3.0)
    assert status(site).dc_tripped
    site.test_residual(1, False)
    site.advance(START_S + 3.19)
    assert (status(site).dc_tripped, status(site).rms_tripped) == (True, True)
    site.advance(START_S + 3.21)
    assert (status(site).dc_tripped, status(site).rms_tripped) == (False, False)


def test_a_test_that_is_called_off_in_time_trips_nothing() -> None:
    site = Site(SiteDescription({1: ConnectorDescription()}), now_s=START_S)
    site.test_residual(1, True)
    site.advance(START_S + 0.1)
    site.test_residual(1, False)
    assert tripped_after(site, "dc_tripped", 5.0) == math.inf


def test_a_dead_module_shows_neither_current_nor_test() -> None:
    site = live_site()
    site.fault("residual_dead", 1, True)
    site.fault("residual_dc", 1, True, 200.0)
    site.test_residual(1, True)
    site.advance(site.now_s + 10.0)
    assert status(site)[:5] == (0.0, 0.0, False, False, False)
    site.fault("residual_dead", 1, False)
    assert status(site)[:4] == (200.0, 0.0, True, True)


def test_a_stuck_module_and_one_with_an_error_say_so() -> None:
    site = live_site()
    site.fault("residual_stuck", 1, True)
    assert status(site)[2:5] == (True, True, False)
    site.fault("residual_stuck", 1, False)
    site.fault("residual_device_error", 1, True)
    assert status(site)[2:5] == (False, False, True)


def test_a_glitch_lasts_a_millisecond_each_time_the_contacts_switch() -> None:
    site = live_site()
    site.fault("residual_glitch", 1, True)
    assert not status(site).dc_tripped
    site.command_contactor(1, False)
    high_s = tripped_after(site, "dc_tripped", 0.1)
    assert 0.008 <= high_s <= 0.020
    assert status(site).rms_tripped
    began_s = site.now_s
    site.advance(site.next_event_s())
    while status(site).dc_tripped:
        site.advance(site.next_event_s())
    assert site.now_s - began_s == pytest.approx(0.001)


def test_without_a_module_there_is_nothing_to_read() -> None:
    site = live_site(residual_module=False)
    assert site.residual(1) is None
    site.test_residual(1, True)
    site.fault("residual_dc", 1, True, 200.0)
    site.advance(site.now_s + 1.0)


def test_a_vehicle_that_leaks_charges_on_until_somebody_opens_the_contactor() -> None:
    site = live_site()
    site.plug_in(1, Ev(simplified=True))
    site.drive_pilot(1, PilotMode.PWM, 0.1667)
    site.fault("residual_rms", 1, True, 20.0)
    site.advance(site.now_s + 20.0)
    assert site.flows[1].current_a[0] == pytest.approx(10.0)
    assert status(site).rms_ma == 20.0
