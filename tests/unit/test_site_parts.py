"""Contactor, lock, monoflop, charger, battery and cards, each alone."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.interfaces import LockDrive
from hardware.sim.site.battery import Battery
from hardware.sim.site.cards import Cards
from hardware.sim.site.charger import Charger
from hardware.sim.site.contactor import Contactor
from hardware.sim.site.faults import FAULTS, ActiveFaults, checked_value
from hardware.sim.site.lock import Lock
from hardware.sim.site.monoflop import Monoflop

pytestmark = pytest.mark.unit


def run_contactor(contactor: Contactor) -> list[tuple[float, bool, bool]]:
    """(time, main contacts, mirror) at each change until nothing moves."""
    history = []
    while (at := contactor.next_event_s()) < math.inf:
        contactor.happen(at)
        history.append((at, contactor.closed, contactor.mirror_closed))
    return history


@given(st.integers(0, 10_000))
def test_a_contactor_closes_within_its_travel_and_the_mirror_follows_once(seed: int) -> None:
    contactor = Contactor(ActiveFaults(), Random(seed))
    contactor.energise(True, 10.0)
    history = run_contactor(contactor)
    assert 10.015 <= history[0][0] <= 10.030
    assert history[0][1:] == (True, False)
    assert [mirror for _, _, mirror in history].count(True) == 1
    assert history[-1][1:] == (True, True)
    assert history[-1][0] <= 10.0 + 0.030 + 3 * 0.008 + 0.003
    assert contactor.closings == 1


def test_a_contactor_opens_within_its_drop_out() -> None:
    contactor = Contactor(ActiveFaults(), Random(1))
    contactor.energise(True, 10.0)
    run_contactor(contactor)
    contactor.energise(False, 20.0)
    history = run_contactor(contactor)
    assert 20.008 <= history[0][0] <= 20.020
    assert history[-1][1:] == (False, False)
    assert history[-1][0] <= 20.023


def test_a_coil_that_is_released_before_the_contacts_touch_never_closes() -> None:
    contactor = Contactor(ActiveFaults(), Random(1))
    contactor.energise(True, 10.0)
    contactor.energise(False, 10.010)
    assert not any(closed for _, closed, _ in run_contactor(contactor))
    assert not contactor.closed


def test_welded_contacts_stay_closed_until_the_weld_is_gone() -> None:
    faults = ActiveFaults()
    contactor = Contactor(faults, Random(1))
    contactor.energise(True, 10.0)
    run_contactor(contactor)
    faults.values["weld"] = 0.0
    contactor.reconsider(15.0)
    contactor.energise(False, 20.0)
    assert run_contactor(contactor) == []
    assert contactor.closed
    assert contactor.mirror_closed
    faults.values.clear()
    contactor.reconsider(30.0)
    run_contactor(contactor)
    assert not contactor.closed


def test_open_contacts_weld_at_the_next_closing() -> None:
    faults = ActiveFaults()
    faults.values["weld"] = 0.0
    contactor = Contactor(faults, Random(1))
    contactor.reconsider(5.0)
    assert not contactor.welded
    contactor.energise(True, 10.0)
    run_contactor(contactor)
    contactor.energise(False, 20.0)
    run_contactor(contactor)
    assert contactor.closed


def test_a_contactor_that_does_not_pull_in_stays_open_and_pulls_in_when_repaired() -> None:
    faults = ActiveFaults()
    faults.values["contactor_no_close"] = 0.0
    contactor = Contactor(faults, Random(1))
    contactor.energise(True, 10.0)
    assert run_contactor(contactor) == []
    faults.values.clear()
    contactor.reconsider(11.0)
    run_contactor(contactor)
    assert contactor.closed


def test_a_contactor_that_drops_opens_although_its_coil_is_energised() -> None:
    faults = ActiveFaults()
    contactor = Contactor(faults, Random(1))
    contactor.energise(True, 10.0)
    run_contactor(contactor)
    faults.values["contactor_drops"] = 0.0
    contactor.reconsider(11.0)
    run_contactor(contactor)
    assert contactor.coil
    assert not contactor.closed


def test_a_bouncing_contactor_shows_three_bounces_at_the_mirror() -> None:
    faults = ActiveFaults()
    faults.values["contactor_bounce"] = 0.0
    contactor = Contactor(faults, Random(1))
    contactor.energise(True, 10.0)
    mirror = [mirror for _, _, mirror in run_contactor(contactor)]
    edges = sum(1 for before, after in zip([False, *mirror], mirror, strict=False) if after and not before)
    assert edges == 4
    assert contactor.closings == 1


def test_a_slow_contactor_takes_the_given_time_longer() -> None:
    faults = ActiveFaults()
    faults.values["contactor_slow"] = 150.0
    contactor = Contactor(faults, Random(1))
    contactor.energise(True, 10.0)
    assert 10.165 <= contactor.next_event_s() <= 10.180


def test_the_bolt_travels_and_its_feedback_shows_the_end_only() -> None:
    lock = Lock(ActiveFaults(), Random(1))
    lock.drive(LockDrive.LOCK, 10.0)
    arrives = lock.next_event_s()
    assert 10.3 <= arrives <= 10.6
    lock.drive(LockDrive.STOP, (10.0 + arrives) / 2)
    assert lock.position == pytest.approx(0.5)
    assert not lock.locked
    lock.drive(LockDrive.LOCK, 20.0)
    assert lock.next_event_s() == pytest.approx(20.0 + (arrives - 10.0) / 2)
    lock.happen(lock.next_event_s())
    assert lock.feedback_locked
    lock.drive(LockDrive.UNLOCK, 30.0)
    lock.happen(lock.next_event_s())
    assert lock.position == 0.0


def test_a_blocked_motor_does_not_move_the_bolt_and_a_lying_switch_does_not_free_the_plug() -> None:
    faults = ActiveFaults()
    lock = Lock(faults, Random(1))
    faults.values["lock"] = 0.0
    lock.drive(LockDrive.LOCK, 10.0)
    assert lock.next_event_s() == math.inf
    faults.values.clear()
    lock.reconsider(11.0)
    lock.happen(lock.next_event_s())
    faults.values["lock_opens"] = 0.0
    assert lock.locked
    assert not lock.feedback_locked


def test_a_coil_is_energised_only_by_an_edge_while_fed() -> None:
    monoflop = Monoflop([1])
    monoflop.command(1, True, 10.0)
    assert not monoflop.energised[1]
    monoflop.feed(10.0, 10.0)
    monoflop.command(1, True, 10.0)
    assert not monoflop.energised[1], "no edge"
    monoflop.command(1, False, 10.01)
    monoflop.command(1, True, 10.02)
    assert monoflop.energised[1]


def test_the_monoflop_counts_from_the_stamp_of_the_feed_not_from_its_arrival() -> None:
    monoflop = Monoflop([1])
    monoflop.feed(9.9, 10.0)
    monoflop.command(1, True, 10.0)
    assert monoflop.next_event_s() == pytest.approx(10.05)
    monoflop.feed(9.85, 10.02)
    assert monoflop.next_event_s() == pytest.approx(10.05), "an older stamp takes nothing away and adds nothing"
    monoflop.happen(10.05)
    assert not monoflop.energised[1]


def test_a_late_feed_never_closes_by_itself() -> None:
    monoflop = Monoflop([1])
    monoflop.feed(10.0, 10.0)
    monoflop.command(1, True, 10.0)
    monoflop.happen(10.151)
    monoflop.feed(10.2, 10.2)
    assert not monoflop.energised[1]
    assert monoflop.next_event_s() == math.inf


def test_a_stamp_from_the_future_counts_as_now() -> None:
    monoflop = Monoflop([1])
    monoflop.feed(1e9, 10.0)
    monoflop.command(1, True, 10.0)
    assert monoflop.next_event_s() == pytest.approx(10.15)


@given(st.lists(st.tuples(st.floats(0, 80), st.floats(0.001, 3.0)), min_size=1, max_size=8))
def test_the_charger_never_leaves_the_band_between_zero_and_its_largest_target(
    steps: list[tuple[float, float]],
) -> None:
    charger, now = Charger(), 0.0
    for target, pause in steps:
        charger.aim(target, now)
        end = now + pause
        while (at := charger.next_event_s()) <= end:
            before = charger.current_a
            charger.happen(at)
            assert abs(charger.current_a - before) <= 1.0 + 1e-9
        now = end
    assert 0.0 <= charger.current_a <= max(target for target, _ in steps)


def test_the_charger_needs_eight_seconds_to_32_a_and_less_than_two_back() -> None:
    charger = Charger()
    charger.aim(32.0, 0.0)
    while charger.next_event_s() < math.inf:
        at = charger.next_event_s()
        charger.happen(at)
    assert at == pytest.approx(8.0)
    charger.aim(5.9, 10.0)
    assert charger.target_a == 0.0
    while charger.next_event_s() < math.inf:
        at = charger.next_event_s()
        charger.happen(at)
    assert at == pytest.approx(11.6)


def test_a_battery_takes_everything_up_to_80_percent_and_less_above() -> None:
    assert Battery(60_000, 79.9).accepted_share() == 1.0
    assert Battery(60_000, 90.0).accepted_share() == pytest.approx(math.exp(-10 / 12))
    battery = Battery(60_000, 79.0)
    seconds = battery.seconds_to_next_step(7_000)
    battery.absorb(7_000 * seconds / 3600)
    battery.settle()
    assert battery.soc_percent == 80.0
    assert battery.seconds_to_next_step(0.0) == math.inf
    assert Battery(60_000, 100.0).full


def test_a_battery_lands_on_its_step_although_rounding_left_it_short() -> None:
    battery = Battery(60_000, 100.0 - 1e-9)
    assert not battery.full
    battery.settle()
    assert battery.full


def test_a_held_card_is_read_again_with_the_same_presentation_and_a_second_tap_with_another() -> None:
    cards = Cards()
    first = cards.hold("CAFE", "reader", (1,), 1.2, 10.0)
    seen = []
    for at in (10.0, 10.2, 10.5, 11.0, 11.5):
        seen += [card.presentation_id for card in cards.take(at)]
    assert seen == [first] * 3
    assert cards.hold("CAFE", "reader", (), 0.0, 12.0) != first


def test_a_card_that_is_gone_before_the_reader_is_read_is_not_seen() -> None:
    cards = Cards()
    cards.hold("CAFE", "reader", (), 0.0, 10.0)
    assert cards.next_event_s() == 10.0
    assert cards.take(11.0) == []
    assert cards.next_event_s() == math.inf


def test_more_cards_than_readers_can_hold_are_refused() -> None:
    cards = Cards()
    for _ in range(32):
        cards.hold("CAFE", "reader", (), 5.0, 10.0)
    with pytest.raises(ValueError, match="32 cards"):
        cards.hold("CAFE", "reader", (), 5.0, 10.0)


def test_every_fault_has_an_effect_and_a_default_within_its_bounds() -> None:
    for name, fault in FAULTS.items():
        assert fault.effect
        if fault.value and not fault.value_required:
            assert fault.lowest <= checked_value(name, None) <= fault.highest


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("nonsense", None, "known: "),
        ("proximity", None, "needs a value"),
        ("diode", 1.0, "takes no value"),
        ("pilot_gap", 40.0, "-13 to 13"),
        ("pilot_gap", math.nan, "-13 to 13"),
    ],
)
def test_an_impossible_fault_is_refused_with_words(name: str, value: float | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_value(name, value)
