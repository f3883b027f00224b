"""Samples of a transaction: at their time, without a hole over a kill, and in its StopTransaction."""

import json
from pathlib import Path

import pytest

from schemas.base import Answer
from schemas.metering import Quality
from schemas.session import MeterSample
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual


def charging(path: Path, for_s: float = 0.0, **keys: str) -> SessionCell:
    cell = make_cell(path, backend=True, **{"MeterValueSampleInterval": "10", **keys})
    cell.advance(1.0)
    cell.plug()
    cell.swipe("CARD-A")
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.advance(for_s)
    return cell


def ended(cell: SessionCell) -> None:
    cell.until(lambda: len(cell.stopped()) == len(cell.started()), 40.0)
    cell.check_stream()


def times(cell: SessionCell) -> list[float]:
    """Of the periodic samples, seconds after the start."""
    begun = cell.started()[0].started_wall_s
    return [sample.sampled_wall_s - begun for body in cell.metered() for sample in body.samples]


def on_the_grid(cell: SessionCell, seconds: int, interval: float = 10.0) -> None:
    expected = [interval * (number + 1) for number in range(int(seconds / interval))]
    assert times(cell) == pytest.approx(expected, abs=1.1), times(cell)


def registers(samples: tuple[MeterSample, ...]) -> list[tuple[str, int]]:
    values = [value for sample in samples for value in sample.values]
    return [(v.context, int(v.value)) for v in values if v.measurand == "Energy.Active.Import.Register"]


def test_samples_come_at_their_interval_from_the_start(tmp_path: Path) -> None:
    cell = charging(tmp_path, 65.0)
    on_the_grid(cell, 60)
    (value,) = cell.metered()[0].samples[0].values
    assert (value.context, value.measurand, value.unit, value.location, value.format) == (
        "Sample.Periodic",
        "Energy.Active.Import.Register",
        "Wh",
        "Outlet",
        "Raw",
    )


def test_an_interval_of_0_samples_nothing_and_a_new_one_counts_at_once(tmp_path: Path) -> None:
    cell = charging(tmp_path, 30.0, MeterValueSampleInterval="0")
    assert cell.metered() == []
    cell.set_key("MeterValueSampleInterval", "20")
    cell.advance(35.0)
    assert times(cell) == pytest.approx([30.0, 40.0, 60.0], abs=2.1)


def test_every_measurand_of_the_key_is_in_each_sample(tmp_path: Path) -> None:
    wanted = "Current.Import,Voltage.L2,Power.Active.Import,Current.Offered,Power.Offered,SoC"
    cell = charging(tmp_path, 12.0, MeterValuesSampledData=wanted)
    values = cell.metered()[0].samples[0].values
    assert [(v.measurand, v.phase, v.value, v.unit) for v in values] == [
        ("Current.Import", "L1", "16.00", "A"),
        ("Current.Import", "L2", "16.00", "A"),
        ("Current.Import", "L3", "16.00", "A"),
        ("Voltage", "L2-N", "230.0", "V"),
        ("Power.Active.Import", "", "11040.0", "W"),
        ("Current.Offered", "", "16.0", "A"),
        ("Power.Offered", "", "11040.0", "W"),
    ]


@pytest.mark.parametrize("down_s", [0.5, 9.0, 47.0])
def test_a_kill_of_session_leaves_no_hole(tmp_path: Path, down_s: float) -> None:
    cell = charging(tmp_path, 33.0)
    cell.kill("session")
    cell.advance(down_s)
    cell.start("session")
    cell.advance(100.0 - 33.0 - down_s + 5.0)
    on_the_grid(cell, 100)
    cell.swipe("CARD-A")
    ended(cell)


def test_an_end_of_session_while_the_ring_is_awaited_leaves_no_hole_either(tmp_path: Path) -> None:
    cell = charging(tmp_path, 33.0)
    cell.ring_delay_s = 3.0
    cell.kill("session")
    cell.advance(20.0)
    cell.start("session")
    cell.advance(1.5)
    cell.restart("session")
    cell.advance(20.0)
    on_the_grid(cell, 70)


def test_a_ring_that_does_not_answer_holds_nothing_up_for_long(tmp_path: Path) -> None:
    cell = charging(tmp_path, 33.0)
    cell.ring_answers = False
    cell.kill("session")
    cell.advance(15.0)
    cell.start("session")
    cell.advance(20.0)
    assert len(cell.metered()) >= 4
    cell.swipe("CARD-A")
    ended(cell)


@pytest.mark.parametrize("ring_delay_s", [0.0, 3.0])
def test_samples_missed_before_the_stop_are_told_before_it(tmp_path: Path, ring_delay_s: float) -> None:
    cell = charging(tmp_path, 13.0)
    cell.ring_delay_s = ring_delay_s
    cell.kill("session")
    cell.advance(20.5)
    cell.start("session")
    cell.advance(0.8)
    cell.world.can_prove_open = False
    cell.swipe("CARD-A")
    cell.advance(0.1)
    cell.world.can_prove_open = True
    ended(cell)
    on_the_grid(cell, 30)


