"""A domestic socket on the auxiliary output: a connector of its own, without pilot and without a plug to be seen."""

from pathlib import Path

import pytest

from schemas.base import Answer
from schemas.safety import Contactor, PilotState
from schemas.session import StopReason
from tests.backend.scripted import ScriptedBackend
from tests.virtual.charging_station import CARD, OTHER_CARD, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual

TEXT = """
[station]
serial = "VIRTUAL-1"
[connector.1]
[connector.2]
cable = "schuko"
[cards]
local = ["CARD-1", "CARD-2"]
[equipment]
inputs = { schuko_mcb = "normally closed", emergency_stop = "normally closed", energy_management = "normally open" }
[settings]
"""
APPLIANCE = {"phases": 1, "max_current_a": 10.0, "ready_after_s": 0.1}


def bench(path: Path, settings: str = "", backend: ScriptedBackend | None = None) -> FaultBench:
    station = FaultBench(path, TEXT + settings, backend=backend)
    station.until(lambda: station.status(1) is Status.AVAILABLE, within_s=30.0)
    station.advance(5.0)
    return station


def charging(path: Path, settings: str = "", backend: ScriptedBackend | None = None) -> FaultBench:
    """The appliance is plugged in at 10 A, the card was held."""
    station = bench(path, settings, backend)
    station.plug_in(2, **APPLIANCE)
    station.swipe(CARD)
    station.until(lambda: station.flows(2), within_s=15.0)
    return station


def pin(station: FaultBench) -> bool:
    return station.site.outputs.pins["auxiliary"]


def test_a_card_switches_it_on_and_the_same_card_off_with_a_transaction_of_its_own(tmp_path: Path) -> None:
    station = bench(tmp_path)
    assert station.status(2) is Status.AVAILABLE
    assert not pin(station)
    station.swipe(CARD)
    station.until_status(Status.CHARGING, 2)
    assert pin(station)
    station.plug_in(2, **APPLIANCE)
    station.until(lambda: station.current_a(2) > 9.5, within_s=15.0)
    assert station.status(1) is Status.AVAILABLE
    station.advance(60.0)
    station.swipe(CARD)
    station.until_ended()
    assert not pin(station)
    bill = station.bill()
    assert bill.started.connector == 2
    assert bill.stopped is not None
    assert bill.stopped.reason is StopReason.LOCAL
    assert 35 <= bill.energy_wh <= 45
    station.until_status(Status.AVAILABLE, 2)
    assert [*station.statuses(2)][-4:] == [Status.PREPARING, Status.CHARGING, Status.FINISHING, Status.AVAILABLE]


def test_a_vehicle_at_the_other_connector_comes_first_and_both_run_side_by_side(tmp_path: Path) -> None:
    station = bench(tmp_path)
    station.plug_in(1)
    station.advance(1.0)
    station.swipe(CARD)
    station.until_current_flows(1)
    assert not pin(station)
    station.swipe(OTHER_CARD)
    station.until_status(Status.CHARGING, 2)
    assert station.flows(1)
    station.advance(5.0)
    station.swipe(OTHER_CARD)
    station.until_ended()
    assert station.flows(1)


def test_the_backend_starts_and_stops_it_and_unlocking_is_not_supported(tmp_path: Path) -> None:
    station = bench(tmp_path, backend=ScriptedBackend())
    station.until(lambda: station.backend.connected, within_s=30.0)
    station.advance(5.0)
    start = station.backend.call("RemoteStartTransaction", {"connectorId": 2, "idTag": CARD})
    station.until(lambda: start.done, within_s=10.0)
    assert start.payload == {"status": "Accepted"}
    station.until_status(Status.CHARGING, 2)
    started = station.until(lambda: bool(station.backend.payloads("StartTransaction")), within_s=10.0)
    assert started <= 10.0
    station.advance(2.0)
    stop = station.backend.call("RemoteStopTransaction", {"transactionId": station.session(2).backend_transaction_id})
    station.until(lambda: stop.done, within_s=10.0)
    station.until_ended()
    unlock = station.backend.call("UnlockConnector", {"connectorId": 2})
    station.until(lambda: unlock.done, within_s=20.0)
    assert unlock.payload == {"status": "NotSupported"}
    station.backend.check()


def test_its_circuit_breaker_stops_it_with_an_error_of_its_own(tmp_path: Path) -> None:
    station = charging(tmp_path, backend=ScriptedBackend())
    station.inject("mcb_trip", connector=2)
    station.until(lambda: "schuko_mcb_tripped" in station.safety(2).faults, within_s=0.1)
    assert not pin(station)
    station.expect_told("schuko_mcb_tripped", 2)
    assert station.session(2).error_code == "OverCurrentFailure"
    assert station.safety(1).faults == ()
    station.clear("mcb_trip", 2)
    station.until(lambda: station.safety(2).faults == (), within_s=5.0)
    station.until(lambda: station.flows(2), within_s=45.0)
    assert len(station.bills()) == 1, "the same transaction goes on"


