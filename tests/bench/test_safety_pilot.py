"""Transitions between the pilot states, each at its boundary (T2 to T11, T13, T19)."""

import itertools
import math
from typing import NamedTuple

import pytest

from hardware.interfaces import PilotMode
from schemas.safety import PilotState
from services.safety.settings import SafetySettings
from tests.safety_rig import FIXED, SOCKET, Rig

pytestmark = pytest.mark.bench


def ready(rig: Rig | None = None) -> Rig:
    """Started, no vehicle, permission given, nothing to wait for."""
    rig = rig or Rig()
    rig.allow()
    rig.run(6.0)
    assert rig.name is PilotState.A
    return rig


def test_the_first_outputs_are_safe_and_the_state_is_boot() -> None:
    rig = Rig()
    rig.step()
    assert rig.name is PilotState.BOOT
    assert rig.outputs.mode is PilotMode.X1
    assert not rig.coil


def test_boot_ends_within_ten_seconds_when_contacts_are_open_and_the_vehicle_is_seen() -> None:
    rig = Rig()
    assert rig.until(lambda: rig.name is PilotState.A, 10.0) < 1.0, "the lock has shown that it moves"


@pytest.mark.parametrize(("held_s", "plugged"), [(0.024, False), (0.046, True)])
def test_a_vehicle_counts_as_plugged_after_25_ms_and_two_samples(held_s: float, plugged: bool) -> None:
    rig = ready()
    rig.vehicle("B", 220.0)
    rig.run(held_s)
    rig.vehicle("A", math.inf)
    rig.run(0.5)
    assert (rig.count("plugged") == 1) is plugged


def test_plugging_in_is_reported_within_250_ms() -> None:
    rig = ready()
    rig.plug()
    assert rig.until(lambda: rig.shown.vehicle_connected, 0.25) <= 0.25
    assert rig.shown.plug_count == 1


def test_without_permission_a_vehicle_waits_in_b1() -> None:
    rig = ready()
    rig.allow(False)
    rig.plug()
    rig.run(5.0)
    assert rig.name is PilotState.B1
    assert rig.outputs.mode is PilotMode.X1
    assert rig.shown.reason == "paused: no permission"


def test_with_permission_and_a_locked_recognised_cable_current_is_offered() -> None:
    rig = ready()
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 2.0)
    assert rig.outputs.permille == 533
    assert rig.shown.offered_a == pytest.approx(31.98)
    assert rig.shown.reason == "waiting for the vehicle"


class Bound(NamedTuple):
    ohm: float
    limit_a: float
    hardware_a: float
    permille: int


@pytest.mark.parametrize(
    "bound",
    [Bound(220, 32, 32, 533), Bound(680, 32, 32, 333), Bound(350, 32, 32, 333), Bound(1500, 32, 32, 216),
     Bound(220, 10, 32, 166), Bound(220, 32, 16, 266), Bound(220, 6, 32, 100), Bound(100, 80, 63, 533)],
)  # fmt: skip
def test_the_smallest_of_permission_rating_and_cable_is_offered(bound: Bound) -> None:
    rig = Rig(settings=SafetySettings(hardware_limit_a=bound.hardware_a), limit_a=bound.limit_a)
    ready(rig)
    rig.plug(bound.ohm)
    rig.until(lambda: rig.name is PilotState.B2, 2.0)
    assert rig.outputs.permille == bound.permille


def test_a_limit_of_5_9_amperes_is_a_pause_and_not_6_amperes() -> None:
    rig = ready(Rig(limit_a=5.9))
    rig.plug()
    rig.run(3.0)
    assert rig.name is PilotState.B1
    assert rig.shown.reason == "paused: less than 6 A available"


def test_nothing_is_offered_before_the_hardware_limit_is_known() -> None:
    rig = ready(Rig(settings=SafetySettings()))
    rig.plug()
    rig.run(3.0)
    assert rig.name is PilotState.B1
    assert rig.shown.reason == "waiting for the settings service"


def test_the_contactor_closes_after_100_ms_in_c_and_within_3_s() -> None:
    rig = ready()
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 2.0)
    rig.run(1.0)
    rig.vehicle("C")
    took_s = rig.until(lambda: rig.coil, 3.0)
    assert 0.1 - 1e-6 <= took_s <= 0.15


def test_a_c_of_90_ms_closes_nothing() -> None:
    rig = ready()
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 2.0)
    rig.run(1.0)
    rig.vehicle("C")
    rig.run(0.09)
    rig.vehicle("B")
    rig.run(3.0)
    assert rig.count("coil_on") == 0


