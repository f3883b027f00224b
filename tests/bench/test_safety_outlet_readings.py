"""What a domestic socket reads: its meter (overload, voltages, what nobody watches), and contacts that fall silent."""

import pytest

from services.safety.supply.state import NOT_WATCHED
from tests.bench.test_safety_outlet import KEYS, SOCKET, Bench

pytestmark = pytest.mark.bench


def running(**fields: object) -> Bench:
    bench = Bench(**{"amps": 10.0, **fields})  # type: ignore[arg-type]
    bench.run(6.0)
    bench.may = True
    bench.run(2.0)
    assert bench.on
    return bench


def off_after(bench: Bench, within_s: float) -> float:
    begun_s = bench.now_s
    while bench.on:
        assert bench.now_s < begun_s + within_s, "it stayed on"
        bench.run(0.02)
    return bench.now_s - begun_s


def test_more_than_a_tenth_above_its_rating_for_7_s_switches_it_off_for_a_minute() -> None:
    bench = running()
    bench.amps = 18.0
    bench.run(30.0)
    assert bench.on, "within 10 % and half an ampere"
    bench.amps = 18.5
    assert 6.9 <= off_after(bench, 10.0) <= 8.1
    assert list(bench.state.faults.active) == ["overcurrent"]
    bench.amps = 10.0
    bench.run(55.0)
    assert not bench.on
    bench.run(40.0)
    assert bench.on


def test_30_a_through_a_socket_of_16_a_switch_it_off_with_the_sample_that_shows_it() -> None:
    bench = running()
    bench.amps = 30.0
    assert off_after(bench, 2.0) <= 1.1
    assert list(bench.state.faults.active) == ["overcurrent_hard"]


def test_the_fourth_overload_of_one_authorization_waits_for_its_end() -> None:
    bench = running()
    for turn in range(4):
        bench.amps = 30.0
        off_after(bench, 2.0)
        bench.amps = 10.0
        bench.run(100.0)
        assert bench.on is (turn < 3), turn
    bench.may = False
    bench.run(3.0)
    bench.may = True
    bench.run(100.0)
    assert bench.on


def test_a_check_for_cars_lowers_nothing_that_cannot_be_lowered() -> None:
    bench = running(keys=KEYS._replace(check_overcurrent=True, overcurrent_stop_percent=10.0))
    bench.amps = 18.5
    bench.run(6.0)
    assert bench.on, "no stop after 2 s"
    assert bench.state.supply.lowered_to_a > 16.0


@pytest.mark.parametrize(("volts", "fault"), [(190.0, "undervoltage"), (262.0, "overvoltage"), (0.0, "undervoltage")])
def test_a_voltage_out_of_range_for_2_s_switches_it_off_until_it_has_been_good_for_a_minute(
    volts: float, fault: str
) -> None:
    bench = running()
    bench.volts = volts
    assert 1.9 <= off_after(bench, 5.0) <= 3.1
    assert list(bench.state.faults.active) == [fault]
    bench.volts = 230.0
    bench.run(58.0)
    assert not bench.on
    bench.run(10.0)
    assert bench.on


def test_what_is_watched_and_what_not_is_said() -> None:
    assert Bench().state.supply.unwatched == NOT_WATCHED
    assert running().state.supply.unwatched == ""
    without = running(amps=None)
    assert without.state.supply.unwatched == NOT_WATCHED


def test_the_boards_own_detection_that_cannot_be_read_offers_nothing() -> None:
    bench = Bench(may=True, equipment=SOCKET._replace(inputs=SOCKET.inputs | {"overcurrent"}))
    bench.run(9.0)
    assert (bench.on, bench.state.pilot.waiting) == (False, "waiting for the overcurrent input")


def test_a_board_that_is_away_is_no_emergency_stop_neither_when_it_goes_nor_when_it_comes_back() -> None:
    bench = running()
    bench.alive = False
    bench.run(0.6)
    assert not bench.on
    bench.trouble = "the link is lost"
    bench.run(5.0)
    bench.trouble = ""
    bench.run(0.3)
    bench.alive = True
    bench.run(40.0)
    assert bench.on
    raised = {event.detail for _, event in bench.events if event.name == "fault_raised"}
    assert raised == {"board_trouble"}


def test_the_contacts_of_a_board_that_is_back_are_awaited_for_half_a_second() -> None:
    bench = running()
    bench.alive = False
    bench.run(0.6)
    bench.trouble = "the link is lost"
    bench.run(2.0)
    bench.trouble = ""
    bench.run(0.4)
    assert list(bench.state.faults.active) == ["board_trouble"]
    bench.run(0.2)
    assert set(bench.state.faults.active) == {"board_trouble", "emergency_stop", "schuko_mcb_tripped"}


def test_contacts_that_stay_unread_while_the_board_answers_are_faults_a_second_after_their_last_sample() -> None:
    bench = running()
    bench.alive = False
    bench.run(0.9)
    assert (bench.on, list(bench.state.faults.active)) == (False, [])
    bench.run(0.2)
    assert set(bench.state.faults.active) == {"emergency_stop", "schuko_mcb_tripped"}