def test_the_emergency_stop_switches_it_off_for_good(tmp_path: Path) -> None:
    station = charging(tmp_path)
    station.press("emergency_stop")
    station.until(lambda: not pin(station), within_s=0.02)
    station.until_ended()
    station.press("emergency_stop", False)
    station.until(lambda: station.safety(2).faults == (), within_s=10.0)
    assert not pin(station)


@pytest.mark.parametrize("owner", ["session", "safety"])
def test_a_service_that_dies_takes_the_current_along_and_it_comes_back(tmp_path: Path, owner: str) -> None:
    station = charging(tmp_path)
    station.kill(owner)
    if owner == "safety":
        station.until(lambda: not station.flows(2), within_s=0.2)
    else:
        station.until(lambda: not pin(station), within_s=10.5)
    station.start(owner)
    station.until(lambda: station.flows(2), within_s=45.0)
    assert len(station.bills()) == 1


def test_a_frozen_process_opens_it_through_the_monoflop(tmp_path: Path) -> None:
    station = charging(tmp_path)
    station.settle()
    process = station.processes.pop("safety")
    station.advance(0.2)
    assert not station.flows(2)
    station.processes["safety"] = process
    station.advance(1.0)
    assert station.safety(2).contactor is not Contactor.CLOSED or not station.flows(2)
    station.until(lambda: station.flows(2), within_s=45.0)


def test_a_limit_below_its_rating_switches_it_off(tmp_path: Path) -> None:
    station = charging(tmp_path)
    station.set_key("OperatorCurrentLimit", "10")
    station.until(lambda: not pin(station), within_s=2.0)
    assert "16 A" in station.safety(2).reason
    assert station.status(2) is Status.SUSPENDED_EVSE
    station.set_key("OperatorCurrentLimit", "20")
    station.until(lambda: station.flows(2), within_s=10.0)


def test_an_output_that_does_not_follow_is_a_fault(tmp_path: Path) -> None:
    station = charging(tmp_path)
    station.advance(5.0)
    station.inject("output_stuck", 1.0, connector=2)
    station.swipe(CARD)
    station.until(lambda: "output_mismatch" in station.safety(2).faults, within_s=5.0)


def test_switched_off_in_the_settings_the_connector_is_unavailable_with_a_reason(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, TEXT + 'OCPPSchuko = "false"\n', power=False)
    station.power_up()
    station.until_status(Status.AVAILABLE, 1)
    station.until_status(Status.UNAVAILABLE, 2)
    assert station.safety(2).state is PilotState.F
    assert "OCPPSchuko" in station.safety(2).reason
    station.swipe(CARD)
    station.advance(5.0)
    assert not pin(station)
    assert station.status(1) is Status.PREPARING, "the card waits for a vehicle there"


def test_two_uses_of_the_auxiliary_output_are_refused(tmp_path: Path) -> None:
    station = bench(tmp_path)
    assert station.set_key("WeldCheckAuxRelay", "true") is Answer.REJECTED


def test_after_a_power_cut_the_socket_is_off_and_the_transaction_is_ended(tmp_path: Path) -> None:
    station = charging(tmp_path)
    station.power_cut()
    station.advance(0.2)
    assert not station.flows(2)
    station.power_up()
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert stopped.reason is StopReason.POWER_LOSS
    assert not pin(station)


def test_30_a_through_the_socket_are_an_overload_and_its_meter_is_watched(tmp_path: Path) -> None:
    station = bench(tmp_path)
    assert station.safety(2).unwatched == ""
    station.inject("overdraw", 87.5, connector=2)
    station.plug_in(2, phases=1, max_current_a=32.0, ready_after_s=0.1)
    station.swipe(CARD)
    station.until(lambda: station.flows(2), within_s=15.0)
    station.until(lambda: "overcurrent_hard" in station.safety(2).faults, within_s=10.0)
    assert not pin(station)
    assert station.safety(1).faults == ()


def test_the_energy_management_input_and_heat_switch_it_off_as_they_pause_a_vehicle(tmp_path: Path) -> None:
    station = charging(tmp_path, 'EnergyManInputPowerLimitCfg = "Enable"\nEnergyManInputPowerCurrentLim = 0\n')
    station.press("energy_management")
    station.until(lambda: not pin(station), within_s=0.1)
    assert station.safety(2).limit_words == "the energy management input"
    station.press("energy_management", False)
    station.until(lambda: station.flows(2), within_s=10.0)
    station.inject("temperature_housing", 70.0)
    station.until(lambda: not pin(station), within_s=5.0)
    assert station.safety(2).faults == ("temperature_derated",)
    assert len(station.bills()) == 1