def test_a_flicker_just_before_closing_starts_the_100_ms_anew() -> None:
    rig = Rig()
    rig.charge()
    free_s = rig.now_s - 0.05 + 5.0
    rig.vehicle("B")
    rig.run(0.1)
    rig.vehicle("C")
    rig.run(free_s - 0.1 - rig.now_s)
    rig.vehicle("-")
    rig.run(0.03)
    rig.vehicle("C")
    again_s = rig.now_s
    assert not rig.coil
    rig.until(lambda: rig.coil, 1.0)
    assert rig.now_s - again_s >= 0.1 - 1e-6


def test_opening_s2_opens_the_contactor_within_50_ms_and_the_offer_stays() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.vehicle("B")
    assert rig.until(lambda: not rig.coil, 0.05) == pytest.approx(0.02)
    rig.run(0.2)
    assert rig.name is PilotState.B2
    assert rig.outputs.mode is PilotMode.PWM
    rig.until(lambda: rig.shown.contactor.value == "open", 0.1)


@pytest.mark.parametrize(("paused_s", "closes_s"), [(0.2, 5.0), (1.0, 5.0), (6.0, 6.1)])
def test_a_vehicle_that_closes_s2_again_is_served_5_s_after_the_contactor_opened(
    paused_s: float, closes_s: float
) -> None:
    rig = Rig()
    rig.charge()
    rig.run(60.0)
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.05)
    opened_s = rig.now_s
    rig.run(paused_s)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 6.0)
    assert rig.now_s - opened_s == pytest.approx(closes_s, abs=0.1)


def test_unplugging_under_load_opens_the_contactor_and_then_releases_the_plug() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.unplug()
    assert rig.until(lambda: not rig.coil, 0.05) <= 0.05
    rig.allow(False, hold=False)
    rig.until(lambda: rig.shown.lock.value == "unlocked", 3.0)
    assert rig.name is PilotState.A
    assert rig.outputs.mode is PilotMode.X1


def test_a_withdrawn_permission_gives_x1_at_once_and_the_contactor_opens_with_s2() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.allow(False)
    assert rig.outputs.mode is PilotMode.X1
    assert rig.coil
    assert rig.name is PilotState.C1
    rig.run(2.0)
    rig.vehicle("B")
    rig.run(0.05)
    assert not rig.coil
    assert rig.name is PilotState.B1


def test_a_vehicle_that_ignores_x1_is_cut_off_after_6_s() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.allow(False)
    assert 6.0 <= rig.until(lambda: not rig.coil, 6.1) + 1e-6 <= 6.1


def test_a_silent_session_ends_the_offer_when_its_lease_ends() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.session_alive = False
    until_s = rig.lease.until_s
    rig.until(lambda: rig.outputs.mode is PilotMode.X1, 11.0)
    assert rig.now_s == pytest.approx(until_s)
    assert rig.shown.reason == "paused: the session's permission has expired"
    rig.until(lambda: not rig.coil, 6.1)


def test_charging_resumes_by_itself_when_the_session_is_back() -> None:
    rig = Rig()
    rig.charge()
    rig.session_alive = False
    rig.until(lambda: rig.outputs.mode is PilotMode.X1, 11.0)
    rig.run(1.0)
    rig.vehicle("B")
    rig.run(3.0)
    rig.session_alive = True
    rig.until(lambda: rig.name is PilotState.B2, 6.0)
    rig.run(0.5)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert rig.count("plugged") == 1


def test_permission_back_within_the_6_s_still_opens_first() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.allow(False)
    rig.run(3.0)
    rig.allow(True)
    rig.until(lambda: not rig.coil, 3.1)
    opened_s = rig.now_s
    rig.until(lambda: rig.coil, 10.0)
    assert rig.now_s - opened_s >= 5.0 - 1e-6


def test_a_rise_waits_5_s_after_the_last_change_and_a_fall_never_waits() -> None:
    rig = Rig(limit_a=16.0)
    rig.charge()
    rig.run(10.0)
    rig.allow(limit_a=10.0)
    assert rig.outputs.permille == 166
    rig.run(1.0)
    rig.allow(limit_a=20.0)
    assert rig.outputs.permille == 166
    assert rig.until(lambda: rig.outputs.permille == 333, 5.0) == pytest.approx(4.0)
    rig.allow(limit_a=8.0)
    assert rig.outputs.permille == 133


def test_a_limit_swinging_once_a_second_raises_the_duty_at_most_every_5_s() -> None:
    rig = Rig(limit_a=16.0)
    rig.charge()
    before = len(rig.history)
    for _ in range(20):
        rig.allow(limit_a=6.0)
        rig.run(0.5)
        rig.allow(limit_a=16.0)
        rig.run(0.5)
    duties = [record.outputs.permille for record in rig.history[before:]]
    rises = sum(1 for one, two in itertools.pairwise(duties) if two > one)
    assert rises <= 4
    assert rig.coil


