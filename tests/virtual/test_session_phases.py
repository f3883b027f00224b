"""Charging with one phase of three by command, on the whole station: every step of `safety` is held against the
invariants meanwhile (F85)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.topics import SESSION_FACT, SESSION_PERMISSION, SESSION_SWITCH_PHASES
from schemas.base import Answer, Answered
from schemas.session import ConnectorStatus, SwitchPhasesRequest, TransactionMeterValues
from services.store import StoreError
from tests.virtual.charging_station import CARD, ChargingStation
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual

RELAY = "output_sense = true\nphase_switching = true"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[FaultBench]:
    one = FaultBench(tmp_path, connector=RELAY, PhaseSwitchingFunction="By command")
    one.charge()
    yield one
    one.expect_no_fault()


def wish(bench: ChargingStation, phases: int, connector: int = 1) -> Answered:
    expires_s = bench.clock.boot_s + 5.0
    body = SwitchPhasesRequest(request_id=bench.new_id(), expires_s=expires_s, connector=connector, phases=phases)
    return bench.ask(SESSION_SWITCH_PHASES, body)


def currents(bench: ChargingStation, connector: int = 1) -> list[bool]:
    return [each > 0.0 for each in bench.site.flows[connector].current_a]


def until_on(bench: ChargingStation, phases: int, within_s: float = 60.0) -> None:
    bench.until(lambda: bench.safety(1).phases == phases and bench.session(1).phases == phases, within_s)
    bench.until_current_flows(within_s=60.0)
    bench.until(lambda: currents(bench) == [True, phases == 3, phases == 3], within_s=20.0)


def test_a_command_changes_to_one_phase_and_back_within_the_same_transaction(bench: FaultBench) -> None:
    transaction = bench.session(1).transaction_id
    answered = wish(bench, 1)
    assert (answered.outcome, answered.values) == (
        Answer.ACCEPTED,
        {"transaction_id": transaction, "phases": "1", "changed": "true"},
    )
    said = bench.session(1)
    assert (said.phases, said.phases_asked, said.phases_wanted) == (3, 1, 1)
    until_on(bench, 1)
    bench.advance(bench.session(1).phases_kept_until_s - bench.clock.boot_s)
    assert wish(bench, 0).values["phases"] == "3"
    until_on(bench, 3)
    said = bench.session(1)
    assert (said.transaction_id, said.phases_asked, said.phases_wanted) == (transaction, 3, 0)
    assert ConnectorStatus.UNAVAILABLE not in bench.statuses()
    bench.swipe(CARD)
    bench.until_ended()


def test_a_change_too_soon_is_refused_with_the_time_and_the_same_number_is_not(bench: FaultBench) -> None:
    assert wish(bench, 3).values["changed"] == "false"
    assert wish(bench, 0).values["changed"] == "false"
    assert wish(bench, 1).outcome is Answer.ACCEPTED
    asked_s = bench.clock.boot_s
    bench.advance(20.0)
    again = wish(bench, 1)
    assert (again.outcome, again.values["changed"]) == (Answer.ACCEPTED, "false")
    refused = wish(bench, 3)
    assert refused.outcome is Answer.REJECTED
    assert "20 s ago: try again in 40 s" in refused.reason
    kept_s = bench.session(1).phases_kept_until_s
    assert kept_s == pytest.approx(asked_s + 60.0, abs=0.1)
    until_on(bench, 1)
    bench.advance(kept_s - bench.clock.boot_s)
    assert wish(bench, 3).outcome is Answer.ACCEPTED
    until_on(bench, 3)


@pytest.mark.parametrize("after_s", [0.05, 8.0, 14.0])
def test_a_kill_of_session_in_the_middle_changes_nothing(bench: FaultBench, after_s: float) -> None:
    transaction = bench.session(1).transaction_id
    assert wish(bench, 1).outcome is Answer.ACCEPTED
    bench.advance(after_s)
    bench.kill("session")
    bench.advance(1.5)
    place = len(bench.said)
    bench.start("session")
    until_on(bench, 1)
    bench.advance(5.0)
    asked = {m.body.phases for m in bench.said[place:] if m.topic is SESSION_PERMISSION and not m.resent}
    assert asked == {1}, "never three, not even for a moment"
    assert bench.session(1).transaction_id == transaction
    assert wish(bench, 3).outcome is Answer.REJECTED, "the pause goes on"


@pytest.mark.parametrize("owner", ["safety", "settings"])
def test_a_kill_of_another_service_changes_nothing(bench: FaultBench, owner: str) -> None:
    wish(bench, 1)
    bench.advance(8.0)
    bench.kill(owner)
    bench.advance(1.0)
    bench.start(owner)
    until_on(bench, 1)


def test_a_request_that_is_repeated_after_a_restart_is_answered_and_does_nothing_more(bench: FaultBench) -> None:
    expires_s = bench.clock.boot_s + 5.0
    body = SwitchPhasesRequest(request_id="the-same", expires_s=expires_s, connector=1, phases=1)
    first = bench.ask(SESSION_SWITCH_PHASES, body)
    bench.kill("session")
    bench.start("session")
    assert bench.ask(SESSION_SWITCH_PHASES, body) == first


def test_the_next_vehicle_is_charged_with_every_phase(bench: FaultBench) -> None:
    wish(bench, 1)
    until_on(bench, 1)
    place = len(bench.said)
    bench.swipe(CARD)
    bench.until_ended()
    bench.advance(30.0)
    said = bench.session(1)
    assert (said.phases, said.phases_asked, said.phases_wanted) == (1, 0, 0), "nothing moves while it is plugged in"
    assert "no transaction is running" in wish(bench, 1).reason
    bench.unplug()
    bench.until(lambda: bench.session(1).phases == 3, within_s=10.0)
    assert set(bench.statuses(since=place)) <= {
        ConnectorStatus.CHARGING,
        ConnectorStatus.FINISHING,
        ConnectorStatus.AVAILABLE,
    }
    bench.charge()
    assert currents(bench) == [True, True, True]


def test_a_second_transaction_of_the_same_vehicle_begins_with_every_phase(bench: FaultBench) -> None:
    wish(bench, 1)
    until_on(bench, 1)
    bench.swipe(CARD)
    bench.until_ended()
    bench.advance(5.0)
    bench.swipe(CARD)
    until_on(bench, 3)


def test_a_relay_that_stands_at_one_phase_goes_to_three_before_a_vehicle_comes(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, connector=RELAY)
    bench.site.select_phases(1, 1)
    bench.kill("safety")
    bench.advance(1.0)
    bench.start("safety")
    bench.until(lambda: bench.safety(1).phases == 3, within_s=30.0)
    bench.charge_fully()
    assert currents(bench) == [True, True, True]


def test_disabling_the_function_gives_every_phase_back_and_a_second_wish_is_refused(bench: FaultBench) -> None:
    wish(bench, 1)
    until_on(bench, 1)
    assert bench.set_key("PhaseSwitchingFunction", "Disabled") is Answer.ACCEPTED
    until_on(bench, 3)
    refused = wish(bench, 1)
    assert refused.outcome is Answer.REJECTED
    assert "PhaseSwitchingFunction" in refused.reason


def test_not_supported_by_key_charges_with_every_phase(tmp_path: Path) -> None:
    bench = ChargingStation(
        tmp_path, fields=RELAY, ConnectorSwitch3to1PhaseSupported="false", PhaseSwitchingFunction="By command"
    )
    bench.charge()
    refused = wish(bench, 1)
    assert refused.outcome is Answer.REJECTED
    assert "ConnectorSwitch3to1PhaseSupported" in refused.reason
    assert currents(bench) == [True, True, True]


def test_what_cannot_be_done_is_refused_with_what_to_do(tmp_path: Path) -> None:
    text = (
        f'[station]\nserial = "V-1"\n[connector.1]\n{RELAY}\n[connector.2]\n[cards]\nlocal = ["{CARD}"]\n'
        '[settings]\nPhaseSwitchingFunction = "By command"\n'
    )
    bench = FaultBench(tmp_path, text)
    words = {
        "no transaction is running at connector 1": wish(bench, 1),
        "the station file gives it no phase relay": wish(bench, 1, connector=2),
        "this station has 1 to 2": wish(bench, 1, connector=3),
        "with 1 phase or with 3": wish(bench, 2),
    }
    for said, answered in words.items():
        assert answered.outcome is Answer.REJECTED
        assert said in answered.reason
    assert bench.session(2).phases_asked == 0


def test_on_a_full_disk_nothing_is_promised(tmp_path: Path) -> None:
    bench = ChargingStation(tmp_path, fields=RELAY, PhaseSwitchingFunction="By command")
    bench.charge()
    store = bench.processes["session"].service.store  # type: ignore[attr-defined]
    store._store.commit = failing
    refused = wish(bench, 1)
    assert refused.outcome is Answer.REJECTED
    assert "nothing can be stored" in refused.reason
    del store._store.commit
    bench.advance(2.0)
    assert (bench.session(1).phases_asked, currents(bench)) == (3, [True, True, True])


def failing() -> None:
    raise StoreError("database or disk is full")


def test_the_wish_survives_a_power_cut_with_its_transaction(tmp_path: Path) -> None:
    bench = ChargingStation(
        tmp_path, fields=RELAY, RestartTransAfterPowerLoss="true", PhaseSwitchingFunction="By command"
    )
    bench.charge()
    transaction = bench.session(1).transaction_id
    wish(bench, 1)
    until_on(bench, 1)
    bench.power_cut()
    bench.advance(5.0)
    bench.power_up()
    bench.until_heard()
    until_on(bench, 1, within_s=90.0)
    said = bench.session(1)
    assert (said.transaction_id, said.phases_kept_until_s) == (transaction, 0.0), "the boot clock has begun anew"


def test_power_is_offered_on_the_phases_in_use(tmp_path: Path) -> None:
    bench = ChargingStation(
        tmp_path,
        fields=RELAY,
        MeterValueSampleInterval="10",
        MeterValuesSampledData="Power.Offered,Current.Offered",
        OCPPBackendJSONURL="ws://backend.test/ocpp/",
        PhaseSwitchingFunction="By command",
    )
    bench.charge()
    bench.advance(11.0)
    assert offered_w(bench) == pytest.approx(3 * 230.0 * 32.0, rel=0.01)
    wish(bench, 1)
    until_on(bench, 1)
    bench.advance(11.0)
    assert offered_w(bench) == pytest.approx(230.0 * 32.0, rel=0.01)


def offered_w(bench: ChargingStation) -> float:
    """In the last sample of the transaction."""
    facts = [m.body.body for m in bench.said if m.topic is SESSION_FACT]
    metered = [each for each in facts if isinstance(each, TransactionMeterValues)]
    values = {value.measurand: float(value.value) for value in metered[-1].samples[-1].values}
    return values["Power.Offered"]