@pytest.mark.parametrize("meter", ['meter = "none"\n', pytest.param("", marks=pytest.mark.long)])
def test_free_charging_does_not_come_back_by_itself_after_the_emergency_stop(tmp_path: Path, meter: str) -> None:
    station = FaultBench(tmp_path, TEXT.replace('"schuko"\n', f'"schuko"\n{meter}') + 'FreeCharging = "true"\n')
    station.plug_in(2, **APPLIANCE)
    station.until(lambda: station.flows(2), within_s=40.0)
    station.press("emergency_stop")
    station.until(lambda: not pin(station), within_s=0.1)
    station.advance(5.0)
    station.press("emergency_stop", False)
    for owner in ("safety", "session", ""):
        station.advance(40.0)
        assert not pin(station), f"before {owner} died"
        assert station.status(2) is Status.FAULTED
        if owner:
            station.kill(owner)
            station.advance(12.0)
            station.start(owner)
    station.set_key("FreeCharging", "false")
    station.until_status(Status.AVAILABLE, 2, within_s=10.0)
    station.set_key("FreeCharging", "true")
    station.until(lambda: station.flows(2), within_s=40.0)


def test_whoever_comes_with_a_card_after_the_emergency_stop_charges_whether_charging_is_free_or_not(
    tmp_path: Path,
) -> None:
    for settings in ("", 'FreeCharging = "true"\n'):
        station = bench(tmp_path / f"free-{bool(settings)}", settings)
        station.plug_in(2, **APPLIANCE)
        if not settings:
            station.swipe(CARD)
        station.until(lambda: station.flows(2), within_s=40.0)  # noqa: B023
        station.press("emergency_stop")
        station.advance(5.0)
        station.swipe(OTHER_CARD)
        station.advance(5.0)
        station.press("emergency_stop", False)
        station.advance(60.0)
        assert not pin(station), "a card that was held before is refused"
        station.swipe(OTHER_CARD)
        station.until(lambda: station.flows(2), within_s=10.0)  # noqa: B023
        assert station.session(2).id_tag == OTHER_CARD
        assert len(station.bills()) == 2


@pytest.mark.long
def test_the_backend_can_start_a_free_socket_again_after_the_emergency_stop(tmp_path: Path) -> None:
    station = bench(tmp_path, 'FreeCharging = "true"\n', ScriptedBackend())
    station.plug_in(2, **APPLIANCE)
    station.until(lambda: station.flows(2), within_s=40.0)
    for _ in range(2):
        station.press("emergency_stop", station.flows(2))
        station.advance(40.0)
        assert not pin(station)
    start = station.backend.call("RemoteStartTransaction", {"connectorId": 2, "idTag": CARD})
    station.until(lambda: start.done, within_s=10.0)
    assert start.payload == {"status": "Accepted"}
    station.until(lambda: station.flows(2), within_s=10.0)
    station.backend.check()


@pytest.mark.long
def test_a_free_socket_comes_back_three_times_and_then_waits_for_a_person(tmp_path: Path) -> None:
    station = bench(tmp_path, 'FreeCharging = "true"\n')
    station.until(lambda: pin(station), within_s=40.0)
    for turn in range(4):
        station.inject("mcb_trip", connector=2)
        station.advance(1.0)
        station.clear("mcb_trip", connector=2)
        station.advance(40.0)
        assert pin(station) is (turn < 3)
    assert station.safety(2).contactor_cycles == 4
    assert station.safety(2).state is PilotState.LATCHED


def test_after_a_power_failure_it_starts_at_a_random_time_like_the_vehicles(tmp_path: Path) -> None:
    station = bench(tmp_path, 'FreeCharging = "true"\nRandomRestartAfterPowerLoss = "true"\n')
    station.plug_in(2, **APPLIANCE)
    station.until(lambda: station.flows(2), within_s=40.0)
    station.lose_mains()
    station.advance(5.0)
    station.mains_back()
    station.advance(15.0)
    assert not pin(station)
    assert "random time" in station.safety(2).reason
    station.until(lambda: station.flows(2), within_s=300.0)


@pytest.mark.long
def test_its_closings_and_openings_under_load_are_counted(tmp_path: Path) -> None:
    station = charging(tmp_path)
    for _ in range(12):
        station.advance(8.0)
        station.set_key("OperatorCurrentLimit", "10")
        station.until(lambda: not pin(station), within_s=5.0)
        station.set_key("OperatorCurrentLimit", "20")
    station.advance(60.0)
    assert not pin(station)
    assert "12 times within an hour" in station.safety(2).reason
    assert (station.safety(2).contactor_cycles, station.safety(2).contactor_load_cycles) == (12, 12)


def test_the_fan_and_the_reports_of_temperatures_work_where_the_socket_is_the_first_connector(tmp_path: Path) -> None:
    text = (
        TEXT.replace("[connector.1]\n", "")
        .replace("[connector.2]", "[connector.1]")
        .replace('cable = "schuko"', 'cable = "schuko"\n[connector.2]')
    )
    keys = 'VentHeatingCtrlMode = "Fan (vehicle state)"\nTempDelta = 5\nInfoStatusNotifications = "true"\n'
    station = FaultBench(tmp_path, text + keys, backend=ScriptedBackend())
    station.until(lambda: station.status(1) is Status.AVAILABLE and station.backend.connected, within_s=40.0)
    station.swipe(CARD)
    station.until(lambda: pin(station), within_s=20.0)
    station.until(lambda: station.site.outputs.pins["climate"], within_s=1.0)
    station.advance(15.0)
    told = [one.get("info", "") for one in station.backend.payloads("StatusNotification")]
    assert any("emperature" in info for info in told), told