def test_a_vehicle_without_s2_of_its_own_gets_at_most_10_amperes() -> None:
    rig = ready()
    rig.vehicle("C", 220.0)
    rig.until(lambda: rig.coil, 3.0)
    assert rig.outputs.permille == 166
    rig.run(30.0)
    assert rig.outputs.permille == 166
    assert rig.shown.plug_count == 1


def test_showing_state_b_later_lifts_the_10_amperes() -> None:
    rig = ready()
    rig.vehicle("C", 220.0)
    rig.until(lambda: rig.coil, 3.0)
    rig.run(10.0)
    rig.vehicle("B")
    rig.run(6.0)
    assert rig.outputs.permille == 533


@pytest.mark.parametrize("charging", [False, True])
def test_a_vehicle_that_needs_ventilation_is_refused(charging: bool) -> None:
    rig = Rig()
    if charging:
        rig.charge()
        rig.run(8.0)
    else:
        ready(rig)
        rig.plug()
        rig.until(lambda: rig.name is PilotState.B2, 2.0)
    rig.vehicle("D")
    rig.run(0.2)
    assert rig.outputs.mode is PilotMode.X1
    assert rig.name is PilotState.D1
    assert rig.shown.faults == ("ventilation_required",)
    rig.run(6.0)
    assert not rig.coil
    rig.vehicle("B")
    rig.until(lambda: not rig.shown.faults, 2.0)


@pytest.mark.parametrize(("level", "held_s", "opens"), [("-", 0.049, False), ("-", 0.051, True), ("E", 0.019, False)])
def test_a_level_between_the_windows_is_no_new_state_until_50_ms(level: str, held_s: float, opens: bool) -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.vehicle(level)
    rig.run(held_s)
    assert rig.coil is not opens
    rig.vehicle("C")
    rig.run(1.0)
    assert rig.coil is not opens


def test_each_connector_reads_only_a_lease_for_itself() -> None:
    rig = ready(Rig(equipment=FIXED._replace(connector=2)))
    rig.plug()
    rig.run(3.0)
    assert rig.name is PilotState.B1
    assert rig.shown.reason == "waiting for the session service"


def test_a_fixed_cable_needs_neither_lock_nor_coding() -> None:
    rig = Rig(equipment=FIXED)
    rig.charge()
    assert rig.shown.cable_plugged
    assert rig.shown.lock.value == "none"
    assert rig.shown.cable_limit_a == 32.0


def test_s2_chatter_lets_the_contactor_close_at_most_every_5_s() -> None:
    rig = Rig()
    rig.charge()
    for _ in range(100):
        rig.vehicle("B")
        rig.run(0.1)
        rig.vehicle("C")
        rig.run(0.12)
    times = [at_s for at_s, event in rig.events if event.name == "coil_on"]
    assert all(two - one >= 5.0 - 1e-6 for one, two in itertools.pairwise(times))
    assert len(times) >= 3


def test_a_bounce_of_the_plug_ends_without_moving_the_lock() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    for letter in ("B", "A", "B", "C"):
        rig.vehicle(letter)
        rig.run(0.015)
    rig.run(8.0)
    assert rig.shown.lock.value == "locked"
    assert rig.count("unplugged") == 0
    assert rig.coil


@pytest.mark.parametrize("kills", [False, True], ids=["", "and is not forgotten in a restart"])
def test_the_thirteenth_closing_within_an_hour_waits(kills: bool) -> None:
    rig = Rig(keep_history=False)
    rig.charge()
    for cycle in range(14):
        rig.vehicle("B")
        if kills and cycle % 3 == 0:
            rig.restart()
        rig.run(6.0)
        rig.vehicle("C")
        rig.run(2.0)
    assert rig.count("coil_on") == 12
    assert "12 times within an hour" in rig.shown.reason
    assert rig.shown.retry_after_s > rig.now_s


def test_a_flicker_of_the_plug_does_not_forget_the_closings() -> None:
    rig = Rig(keep_history=False)
    rig.charge()
    for _ in range(14):
        rig.run(6.0)
        for letter, lasts_s in (("A", 0.05), ("B", 1.0), ("C", 1.0)):
            rig.vehicle(letter)
            rig.run(lasts_s)
    rig.run(6.0)
    assert rig.count("coil_on") == 12
    assert "12 times within an hour" in rig.shown.reason


def test_the_socket_is_read_as_the_socket_it_is() -> None:
    rig = ready(Rig(equipment=SOCKET))
    assert not rig.shown.cable_plugged
    rig.vehicle("A", 220.0)
    rig.run(0.5)
    assert rig.shown.cable_plugged
    assert rig.shown.cable_limit_a == 32.0
    assert not rig.shown.vehicle_connected
