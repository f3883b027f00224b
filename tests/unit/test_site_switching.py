"""Poles, phase relay, mirror wiring, lock actuators: what switches and what it says of itself."""

import math
from typing import Any

import pytest

from hardware.interfaces import LockDrive, PilotMode
from hardware.sim.site import ConnectorDescription, Ev, Site, SiteDescription

pytestmark = pytest.mark.unit

START_S = 1000.0


def site_of(**described: Any) -> Site:
    site = Site(SiteDescription({1: ConnectorDescription(**described)}), now_s=START_S)
    site.feed(START_S)
    site.monoflop.enabled_until_s = math.inf
    return site


def close(site: Site, closed: bool = True) -> None:
    site.command_contactor(1, closed)
    site.advance(site.now_s + 0.2)


def charge(site: Site, **ev: Any) -> None:
    site.plug_in(1, Ev(**ev))
    site.advance(site.now_s + 0.1)
    site.drive_pilot(1, PilotMode.PWM, 16 / 60)
    site.advance(site.now_s + 2.0)
    close(site)
    site.advance(site.now_s + 15.0)


@pytest.mark.parametrize("pole", [0, 1, 2])
def test_one_welded_pole_keeps_its_phase_live_and_the_mirror_contact_in_place(pole: int) -> None:
    site = site_of(output_sense=True)
    close(site)
    site.fault(f"weld_l{pole + 1}", 1, True)
    close(site, False)
    volts = site.output_voltage(1)
    assert volts is not None
    assert [volt > 200.0 for volt in volts] == [phase == pole for phase in range(3)]
    assert site.mirror(1) is True
    again = Site(site.description, site.dump(), 5000.0)
    assert again.connectors[1].live() == tuple(phase == pole for phase in range(3))
    assert again.mirror(1) is True
    site.fault(f"weld_l{pole + 1}", 1, False)
    site.advance(site.now_s + 0.1)
    assert site.connectors[1].live() == (False, False, False)
    assert site.mirror(1) is False


def test_an_open_pole_welds_at_the_next_closing() -> None:
    site = site_of()
    site.fault("weld_l2", 1, True)
    assert site.connectors[1].live() == (False, False, False)
    close(site)
    close(site, False)
    assert site.connectors[1].live() == (False, True, False)
    assert site.state()["connectors"]["1"]["welded_poles"] == [False, True, False]


def test_a_mirror_contact_that_opens_with_the_main_contacts_reads_the_other_way() -> None:
    site = site_of(mirror_normally_closed=True)
    assert site.mirror(1) is True
    close(site)
    assert site.mirror(1) is False


def test_the_voltage_behind_the_contactor_is_that_of_the_line() -> None:
    site = site_of(output_sense=True)
    assert site.output_voltage(1) == (0.0, 0.0, 0.0)
    charge(site)
    assert site.output_voltage(1) == pytest.approx(site.flows[1].voltage_v)
    assert 220.0 < site.output_voltage(1)[0] < 230.0  # type: ignore[index]
    assert site_of().output_voltage(1) is None


def test_a_connector_with_one_phase_has_one_phase_live() -> None:
    site = site_of(phases=1, output_sense=True)
    close(site)
    assert site.output_voltage(1) == (230.0, 0.0, 0.0)


def test_the_phase_relay_moves_in_12_ms_and_its_feedback_tells_where_it_is() -> None:
    site = site_of(phase_switching=True)
    assert site.phase_relay(1) is True
    site.select_phases(1, 1)
    site.advance(START_S + 0.0119)
    assert site.phase_relay(1) is True
    site.advance(START_S + 0.0121)
    assert site.phase_relay(1) is False
    close(site)
    assert site.connectors[1].live() == (True, False, False)
    assert Site(site.description, site.dump(), 5000.0).phase_relay(1) is False
    assert site_of().phase_relay(1) is None


def test_a_stuck_phase_relay_stays_and_moves_when_it_is_repaired() -> None:
    site = site_of(phase_switching=True)
    site.fault("phase_relay_stuck", 1, True)
    site.select_phases(1, 1)
    site.advance(START_S + 1.0)
    assert site.phase_relay(1) is True
    site.fault("phase_relay_stuck", 1, False)
    site.advance(START_S + 1.1)
    assert site.phase_relay(1) is False


