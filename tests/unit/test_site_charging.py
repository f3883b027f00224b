"""A whole simulated site: plugs, offers, currents, energies, faults, and what survives."""

import contextlib
import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.interfaces import LockDrive, PilotMode
from hardware.sim.site import ConnectorDescription, Ev, Refusal, Site, SiteDescription

pytestmark = pytest.mark.unit

START_S = 1000.0
DUTY_16_A = 16 / 60
TWO = SiteDescription(
    {1: ConnectorDescription(), 2: ConnectorDescription(fixed_cable=True, lock=False, phases=1)},
    inputs={"tamper": False},
)


class Hand:
    """Drives a site the way a well-behaved station does: feeds every 100 ms while asked to."""

    def __init__(self, memory: dict[str, Any] | None = None, description: SiteDescription = TWO) -> None:
        self.site = Site(description, memory, START_S)
        self.feeding = True

    def wait(self, seconds: float) -> None:
        end = self.site.now_s + seconds
        while self.site.now_s < end - 1e-9:
            self.site.advance(min(end, self.site.now_s + 0.1))
            if self.feeding:
                self.site.feed(self.site.now_s)

    def until(self, condition: Callable[[], bool], within_s: float) -> float:
        """Step through the events; returns how long it took."""
        start = self.site.now_s
        while not condition():
            step = min(self.site.next_event_s(), self.site.now_s + 0.1)
            assert step - start <= within_s, f"not within {within_s} s"
            self.site.advance(step)
            if self.feeding:
                self.site.feed(self.site.now_s)
        return self.site.now_s - start

    def charge(self, connector: int = 1, duty: float = DUTY_16_A, **ev: Any) -> None:
        self.site.plug_in(connector, Ev(**ev))
        self.wait(0.1)
        self.site.drive_pilot(connector, PilotMode.PWM, duty)
        self.until(lambda: self.level(connector) < 7.0, 5.0)
        self.close(connector)
        self.wait(12.0)

    def close(self, connector: int = 1) -> None:
        self.site.feed(self.site.now_s)
        self.site.command_contactor(connector, True)

    def level(self, connector: int = 1) -> float:
        return self.site.pilot_levels(connector).high_v

    def current(self, connector: int = 1) -> tuple[float, float, float]:
        return self.site.flows[connector].current_a


def test_an_empty_connector_shows_twelve_volts_and_an_open_proximity() -> None:
    site = Hand().site
    assert site.pilot_levels(1) == (12.0, 12.0, 1.0, 0.0, START_S)
    assert site.proximity_ohm(1) == math.inf
    assert site.proximity_ohm(2) is None
    assert site.lock_feedback(2) is None
    assert site.next_event_s() == math.inf


def test_proximity_leads_and_pilot_follows_when_a_plug_goes_in() -> None:
    hand = Hand()
    hand.site.plug_in(1, cable_a=20)
    assert hand.site.proximity_ohm(1) == 680.0
    assert hand.level() == 12.0
    hand.wait(0.02)
    assert hand.level() == pytest.approx(8.98, abs=0.01)


def test_a_vehicle_asks_for_power_its_time_after_the_offer_and_not_before() -> None:
    hand = Hand()
    hand.site.plug_in(1, Ev(ready_after_s=2.5))
    hand.wait(60.0)
    assert hand.level() > 8.0
    hand.site.drive_pilot(1, PilotMode.PWM, 0.05)
    hand.wait(60.0)
    assert hand.level() > 8.0, "5 % offers nothing to a vehicle without digital communication"
    hand.site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    assert hand.until(lambda: hand.level() < 7.0, 3.0) == pytest.approx(2.5)


