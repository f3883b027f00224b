"""A meter that stalls, jumps, lies or is exchanged, on the whole station: it is noticed, the car goes on charging, and
no energy is invented. Numbers F.. are rows of the fault-injection table.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from bus.topics import METERING_READING
from schemas.hmi import LightPattern
from schemas.metering import Quality
from schemas.session import StopReason, TransactionStopped
from tests.backend.scripted import ScriptedBackend
from tests.virtual.charging_station import CARD, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual
METER = "connector.1"


@pytest.fixture
def charging(tmp_path: Path) -> FaultBench:
    station = FaultBench(tmp_path, power=False, backend=ScriptedBackend())
    station.site.meter(METER, energy_wh=5000.0)
    station.power_up()
    station.until_heard()
    station.charge()
    station.advance(12.0)
    station.watch_current()
    return station


def end(station: FaultBench) -> TransactionStopped:
    """Card, until the bill is written."""
    station.watch_current()
    station.swipe(CARD)
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert stopped.reason is StopReason.LOCAL
    return stopped


def never_interrupted(station: FaultBench) -> None:
    assert station.status() is Status.CHARGING
    assert station.least_a is not None
    assert station.least_a > 20.0


def said_registers(station: FaultBench) -> set[int]:
    """Every register value that was ever published as a sample."""
    readings = [body.reading for body in station.bodies(METERING_READING, METER)]
    return {reading.energy_import_wh for reading in readings if reading is not None}


@pytest.mark.parametrize(
    ("fault", "mended", "code"),
    [
        ({"timeout": True}, {"timeout": False}, "meter_silent"),  # F69
        ({"corrupt": True}, {"corrupt": False}, "meter_silent"),
        ({"late_s": 3.0}, {"late_s": 0.0}, "meter_silent"),
        ({"nan": True}, {"nan": False}, "meter_implausible"),
        ({"backwards_wh": 2000.0}, {"jump_wh": 2000.0}, "meter_implausible"),  # F70
        ({"jump_wh": 50_000.0}, {"backwards_wh": 50_000.0}, "meter_implausible"),
        ({"freeze_energy": True}, {"freeze_energy": False}, "meter_frozen"),
    ],
)
def test_a_meter_fault_of_20_s_is_told_once_and_costs_nobody_anything(
    charging: FaultBench, fault: dict[str, float], mended: dict[str, float], code: str
) -> None:
    charging.site.meter(METER, **fault)
    charging.expect_fault(code, within_s=12.0, owner="metering")
    assert charging.fault_codes() == [code]
    charging.advance(20.0)
    assert charging.session(1).energy_wh is None, "an unknown energy is not shown"
    charging.site.meter(METER, **mended)
    charging.until(lambda: charging.fault_codes() == [], within_s=4.0)
    charging.advance(3.0)
    never_interrupted(charging)
    charging.expect_cleared(code, within_s=0.0, owner="metering")
    stopped = end(charging)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (charging.register_wh(), True)
    assert stopped.meter_stop_wh in said_registers(charging)


@pytest.mark.parametrize("fault", [{"timeout": True}, {"nan": True}, {"backwards_wh": 2000.0}, {"jump_wh": 50_000.0}])
def test_a_meter_that_stays_broken_ends_the_bill_with_the_last_value_it_really_said(
    charging: FaultBench, fault: dict[str, float]
) -> None:
    last_wh = charging.last(METERING_READING, METER).reading.energy_import_wh
    charging.site.meter(METER, **fault)
    charging.advance(15.0)
    charging.swipe(CARD)
    charging.until_open(within_s=7.0)
    waited_s = charging.until_ended()
    assert 25.0 < waited_s < 35.0
    stopped = charging.bill().stopped
    assert stopped is not None
    assert not stopped.meter_stop_measured
    assert last_wh <= stopped.meter_stop_wh <= last_wh + 8
    assert stopped.meter_stop_wh in said_registers(charging)


def test_f71_an_exchanged_meter_never_continues_the_bill_of_the_old_one(charging: FaultBench) -> None:
    last_wh = charging.last(METERING_READING, METER).reading.energy_import_wh
    charging.site.meter(METER, serial=77, energy_wh=9000.0)
    charging.expect_fault("meter_exchanged", within_s=2.0, owner="metering")
    assert charging.fault_codes() == ["meter_exchanged"]
    assert charging.light() is LightPattern.CHARGING
    charging.advance(10.0)
    assert charging.last(METERING_READING, METER).serial == "77"
    assert charging.session(1).energy_wh is None
    stopped = end(charging)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (last_wh, False)
    charging.expect_cleared("meter_exchanged", within_s=0.0, owner="metering")


def test_a_transaction_does_not_begin_without_a_reading_and_begins_when_there_is_one(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.site.meter(METER, timeout=True)
    station.advance(6.0)
    station.plug_in()
    station.swipe(CARD)
    station.advance(12.0)
    assert (station.status(), station.session(1).reason) == (Status.PREPARING, "waiting for the meter")
    assert "start_without_reading" in station.fault_codes()
    assert station.session(1).error_code == "PowerMeterFailure"
    assert (station.bills(), station.connector().contactor.closings) == ([], 0)
    station.site.meter(METER, timeout=False)
    station.until_current_flows()
    station.advance(2.0)
    assert station.fault_codes() == []
    assert [edge.raised for edge in station.edges("start_without_reading", owner="session")] == [True, False]


@pytest.mark.parametrize("late_s", [0.2, 0.9])
def test_a_slow_meter_still_bills_the_register_after_the_contacts_opened(tmp_path: Path, late_s: float) -> None:
    station = FaultBench(tmp_path)
    station.site.meter(METER, late_s=late_s)
    station.advance(2.0)
    station.charge()
    station.advance(6.0)
    stopped = end(station)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (station.register_wh(), True)


def _kill_metering(station: FaultBench) -> None:
    station.kill("metering")
    station.advance(30.0)
    station.start("metering")


def _freeze_metering(station: FaultBench) -> None:
    station.freeze("metering", 30.0)


@pytest.mark.parametrize("away", [_kill_metering, _freeze_metering])
def test_metering_away_for_30_s_leaves_a_gap_and_no_invented_energy(
    charging: FaultBench, away: Callable[[FaultBench], None]
) -> None:
    away(charging)
    charging.advance(3.0)
    never_interrupted(charging)
    assert charging.last(METERING_READING, METER).quality is Quality.GOOD
    stopped = end(charging)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (charging.register_wh(), True)
