"""What a reading says in the words of OCPP, when a sample is due, and which ones are kept."""

from typing import Any

import pytest

from schemas.metering import Reading
from services.session.connectors.readings import MOST, Readings
from services.session.keys import ENERGY
from services.session.transactions import meter_values
from services.session.transactions.meter_values import MOST_VALUES, Offered, sample_of, to_drop, values_of
from services.session.transactions.stream import Stream

pytestmark = pytest.mark.unit

WHOLE = Reading(
    sampled_s=10.0,
    sampled_wall_s=1000.0,
    energy_import_wh=1234,
    power_w=3450.04,
    current_a=(5.0, 0.0, 15.128),
    voltage_v=(229.96, 230.0, 231.5),
    frequency_hz=49.987,
)


def found(*measurands: str, reading: Reading = WHOLE, **offered: Any) -> list[tuple[str, str, str, str]]:
    values = values_of(reading, measurands, "Trigger", Offered(**offered))
    return [(v.measurand, v.phase, v.value, v.unit) for v in values]


@pytest.mark.parametrize(
    ("measurand", "expected"),
    [
        (ENERGY, [(ENERGY, "", "1234", "Wh")]),
        ("Power.Active.Import", [("Power.Active.Import", "", "3450.0", "W")]),
        (
            "Current.Import",
            [
                ("Current.Import", "L1", "5.00", "A"),
                ("Current.Import", "L2", "0.00", "A"),
                ("Current.Import", "L3", "15.13", "A"),
            ],
        ),
        ("Current.Import.L3", [("Current.Import", "L3", "15.13", "A")]),
        ("Voltage.L1", [("Voltage", "L1-N", "230.0", "V")]),
        ("Frequency", [("Frequency", "", "49.99", "")]),
        ("Current.Offered", [("Current.Offered", "", "16.0", "A")]),
        ("Power.Offered", [("Power.Offered", "", "11040.0", "W")]),
        ("SoC", []),
        ("Temperature", []),
        (f"{ENERGY}.L1", []),
    ],
)
def test_each_measurand_has_its_unit_and_phases(measurand: str, expected: list[tuple[str, str, str, str]]) -> None:
    assert found(measurand, current_a=16.0) == expected


def test_one_phase_is_wired_and_one_is_told() -> None:
    assert found("Voltage", "Power.Offered", phases=1, current_a=10.0) == [
        ("Voltage", "L1-N", "230.0", "V"),
        ("Power.Offered", "", "2300.0", "W"),
    ]
    assert found("Voltage.L2", phases=1) == []


def test_power_is_offered_on_the_phases_that_the_relay_lets_through_and_all_are_metered() -> None:
    assert found("Power.Offered", current_a=10.0, given=1) == [("Power.Offered", "", "2300.0", "W")]
    assert len(found("Current.Import", "Voltage", current_a=10.0, given=1)) == 6
    assert found("Power.Offered", current_a=10.0, given=0) == [], "which phases is not proven"
    assert found("Power.Offered", current_a=0.0, given=0) == [("Power.Offered", "", "0.0", "W")]
    assert found("Power.Offered", current_a=10.0, phases=1) == [("Power.Offered", "", "2300.0", "W")]


def test_what_the_meter_does_not_give_is_left_out() -> None:
    poor = Reading(sampled_s=1.0, sampled_wall_s=2.0)
    assert found(*meter_values._MEASURANDS, reading=poor) == []
    assert sample_of(poor, (ENERGY,), "Trigger", Offered()) is None


def test_power_flowing_back_is_no_import() -> None:
    back = Reading(sampled_s=1.0, sampled_wall_s=2.0, power_w=-5.0)
    assert found("Power.Active.Import", reading=back) == [("Power.Active.Import", "", "0.0", "W")]