def test_current_flows_at_least_one_second_after_the_request_and_ramps_to_what_is_offered() -> None:
    hand = Hand()
    hand.site.plug_in(1)
    hand.wait(0.1)
    hand.site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    hand.until(lambda: hand.level() < 7.0, 2.0)
    asked = hand.site.now_s
    hand.close()
    hand.until(lambda: hand.current()[0] > 0.0, 3.0)
    assert hand.site.now_s - asked >= 1.0
    assert hand.current()[0] == 1.0, "a soft ramp"
    hand.wait(10.0)
    assert hand.current() == pytest.approx((16.0, 16.0, 16.0))
    assert 200.0 < hand.site.flows[1].voltage_v[0] < 230.0
    assert hand.site.flows[1].power_factor == pytest.approx(0.99)


def test_a_connector_with_one_phase_feeds_one_phase() -> None:
    hand = Hand()
    hand.charge(2)
    assert hand.current(2) == pytest.approx((16.0, 0.0, 0.0))


def test_the_energy_is_the_sum_of_power_and_time_and_the_site_meter_counts_all() -> None:
    hand = Hand()
    hand.charge(1)
    hand.charge(2)
    before = {name: meter.energy_wh for name, meter in hand.site.meters.items()}
    watts = hand.site.flows[1].power_w
    hand.wait(360.0)
    counted = {name: meter.energy_wh - before[name] for name, meter in hand.site.meters.items()}
    assert counted["connector.1"] == pytest.approx(watts / 10.0)
    assert counted["site"] == pytest.approx(counted["connector.1"] + counted["connector.2"])
    assert hand.site.connectors[1].energy_wh == pytest.approx(hand.site.meters["connector.1"].energy_wh)


