"""Fault injections of the station's contacts, outputs and card reader (rows F42, F79 to F82 of the fault table)."""

from pathlib import Path

import pytest

from hardware.sim.site.connector import Refusal
from schemas.faults import FAULTS
from schemas.safety import PilotState
from schemas.session import StopReason
from schemas.station import OUTPUTS
from tests.backend.scripted import ScriptedBackend
from tests.virtual.charging_station import CARD
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual

WIRED = (
    'inputs = { emergency_stop = "normally closed", tilt = "normally open", tamper = "normally closed", '
    'spd = "normally closed" }'
)


def bench(path: Path, *, backend: ScriptedBackend | None = None, **settings: str) -> FaultBench:
    station = FaultBench(path, equipment=WIRED, backend=backend, **settings)
    station.charge_fully()
    return station


def test_f42_a_spent_surge_protection_is_told_and_charging_goes_on(tmp_path: Path) -> None:
    station = bench(tmp_path, backend=ScriptedBackend(), SPDCFG="true")
    station.watch_current()
    station.press("spd")
    took_s = station.expect_fault("surge_protection_spent", within_s=1.1)
    assert took_s >= 0.9
    station.until(lambda: _told(station, "Surge protection device spent"), within_s=10.0)
    station.advance(10.0)
    assert station.least_a is not None
    assert station.least_a > 30.0
    station.press("spd", False)
    station.expect_cleared("surge_protection_spent", within_s=1.5)


def test_f42_without_its_key_a_surge_protection_says_nothing(tmp_path: Path) -> None:
    station = bench(tmp_path)
    station.press("spd")
    station.advance(5.0)
    station.expect_no_fault()


def test_f79_an_output_in_the_path_of_power_that_reads_back_wrong_stops_power(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, PatternOnRelayK2="On while charging")
    station.charge_fully()
    assert station.site.outputs.pins["relay_2"]
    station.inject("output_stuck", float(list(OUTPUTS).index("relay_2") + 1))
    station.site.ev_pause(1)
    station.expect_open(within_s=0.1)
    station.expect_fault("output_mismatch", within_s=0.4)
    station.clear("output_stuck")
    station.expect_cleared("output_mismatch", within_s=4.0)
    assert not station.site.outputs.pins["relay_2"]


def test_f79_a_free_output_that_does_not_follow_stops_nothing(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, PatternOnRelayK2="On while vehicle connected")
    station.inject("output_stuck", float(list(OUTPUTS).index("relay_2") + 1))
    station.charge_fully()
    assert not station.site.outputs.pins["relay_2"]
    station.expect_no_fault()


def test_f80_an_open_housing_is_told_after_a_second_and_charging_goes_on(tmp_path: Path) -> None:
    station = bench(tmp_path, backend=ScriptedBackend(), TamperDetectionInputEnable="true")
    station.press("tamper")
    assert station.expect_fault("tampered", within_s=1.1) >= 0.9
    station.until(lambda: _told(station, "Housing is open"), within_s=10.0)
    assert station.flows()
    station.press("tamper", False)
    station.expect_cleared("tampered", within_s=1.5)


def test_f81_the_emergency_stop_opens_in_one_step_and_stays_until_it_is_released_and_unplugged(tmp_path: Path) -> None:
    station = bench(tmp_path, backend=ScriptedBackend())
    station.press("emergency_stop")
    assert station.coil_off_within(0.02) <= 0.02
    station.expect_fault("emergency_stop", within_s=0.02)
    station.expect_open(within_s=0.1)
    station.press("emergency_stop", False)
    station.advance(60.0)
    assert station.safety(1).state is PilotState.LATCHED
    station.until_ended()
    assert station.bill().stopped is not None
    station.unplug()
    station.expect_cleared("emergency_stop", within_s=3.0)
    station.charge()
    station.backend.check()


def test_f81_a_cut_wire_of_a_normally_closed_emergency_stop_is_one(tmp_path: Path) -> None:
    station = bench(tmp_path)
    station.site.inputs.by_hand["emergency_stop"] = True
    station.site.revision += 1
    assert not station.site.inputs.contacts()["emergency_stop"], "a cut wire: no current through the input"
    station.expect_fault("emergency_stop", within_s=0.02)


def test_a_tilted_station_waits_for_service(tmp_path: Path) -> None:
    station = bench(tmp_path)
    station.press("tilt")
    station.expect_fault("tilted", within_s=0.02)
    station.press("tilt", False)
    station.unplug()
    station.advance(30.0)
    assert station.safety(1).faults == ("tilted",)
    station.reset_lockouts()
    station.until(lambda: station.safety(1).state is PilotState.A, within_s=20.0)
    assert FAULTS["tilted"].error_code == "OtherError"


GARBAGE = ("04A1B2C3", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6A7B8C9", "\x00\xff", "x" * 20, " ", "*" * 19)


def test_f82_a_flood_of_cards_changes_nothing_at_the_pilot(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.charge_fully()
    station.watch_current()
    before = station.last_step().outputs
    for turn in range(200):
        id_tag = GARBAGE[turn % len(GARBAGE)]
        try:
            station.site.swipe(id_tag, reader="reader")
        except Refusal:
            continue
        station.advance(0.02)
    station.advance(5.0)
    after = station.last_step().outputs
    assert (after.coil, after.mode, after.permille) == (before.coil, before.mode, before.permille)
    assert station.least_a is not None
    assert station.least_a > 30.0
    station.swipe(CARD)
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert stopped.reason is StopReason.LOCAL


def _told(station: FaultBench, info: str) -> bool:
    return any(each.get("info") == info for each in station.backend.payloads("StatusNotification"))