def test_the_message_leaves_out_what_is_empty() -> None:
    sample = sample_of(WHOLE, ("Frequency",), "Trigger", Offered())
    assert sample is not None
    value = {"value": "49.99", "context": "Trigger", "format": "Raw", "measurand": "Frequency", "location": "Outlet"}
    expected = {"connectorId": 2, "meterValue": [{"timestamp": "T", "sampledValue": [value]}]}
    assert meter_values.message(2, None, sample, "T") == expected
    assert meter_values.message(2, 0, sample, "T")["transactionId"] == 0


# when


@pytest.mark.parametrize(
    ("interval_s", "sampled_s", "due", "point"),
    [(10.0, 109.9, False, 0.0), (10.0, 110.0, True, 110.0), (10.0, 119.0, True, 110.0), (10.0, 151.0, True, 150.0)],
)
def test_a_sample_stands_for_the_last_point_of_the_grid(
    interval_s: float, sampled_s: float, due: bool, point: float
) -> None:
    assert meter_values.is_due(100.0, interval_s, sampled_s) is due
    if due:
        assert meter_values.grid_point(100.0, interval_s, sampled_s) == point


def test_an_interval_of_0_is_never_due() -> None:
    assert not meter_values.is_due(0.0, 0.0, 1e6)


def reading(at_s: float) -> Reading:
    return Reading(sampled_s=at_s, sampled_wall_s=at_s, energy_import_wh=1)


def due_times(readings: Readings, until_s: float, interval_s: float = 10.0, grid_s: float = 0.0) -> list[float]:
    times: list[float] = []
    while (one := readings.next_due("M", grid_s, interval_s, until_s)) is not None:
        grid_s = meter_values.grid_point(grid_s, interval_s, one.sampled_s)
        times.append(one.sampled_s)
    return times


def test_readings_of_the_ring_and_live_ones_come_in_their_order_and_once() -> None:
    readings = Readings()
    for at_s in (40.0, 41.0, 5.0, 10.5, 41.0, 10.5, 22.0, 11.0):
        readings.hear(reading(at_s), "M")
    assert due_times(readings, 50.0) == [10.5, 22.0, 40.0]


def test_samples_wait_for_the_ring_and_no_longer() -> None:
    readings = Readings()
    readings.hear(reading(15.0), "M")
    readings.ring_until_s = 30.0
    assert readings.next_due("M", 0.0, 10.0, 29.9) is None
    assert readings.awaits_ring(29.9)
    assert readings.next_due("M", 0.0, 10.0, 30.0) is not None


def test_another_meters_readings_are_no_samples() -> None:
    readings = Readings()
    readings.hear(reading(15.0), "OTHER")
    readings.hear(reading(16.0), "M")
    assert due_times(readings, 20.0) == [16.0]


def test_readings_are_bounded_and_the_newest_stay() -> None:
    readings = Readings()
    for at_s in range(MOST + 50):
        readings.hear(reading(float(at_s)), "M")
    assert due_times(readings, 1e9, interval_s=1.0, grid_s=0.0)[0] == 50.0


# which


def test_there_are_never_too_many_samples_and_the_first_and_newest_stay() -> None:
    numbers: list[int] = []
    for number in range(1, 2000):
        numbers.append(number)
        dropped = to_drop(numbers, 3)
        numbers = [each for each in numbers if each not in dropped]
        assert numbers[0] == 1
        assert numbers[-1] == number
        assert (len(numbers) + 1) * 3 <= MOST_VALUES
    assert len(numbers) > MOST_VALUES // 3 // 3


def test_a_sample_with_very_many_values_leaves_room_for_two() -> None:
    assert to_drop([1, 2], 500) == []
    assert to_drop([1, 2, 3], 500) == [2]


# the stream


def test_a_mark_moves_the_stream_forwards_only() -> None:
    stream = Stream("s", last=10, lowest_waiting=4)
    assert stream.acknowledged(7) == Stream("s", 10, 8)
    assert stream.acknowledged(2) == stream
    assert stream.acknowledged(10).waiting == 0


def test_a_receiver_that_knows_more_than_we_do_gets_new_numbers_only() -> None:
    assert Stream("s", last=3, lowest_waiting=2).acknowledged(8) == Stream("s", 8, 9)