@given(st.lists(st.floats(0.001, 300.0), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_the_energy_does_not_depend_on_how_often_one_looks(steps: list[float]) -> None:
    once, often = Hand(), Hand()
    for hand in (once, often):
        hand.charge(soc_percent=79.99)
        # Never-ending feed: what is compared is the arithmetic, not the monoflop.
        hand.site.monoflop.enabled_until_s = math.inf
    for step in steps:
        often.site.advance(often.site.now_s + step)
    once.site.advance(often.site.now_s)
    assert once.site.meters["connector.1"].energy_wh == pytest.approx(often.site.meters["connector.1"].energy_wh)
    assert once.site.connectors[1].car is not None
    assert often.site.connectors[1].car is not None
    assert once.site.connectors[1].car.battery.soc_percent == pytest.approx(
        often.site.connectors[1].car.battery.soc_percent
    )


def test_a_vehicle_follows_a_new_duty_within_a_second() -> None:
    hand = Hand()
    hand.charge()
    hand.site.drive_pilot(1, PilotMode.PWM, 0.10)
    took = hand.until(lambda: hand.current()[0] < 16.0, 1.2)
    assert took >= 0.5
    hand.wait(2.0)
    assert hand.current()[0] == pytest.approx(6.0)


def test_a_vehicle_stops_and_opens_s2_within_three_seconds_of_x1() -> None:
    hand = Hand()
    hand.charge(duty=0.5333)
    hand.site.drive_pilot(1, PilotMode.X1, 1.0)
    hand.until(lambda: hand.level() > 8.0, 3.0)
    assert hand.current()[0] == 0.0


def test_an_offer_that_comes_back_in_time_keeps_the_vehicle_charging() -> None:
    hand = Hand()
    hand.charge(duty=0.5333)
    hand.site.drive_pilot(1, PilotMode.X1, 1.0)
    hand.wait(0.8)
    assert 0.0 < hand.current()[0] < 31.0, "on its way down"
    hand.site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    for _ in range(100):
        hand.wait(0.1)
        assert hand.level() < 7.0
    assert hand.current()[0] == pytest.approx(16.0)


def test_a_vehicle_that_does_not_obey_keeps_its_current_through_x1() -> None:
    hand = Hand()
    hand.charge(obeys_pwm=False, duty=0.10)
    assert hand.current()[0] == pytest.approx(32.0)
    hand.site.drive_pilot(1, PilotMode.X1, 1.0)
    hand.wait(30.0)
    assert hand.current()[0] == pytest.approx(32.0)
    assert hand.level() < 7.0


def test_a_simplified_vehicle_asks_at_once_and_takes_ten_amperes() -> None:
    hand = Hand()
    hand.site.plug_in(1, Ev(simplified=True))
    hand.wait(0.1)
    assert hand.level() == pytest.approx(5.99, abs=0.01)
    hand.site.drive_pilot(1, PilotMode.PWM, 0.5333)
    hand.close()
    hand.wait(10.0)
    assert hand.current()[0] == pytest.approx(10.0)


def test_a_vehicle_that_needs_ventilation_shows_state_d() -> None:
    hand = Hand()
    hand.charge(needs_ventilation=True)
    assert hand.level() == pytest.approx(2.93, abs=0.01)


def test_pause_and_resume_by_the_vehicle() -> None:
    hand = Hand()
    hand.charge()
    hand.site.ev_pause(1)
    assert hand.level() > 8.0
    assert hand.current()[0] == 0.0
    hand.wait(10.0)
    assert hand.level() > 8.0
    hand.site.ev_resume(1)
    hand.wait(0.1)
    assert hand.level() < 7.0
    hand.wait(10.0)
    assert hand.current()[0] == pytest.approx(16.0)


def test_current_ends_with_the_contactor_and_comes_back_with_it() -> None:
    hand = Hand()
    hand.charge()
    hand.site.command_contactor(1, False)
    hand.wait(0.03)
    assert hand.current()[0] == 0.0
    counted = hand.site.meters["connector.1"].energy_wh
    hand.wait(60.0)
    assert hand.site.meters["connector.1"].energy_wh == counted
    hand.close()
    hand.wait(12.0)
    assert hand.current()[0] == pytest.approx(16.0)


def test_when_the_feed_ends_the_contactor_opens_within_200_ms_of_the_last_one() -> None:
    hand = Hand()
    hand.charge()
    hand.site.feed(hand.site.now_s)
    hand.feeding = False
    took = hand.until(lambda: not hand.site.connectors[1].contactor.closed, 0.2)
    assert took >= 0.15
    hand.feeding = True
    hand.wait(5.0)
    assert not hand.site.connectors[1].contactor.closed


def test_the_battery_tapers_from_80_percent_and_a_full_one_opens_s2() -> None:
    hand = Hand()
    hand.charge(soc_percent=79.5, battery_wh=5000.0, duty=0.5333)
    currents = []
    while hand.level() < 7.0:
        currents.append(hand.current()[0])
        hand.wait(10.0)
        assert len(currents) < 1000
    assert currents[0] == pytest.approx(32.0, abs=0.03)
    assert all(after <= before + 1e-9 for before, after in pairwise(currents))
    assert 6.0 <= currents[-1] < 7.0
    car = hand.site.connectors[1].car
    assert car is not None
    assert car.battery.soc_percent == 100.0
    hand.wait(600.0)
    assert hand.level() > 8.0


def test_a_locked_plug_is_held_unless_somebody_uses_force() -> None:
    hand = Hand()
    hand.site.plug_in(1)
    hand.site.drive_lock(1, LockDrive.LOCK)
    hand.wait(0.7)
    assert hand.site.lock_feedback(1)
    with pytest.raises(Refusal, match="locked"):
        hand.site.plug_out(1)
    assert hand.level() < 10.0
    hand.site.plug_out(1, force=True)
    assert hand.level() == 12.0
    assert hand.site.proximity_ohm(1) == math.inf
    with pytest.raises(Refusal, match="locked"):
        hand.site.plug_in(1)


def test_unplugged_at_the_vehicle_the_cable_stays_in_the_locked_socket_and_is_used_again() -> None:
    hand = Hand()
    hand.site.plug_in(1, cable_a=20)
    hand.site.drive_lock(1, LockDrive.LOCK)
    hand.wait(0.7)
    hand.site.plug_out(1, cable_stays=True)
    assert hand.level() == 12.0
    assert hand.site.proximity_ohm(1) == 680.0
    with pytest.raises(Refusal, match="20 A cable"):
        hand.site.plug_in(1, cable_a=32)
    hand.site.plug_in(1)
    hand.wait(0.1)
    assert hand.level() < 10.0


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (lambda site: site.plug_in(9), "no connector 9; there are 1, 2"),
        (lambda site: site.plug_in("x"), "no connector 'x'"),
        (lambda site: site.plug_in("²"), "no connector"),
        (lambda site: site.plug_in(1, cable_a=14), "13, 20, 32, 63"),
        (lambda site: site.plug_in(2, cable_a=32), "fixed cable"),
        (lambda site: site.plug_out(1), "nothing is plugged"),
        (lambda site: site.ev_pause(1), "no vehicle"),
        (lambda site: site.ev_resume(1), "no vehicle"),
        (lambda site: site.fault("nonsense", 1, True), "known: "),
        (lambda site: site.fault("nonsense", 1, False), "known: "),
        (lambda site: site.meter("kitchen", energy_wh=1), "connector.1, connector.2, site"),
        (lambda site: site.meter("site", energy_wh=-1.0), "0 to 16000000"),
        (lambda site: site.meter("site", colour="red"), "no 'colour'"),
        (lambda site: site.set_input("../x", True), "no input '../x' is wired"),
    ],
)
def test_what_cannot_be_is_refused_with_words(wish: Callable[[Site], None], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        wish(Hand().site)


def test_a_second_vehicle_does_not_fit() -> None:
    site = Hand().site
    site.plug_in(1)
    with pytest.raises(Refusal, match="plug_out first"):
        site.plug_in(1)


def test_the_diode_fault_shows_at_the_negative_level() -> None:
    hand = Hand()
    hand.charge()
    assert hand.site.pilot_levels(1).low_v == -12.0
    hand.site.fault("diode", 1, True)
    assert hand.site.pilot_levels(1).low_v == pytest.approx(-5.62, abs=0.01)
    hand.site.fault("diode", 1, False)
    assert hand.site.pilot_levels(1).low_v == -12.0


def test_a_shorted_pilot_reads_zero_and_the_vehicle_stops() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("pilot_short", 1, True)
    assert hand.site.pilot_levels(1)[:2] == (0.0, 0.0)
    hand.until(lambda: hand.current()[0] == 0.0, 0.2)


def test_a_broken_pilot_wire_reads_twelve_volts_and_the_vehicle_stops() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("pilot_open", 1, True)
    assert hand.level() == 12.0
    hand.until(lambda: hand.current()[0] == 0.0, 0.2)


def test_a_level_in_the_gap_has_the_given_value_and_the_negative_one_stays() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("pilot_gap", 1, True)
    assert hand.site.pilot_levels(1)[:2] == (7.5, -12.0)
    hand.site.fault("pilot_gap", 1, True, value=10.5)
    assert hand.level() == 10.5


def test_a_frozen_pilot_keeps_value_and_stamp_while_the_vehicle_goes_on() -> None:
    hand = Hand()
    hand.charge()
    frozen = hand.site.pilot_levels(1)
    hand.site.fault("pilot_frozen", 1, True)
    hand.wait(1.0)
    hand.site.ev_pause(1)
    assert hand.site.pilot_levels(1) == frozen
    hand.site.fault("pilot_frozen", 1, False)
    assert hand.site.pilot_levels(1).sampled_s == hand.site.now_s
    assert hand.level() > 8.0


def test_a_dead_converter_delivers_not_a_number() -> None:
    hand = Hand()
    hand.site.fault("pilot_nan", 1, True)
    assert math.isnan(hand.level())
    json.dumps(hand.site.state(), allow_nan=False)


def test_a_stuck_output_ignores_what_is_driven_until_it_is_repaired() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("pwm_stuck", 1, True)
    hand.site.drive_pilot(1, PilotMode.X1, 1.0)
    assert hand.site.pilot_levels(1).duty == pytest.approx(DUTY_16_A)
    assert hand.site.pilot_levels(1).frequency_hz == 1000.0
    hand.site.fault("pwm_stuck", 1, False)
    assert hand.site.pilot_levels(1).duty == 1.0


def test_a_wrong_frequency_is_read_back() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("pwm_frequency", 1, True)
    assert hand.site.pilot_levels(1).frequency_hz == 900.0
    hand.site.fault("pwm_frequency", 1, False)
    assert hand.site.pilot_levels(1).frequency_hz == 1000.0


def test_proximity_faults() -> None:
    hand = Hand()
    hand.site.plug_in(1)
    hand.site.fault("proximity", 1, True, value=350.0)
    assert hand.site.proximity_ohm(1) == 350.0
    hand.site.fault("proximity_open", 1, True)
    assert hand.site.proximity_ohm(1) == math.inf


def test_s2_chatter_opens_and_closes_s2_at_its_frequency() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("s2_chatter", 1, True)
    asks = []
    for _ in range(100):
        hand.wait(0.01)
        asks.append(hand.level() < 7.0)
    edges = sum(1 for before, after in pairwise(asks) if before != after)
    assert edges == pytest.approx(10, abs=1)
    hand.site.fault("s2_chatter", 1, False)
    hand.wait(1.0)
    assert hand.level() < 7.0


def test_an_undervoltage_is_seen_by_the_meter() -> None:
    hand = Hand()
    hand.site.fault("undervoltage", 1, True)
    assert hand.site.meters["connector.1"].flow.voltage_v == (180.0, 180.0, 180.0)


def test_a_fault_strikes_so_long_after_charging_began() -> None:
    hand = Hand()
    hand.site.fault("diode", 1, True, after_s=30.0)
    hand.wait(100.0)
    hand.charge()
    assert hand.site.pilot_levels(1).low_v == -12.0
    car = hand.site.connectors[1].car
    assert car is not None
    assert car.charging_since_s is not None
    hand.until(lambda: hand.site.pilot_levels(1).low_v > -12.0, 40.0)
    assert hand.site.now_s == pytest.approx(car.charging_since_s + 30.0)


def test_an_armed_fault_can_be_called_off() -> None:
    hand = Hand()
    hand.site.fault("diode", 1, True, after_s=1.0)
    hand.site.fault("diode", 1, False)
    hand.charge()
    assert hand.site.pilot_levels(1).low_v == -12.0


def test_physical_and_metered_energy_are_separate_truths() -> None:
    hand = Hand()
    hand.charge()
    hand.site.meter("connector.1", energy_wh=5000.0, freeze_energy=True)
    before = hand.site.connectors[1].energy_wh
    hand.wait(60.0)
    assert hand.site.meters["connector.1"].register_wh == 5000
    assert hand.site.connectors[1].energy_wh > before + 100
    hand.site.meter("connector.1", jump_wh=700.0)
    assert hand.site.meters["connector.1"].register_wh == 5700
    hand.site.meter("connector.1", backwards_wh=1000.0)
    assert hand.site.meters["connector.1"].register_wh == 4700


def test_what_survives_is_as_it_was_with_the_coil_off_and_no_current_for_the_gap() -> None:
    hand = Hand()
    hand.site.fault("pilot_frozen", 2, True)
    hand.site.fault("diode", 2, True, after_s=5.0)
    hand.site.meter("site", late_s=0.5, serial=12345678)
    hand.site.network(False)
    hand.site.set_input("tamper", True)
    hand.site.swipe("CAFE")
    hand.site.drive_lock(1, LockDrive.LOCK)
    hand.charge(soc_percent=50.0)
    memory = json.loads(json.dumps(hand.site.dump()))
    again = Hand(memory)
    assert again.site.dump() == memory
    assert again.site.connectors[1].contactor.closed is False
    assert again.current()[0] == 0.0
    assert again.level() == pytest.approx(8.98, abs=0.01)
    assert again.site.lock_feedback(1)
    again.wait(100.0)
    assert again.site.dump()["meters"] == memory["meters"]
    again.site.drive_pilot(1, PilotMode.PWM, DUTY_16_A)
    again.wait(1.1)
    again.close()
    again.wait(12.0)
    assert again.current()[0] == pytest.approx(16.0)
    assert again.site.swipe("CAFE") == "card-2"


def test_a_weld_survives() -> None:
    hand = Hand()
    hand.charge()
    hand.site.fault("weld", 1, True)
    again = Hand(hand.site.dump())
    again.wait(1.0)
    assert again.site.mirror(1)
    assert again.site.connectors[1].contactor.coil is False
    again.site.fault("weld", 1, False)
    again.wait(0.1)
    assert not again.site.mirror(1)


def test_the_same_seed_gives_the_same_history() -> None:
    def history() -> dict[str, Any]:
        hand = Hand()
        hand.charge()
        hand.site.drive_pilot(1, PilotMode.PWM, 0.5)
        hand.wait(5.0)
        return hand.site.state()

    assert history() == history()


def test_sixteen_connectors_have_a_meter_and_a_serial_each() -> None:
    site = Site(SiteDescription({number: ConnectorDescription() for number in range(1, 17)}))
    serials = {meter.serial for meter in site.meters.values()}
    assert len(serials) == len(site.meters) == 17
    other = Site(SiteDescription({1: ConnectorDescription()}, serial="OTHER"))
    assert other.meters["connector.1"].serial not in serials


ACTIONS: dict[str, Callable[[Site, float], Any]] = {
    "in": lambda site, x: site.plug_in(1, Ev(ready_after_s=x * 3, battery_wh=1 + x * 100, soc_percent=70 + x * 30)),
    "wild in": lambda site, x: site.plug_in(1, Ev(simplified=x > 0.5, obeys_pwm=x < 0.3, needs_ventilation=x > 0.8)),
    "out": lambda site, x: site.plug_out(1, force=x > 0.5, cable_stays=x < 0.2),
    "pause": lambda site, _: site.ev_pause(1),
    "resume": lambda site, _: site.ev_resume(1),
    "pwm": lambda site, x: site.drive_pilot(1, PilotMode.PWM, x),
    "x1": lambda site, _: site.drive_pilot(1, PilotMode.X1, 1.0),
    "f": lambda site, _: site.drive_pilot(1, PilotMode.F, 0.0),
    "close": lambda site, _: site.command_contactor(1, True),
    "open": lambda site, _: site.command_contactor(1, False),
    "lock": lambda site, _: site.drive_lock(1, LockDrive.LOCK),
    "unlock": lambda site, _: site.drive_lock(1, LockDrive.UNLOCK),
    "weld": lambda site, x: site.fault("weld", 1, x > 0.5),
    "chatter": lambda site, x: site.fault("s2_chatter", 1, x > 0.5, after_s=x if x > 0.8 else None),
    "no close": lambda site, x: site.fault("contactor_no_close", 1, x > 0.5),
    "drops": lambda site, x: site.fault("contactor_drops", 1, x > 0.5),
    "pilot": lambda site, x: site.fault("pilot_open", 1, x > 0.5),
    "blocked": lambda site, x: site.fault("lock", 1, x > 0.5),
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.floats(0.0, 1.0), st.floats(0.0, 5.0), st.booleans()),
             max_size=40)
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_whatever_happens_time_and_energy_never_go_back_and_no_current_passes_open_contacts(
    script: list[tuple[str, float, float, bool]],
) -> None:
    site = Site(TWO, now_s=1_000_000.0)
    energy = 0.0
    for action, value, pause, fed in script:
        if fed:
            site.feed(site.now_s)
        with contextlib.suppress(Refusal):
            ACTIONS[action](site, value)
        end, events = site.now_s + pause, 0
        while (event := site.next_event_s()) <= end:
            assert event >= site.now_s
            events += 1
            assert events < 2000, "events without end"
            site.advance(event)
        site.advance(end)
        assert site.now_s == end
        assert site.connectors[1].energy_wh >= energy
        energy = site.connectors[1].energy_wh
        assert site.flows[1].current_a[0] == 0.0 or site.connectors[1].contactor.closed
        assert Site(TWO, site.dump(), end).dump() == site.dump()
