"""`bench bus`: from slices to figures."""

import json

import pytest

from chargectl.bench.bus import DATAGRAM, MQTT, OURS, ZMQ, Measured, free_figures, limited
from chargectl.bench.our_hop import frame_bytes, message
from chargectl.bench.report import Figure
from chargectl.bench.slices import Slice, SliceCounter

pytestmark = pytest.mark.unit


def slices(p50_us: float, cpu_us: float, count: int = 3) -> list[Slice]:
    return [Slice(p50_s=p50_us / 1e6, p99_s=2 * p50_us / 1e6, cpu_s=cpu_us / 1e6, received=250) for _ in range(count)]


def measured(ours_us: float = 60.0, mqtt: bool = True) -> Measured:
    found = {DATAGRAM: slices(20.0, 20.0), ZMQ: slices(40.0, 30.0), OURS: slices(ours_us, 42.0)}
    return {**found, MQTT: slices(120.0, 60.0)} if mqtt else found


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_the_three_promises_are_ratios_to_datagram_mqtt_and_pyzmq() -> None:
    figures = by_name(limited([measured()] * 3, ""))
    assert figures["one-way p50 / raw Unix datagram"].value == pytest.approx(3.0)
    assert figures["one-way p50 / MQTT QoS 0"].value == pytest.approx(0.5)
    assert figures["receiver CPU per message at 1 kHz / blocking pyzmq"].value == pytest.approx(1.4)
    assert all(figure.passed for figure in figures.values() if figure.limit is not None)


def test_a_slower_bus_misses_its_latency_promises() -> None:
    figures = by_name(limited([measured(ours_us=73.0)] * 3, ""))
    assert figures["one-way p50 / raw Unix datagram"].passed is False
    assert figures["one-way p50 / MQTT QoS 0"].passed is False


def test_p50_p99_and_cpu_of_every_transport_are_reported() -> None:
    names = by_name(limited([measured()], ""))
    for words in ("our bus", "raw Unix datagram", "blocking pyzmq", "MQTT QoS 0"):
        assert {f"{words}: one-way p50", f"{words}: one-way p99", f"{words}: receiver CPU per message"} <= names.keys()
    assert names["our bus: one-way p99"].value == pytest.approx(120.0)


def test_without_mosquitto_its_figure_is_null_and_the_others_are_measured() -> None:
    figures = by_name(limited([measured(mqtt=False)], "mosquitto is not installed"))
    missing = figures["one-way p50 / MQTT QoS 0"]
    assert (missing.value, missing.passed, missing.reason) == (None, None, "mosquitto is not installed")
    assert figures["one-way p50 / raw Unix datagram"].value == pytest.approx(3.0)


def test_on_one_core_no_promise_can_be_measured_and_each_says_so() -> None:
    figures = limited([], "")
    assert [figure.value for figure in figures] == [None, None, None]
    assert all("needs two processors" in figure.reason for figure in figures)


def test_where_the_scheduler_places_the_ends_nothing_is_promised() -> None:
    figures = free_figures([measured()])
    assert {figure.limit for figure in figures} == {None}
    assert len(figures) == 3


def test_a_slice_is_told_with_its_last_message(capsys: pytest.CaptureFixture[str]) -> None:
    counter = SliceCounter(3)
    for index, latency_s in enumerate((0.1, 0.3, 0.2)):
        assert capsys.readouterr().out == ""
        counter.take(7, index, 10.0, 10.0 + latency_s)
    told = json.loads(capsys.readouterr().out)
    assert told["received"] == 3
    assert told["p50_s"] == pytest.approx(0.2)
    assert told["p99_s"] == pytest.approx(0.3)


def test_a_lost_message_shows_in_the_count_and_not_in_the_next_slice(capsys: pytest.CaptureFixture[str]) -> None:
    counter = SliceCounter(3)
    counter.take(1, 0, 0.0, 0.5)
    counter.take(1, 2, 0.0, 0.5)
    assert json.loads(capsys.readouterr().out)["received"] == 2
    for index in range(3):
        counter.take(2, index, 0.0, 0.1)
    told = json.loads(capsys.readouterr().out)
    assert (told["received"], told["p99_s"]) == (3, pytest.approx(0.1))


def test_the_peers_send_as_many_bytes_as_our_frame_has() -> None:
    assert 300 < frame_bytes() < 1000
    assert message(3, 5).plug_count == 3
    assert message(3, 5).contactor_cycles == 5