def test_a_silent_meter_leaves_a_gap_and_nothing_is_made_up(tmp_path: Path) -> None:
    cell = charging(tmp_path, 15.0)
    cell.world.quality = Quality.SILENT
    cell.advance(30.0)
    cell.world.quality = Quality.GOOD
    cell.advance(10.0)
    assert times(cell) == pytest.approx([10.0, 46.0, 50.0], abs=2.1)


def test_on_a_full_disk_samples_wait_and_the_stop_does_not(tmp_path: Path) -> None:
    cell = charging(tmp_path, 15.0)
    cell.disk_full = True
    cell.advance(30.0)
    assert len(cell.metered()) == 1
    cell.unplug()
    unplugged_wall_s = cell.clock.now().wall_s
    cell.advance(5.0)
    cell.disk_full = False
    ended(cell)
    assert cell.stopped()[0].stopped_wall_s == unplugged_wall_s
    assert times(cell)[:4] == pytest.approx([10.0, 20.0, 30.0, 40.0], abs=1.1)


def test_the_grid_begins_anew_when_a_power_cut_is_over(tmp_path: Path) -> None:
    cell = charging(tmp_path, 25.0, RestartTransAfterPowerLoss="true")
    before = len(cell.metered())
    cell.power_cut()
    cell.until(lambda: cell.status == "Charging", 10.0)
    cell.advance(8.0)
    assert len(cell.metered()) == before
    cell.advance(25.0)
    assert len(cell.metered()) == before + 3
    cell.swipe("CARD-A")
    ended(cell)
    assert registers(cell.stopped()[0].samples)[0] == ("Transaction.Begin", 100_000)


# transactionData


def test_the_stop_carries_begin_samples_and_end(tmp_path: Path) -> None:
    cell = charging(tmp_path, 25.0)
    cell.swipe("CARD-A")
    ended(cell)
    (stopped,) = cell.stopped()
    found = registers(stopped.samples)
    assert [context for context, _ in found] == [
        "Transaction.Begin",
        "Sample.Periodic",
        "Sample.Periodic",
        "Transaction.End",
    ]
    assert (found[0][1], found[-1][1]) == (100_000, stopped.meter_stop_wh)
    assert cell.service.store.samples_of(stopped.transaction_id) == ()


def test_an_empty_key_leaves_the_stop_without_samples(tmp_path: Path) -> None:
    cell = charging(tmp_path, 25.0, StopTxnSampledData="")
    cell.swipe("CARD-A")
    ended(cell)
    assert cell.stopped()[0].samples == ()
    assert len(cell.metered()) == 2


def test_a_long_transaction_is_thinned_and_keeps_its_first_and_last_sample(tmp_path: Path) -> None:
    cell = charging(tmp_path, 400.0, MeterValueSampleInterval="1")
    cell.swipe("CARD-A")
    ended(cell)
    (stopped,) = cell.stopped()
    assert 50 <= len(stopped.samples) <= 120
    found = registers(stopped.samples)
    assert (found[0], found[-1]) == (("Transaction.Begin", 100_000), ("Transaction.End", stopped.meter_stop_wh))
    assert [wh for _, wh in found] == sorted(wh for _, wh in found)


def test_a_stop_without_a_reading_ends_with_the_last_good_register(tmp_path: Path) -> None:
    cell = charging(tmp_path, 25.0)
    cell.world.quality = Quality.SILENT
    cell.advance(5.0)
    cell.swipe("CARD-A")
    ended(cell)
    (stopped,) = cell.stopped()
    assert registers(stopped.samples)[-1] == ("Transaction.End", stopped.meter_stop_wh)
    assert not stopped.meter_stop_measured


# TriggerMessage


@pytest.mark.parametrize("connector", [None, 0, 1])
def test_triggered_meter_values_say_what_is_measured_now(tmp_path: Path, connector: int | None) -> None:
    cell = charging(tmp_path, 3.0)
    assert cell.outcome(cell.trigger_meter_values(connector)) is Answer.ACCEPTED
    cell.advance(0.5)
    (call,) = cell.backend.sent
    payload = json.loads(call.payload)
    assert (call.action, payload["connectorId"], payload["transactionId"]) == ("MeterValues", 1, 1)
    (value,) = payload["meterValue"][0]["sampledValue"]
    assert (value["context"], value["unit"]) == ("Trigger", "Wh")
    assert "phase" not in value


def test_triggered_meter_values_without_a_transaction_name_none(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, backend=True)
    cell.advance(3.0)
    assert cell.outcome(cell.trigger_meter_values(1)) is Answer.ACCEPTED
    cell.advance(0.5)
    assert "transactionId" not in json.loads(cell.backend.sent[0].payload)


def test_without_a_reading_or_a_connector_nothing_is_triggered(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, backend=True)
    cell.advance(3.0)
    assert cell.outcome(cell.trigger_meter_values(2)) is Answer.REJECTED
    cell.world.quality = Quality.SILENT
    cell.advance(10.0)
    assert cell.outcome(cell.trigger_meter_values(1)) is Answer.REJECTED