def test_switching_the_phases_under_voltage_is_counted_against_whoever_does_it() -> None:
    site = site_of(phase_switching=True)

    def switched_live() -> int:
        counted: int = site.state()["connectors"]["1"]["phase_relay_switched_live"]
        return counted

    site.select_phases(1, 1)
    site.advance(site.now_s + 0.1)
    assert switched_live() == 0
    close(site)
    site.select_phases(1, 3)
    site.advance(site.now_s + 0.1)
    assert switched_live() == 1


def test_a_vehicle_charges_with_the_phases_it_gets_and_starts_anew_when_more_come() -> None:
    site = site_of(phase_switching=True)
    site.select_phases(1, 1)
    charge(site, draws_after_s=8.0)
    assert site.flows[1].current_a == pytest.approx((16.0, 0.0, 0.0), abs=0.01)
    site.select_phases(1, 3)
    site.advance(site.now_s + 7.9)
    assert site.flows[1].current_a == (0.0, 0.0, 0.0)
    site.advance(site.now_s + 10.0)
    assert site.flows[1].current_a == pytest.approx((16.0, 16.0, 16.0))


def test_a_contactor_that_opens_slowly_closes_as_ever() -> None:
    site = site_of()
    site.fault("contactor_slow_open", 1, True, 90.0)
    site.command_contactor(1, True)
    site.advance(START_S + 0.06)
    assert site.connectors[1].live()[0]
    commanded_s = site.now_s
    site.command_contactor(1, False)
    while site.connectors[1].live()[0]:
        site.advance(site.next_event_s())
    assert 0.098 <= site.now_s - commanded_s <= 0.110


def test_an_actuator_without_feedback_says_nothing() -> None:
    site = site_of(lock_feedback=False)
    site.drive_lock(1, LockDrive.LOCK)
    site.advance(START_S + 1.0)
    assert site.lock_feedback(1) is None
    assert site.state()["connectors"]["1"]["lock"] == "locked"


def test_a_lying_lock_feedback_says_locked_wherever_the_bolt_is() -> None:
    site = site_of()
    site.fault("lock_lies", 1, True)
    assert site.lock_feedback(1) is True
    site.plug_in(1)
    site.plug_out(1)


def test_the_emergency_release_draws_the_bolt_back_when_the_supply_is_lost_and_needs_5_s_to_recharge() -> None:
    site = site_of(lock_release=True)
    assert site.release_charged(1) is True
    site.plug_in(1)
    site.drive_lock(1, LockDrive.LOCK)
    site.advance(START_S + 1.0)
    site.fault("mains_loss", 1, True)
    assert site.release_charged(1) is False
    site.advance(START_S + 1.7)
    assert site.lock_feedback(1) is False
    site.drive_lock(1, LockDrive.LOCK)
    site.advance(START_S + 10.0)
    assert site.lock_feedback(1) is False, "the motor has no supply"
    site.fault("mains_loss", 1, False)
    site.advance(START_S + 14.9)
    assert site.release_charged(1) is False
    site.advance(START_S + 15.1)
    assert (site.release_charged(1), site.lock_feedback(1)) == (True, True)


def test_an_empty_release_leaves_the_plug_locked() -> None:
    site = site_of(lock_release=True)
    site.fault("release_empty", 1, True)
    assert site.release_charged(1) is False
    site.drive_lock(1, LockDrive.LOCK)
    site.advance(START_S + 1.0)
    site.fault("mains_loss", 1, True)
    site.advance(START_S + 60.0)
    assert site.lock_feedback(1) is True


def test_a_lock_without_release_stays_as_it_is_without_supply() -> None:
    site = site_of()
    assert site.release_charged(1) is None
    site.drive_lock(1, LockDrive.LOCK)
    site.advance(START_S + 1.0)
    site.fault("mains_loss", 1, True)
    site.drive_lock(1, LockDrive.UNLOCK)
    site.advance(START_S + 60.0)
    assert site.lock_feedback(1) is True
    again = Site(site.description, site.dump(), 5000.0)
    again.fault("mains_loss", 1, False)
    again.drive_lock(1, LockDrive.UNLOCK)
    again.advance(5001.0)
    assert again.lock_feedback(1) is False


def test_a_recharging_release_is_charged_after_a_power_cut() -> None:
    site = site_of(lock_release=True)
    site.fault("mains_loss", 1, True, for_s=1.0)
    site.advance(START_S + 2.0)
    assert site.release_charged(1) is False
    again = Site(site.description, site.dump(), 5000.0)
    again.advance(5000.0)
    assert again.release_charged(1) is True
