"""The domestic socket at the core: on only while everything speaks for it, off in the step in which not."""

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.interfaces import Feedback, Temperature
from schemas.safety import Contactor, PilotState
from schemas.session import Permission
from services.safety import core, pilot
from services.safety.core import Result
from services.safety.memory import Memory
from services.safety.panel import outlet
from services.safety.settings import SafetySettings
from services.safety.state import (
    BootSight,
    ConnectorState,
    Driven,
    Equipment,
    Event,
    MeterSight,
    NoticeWish,
    Outputs,
    Readings,
)
from services.safety.status import connector_message, explain
from services.safety.supply import restart
from services.safety.thermal import climate
from tests.invariants import Record
from tests.outlet_invariants import OutletChecker

pytestmark = pytest.mark.bench

SOCKET = Equipment(
    connector=2,
    socket=False,
    has_lock=False,
    mirror_contact=False,
    max_current_a=16.0,
    phases=1,
    inputs=frozenset({"schuko_mcb", "emergency_stop"}),
    outputs=frozenset({"auxiliary"}),
    outlet=True,
)
KEYS = SafetySettings(hardware_limit_a=32.0, schuko=True)


@dataclass
class Bench:
    now_s: float = 1000.0
    may: bool = False
    limit_a: float = 16.0
    free: bool = False
    """Charging is free: that permission ends is no end of the authorization."""
    silent: bool = False
    """The session says nothing."""
    until_s: float = math.inf
    """The session's lease ends here at the latest."""
    breaker: bool | None = False
    stop: bool | None = False
    alive: bool = True
    trouble: str = ""
    stuck: bool | None = None
    keys: SafetySettings = KEYS
    equipment: Equipment = SOCKET
    reads_back: bool = True
    amps: float | None = None
    """What its meter shows, once a second; None = it has none."""
    volts: float = 230.0
    celsius: float | None = None
    """Of the housing; None = no sample comes any more."""
    managed: bool = False
    """The energy management input."""
    boot: BootSight | None = None
    memory: Memory = field(default_factory=Memory)
    outputs: Outputs = field(default_factory=Outputs)
    events: list[tuple[float, Event]] = field(default_factory=list)
    notices: list[NoticeWish] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checker = OutletChecker(self.equipment)
        self.on_s = -1e9
        self.restart()
        self.contacts: dict[str, Feedback | None] = {}
        self.readback: Feedback | None = None

    def restart(self) -> None:
        """The process begins anew, with what the journal has kept."""
        self.state = ConnectorState(self.equipment, self.now_s, self.memory, self.keys)
        self.outputs, self.starts = Outputs(), True

    @property
    def on(self) -> bool:
        return self.outputs.outlet

    def step(self) -> Result:
        if self.alive:
            wired = {"schuko_mcb": self.breaker, "emergency_stop": self.stop, "energy_management": self.managed}
            self.contacts = {name: Feedback(active, self.now_s) for name, active in wired.items() if active is not None}
            shown = Feedback(self.on if self.stuck is None else self.stuck, self.now_s)
            self.readback = shown if self.reads_back else None
        lease = Permission(
            connector=2,
            may_charge=self.may,
            limit_a=self.limit_a,
            hold_cable=False,
            authorization_over=not self.may and not self.free,
            until_s=min(self.now_s + 10.0, self.until_s),
        )
        heard = None if self.silent else lease
        driven = {"auxiliary": Driven(self.on, self.on_s, self.readback)}
        readings = Readings(
            inputs=self.contacts,
            outputs=driven,
            trouble=self.trouble,
            meter=self._meter(),
            temperatures=self._temperatures(),
            boot=self.boot,
        )
        result = outlet.step(self.state, readings, heard, self.now_s)
        if result.outputs.outlet != self.on:
            self.on_s = self.now_s
        self.outputs = result.outputs
        self.notices += result.notices
        self.events += [(self.now_s, event) for event in result.events]
        self.checker.see(
            Record(
                self.now_s,
                readings,
                heard,
                result.outputs,
                result.events,
                connector_message(self.state, core.grant_of(self.state, heard, self.now_s), "run"),
                self.state.settings,
                started=self.starts,
                failed=self.state.faults.error_s == self.now_s,
            )
        )
        self.starts = False
        return result

    def _temperatures(self) -> dict[str, Temperature | None]:
        if self.celsius is None:
            return {}
        return dict.fromkeys(("cpu", "housing"), Temperature(self.celsius, self.now_s))

    def _meter(self) -> MeterSight | None:
        if self.amps is None:
            return None
        amps = self.amps if self.on else 0.0
        return MeterSight((amps, 0.0, 0.0), (self.volts, 0.0, 0.0), math.floor(self.now_s), answers=True)

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            result = self.step()
            self.now_s = min(end_s, self.now_s + 0.02, max(self.now_s + 1e-4, result.next_deadline_s))
        self.step()


def running(**fields: Any) -> Bench:
    bench = Bench(**fields)
    bench.run(6.0)
    bench.may = True
    bench.step()
    assert bench.on
    bench.run(1.0)
    assert bench.state.contactor.phase is Contactor.CLOSED
    return bench


def test_it_is_on_in_the_step_of_the_permission_and_off_in_the_step_of_its_end() -> None:
    bench = running()
    bench.may = False
    bench.step()
    assert not bench.on
    assert [event.name for _, event in bench.events] == ["coil_on", "power_on", "coil_off"]


def test_the_end_of_the_lease_switches_it_off_at_its_second() -> None:
    bench = running()
    bench.until_s = bench.now_s + 1.0
    bench.run(0.99)
    assert bench.on
    bench.run(0.011)
    assert not bench.on


@pytest.mark.parametrize("contact", ["breaker", "stop"])
def test_an_active_contact_switches_it_off_in_the_same_step(contact: str) -> None:
    bench = running()
    setattr(bench, contact, True)
    bench.step()
    assert not bench.on


def test_contacts_that_are_no_longer_read_switch_it_off_after_half_a_second() -> None:
    bench = running()
    bench.alive = False
    bench.run(0.5)
    assert bench.on
    bench.run(0.02)
    assert not bench.on


@pytest.mark.parametrize("contact", ["breaker", "stop"])
def test_a_contact_that_was_never_read_keeps_it_off(contact: str) -> None:
    bench = Bench(may=True)
    setattr(bench, contact, None)
    bench.run(30.0)
    assert not any(event.name == "coil_on" for _, event in bench.events)


def test_after_the_circuit_breaker_it_comes_back_30_s_later_and_not_a_fourth_time() -> None:
    bench = running()
    for turn in range(4):
        bench.breaker = True
        bench.step()
        bench.breaker = False
        bench.run(29.0)
        assert not bench.on
        bench.run(5.0)
        assert bench.on is (turn < 3), turn
    bench.may = False
    bench.run(3.0)
    bench.may = True
    bench.run(40.0)
    assert bench.on, "the next authorization begins anew"


def test_a_board_in_trouble_and_an_output_that_does_not_follow_are_faults() -> None:
    bench = running()
    bench.trouble = "the link is lost"
    bench.run(0.6)
    assert not bench.on
    stuck = running()
    stuck.stuck = True
    stuck.may = False
    stuck.run(0.3)
    assert "output_mismatch" in stuck.state.faults.active
    assert stuck.state.contactor.phase is Contactor.UNKNOWN


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (KEYS._replace(schuko=False), "OCPPSchuko"),
        (KEYS._replace(weld_auxiliary=True), "shunt trip"),
        (KEYS._replace(reclosure=True), "RCD recloser"),
        (KEYS._replace(hardware_limit_a=0.0), "settings service"),
    ],
)
def test_a_socket_that_is_no_connector_now_says_why(keys: SafetySettings, words: str) -> None:
    bench = Bench(keys=keys, may=True)
    bench.run(20.0)
    assert not bench.on
    assert words in bench.state.pilot.waiting


def test_a_limit_below_its_rating_switches_it_off_at_once_and_back_on_later() -> None:
    bench = running()
    bench.limit_a = 15.9
    bench.step()
    assert not bench.on
    assert "16 A" in bench.state.pilot.waiting
    bench.limit_a = 16.0
    bench.run(6.0)
    assert bench.on


def test_a_gap_of_the_loop_is_a_new_start() -> None:
    bench = running()
    bench.now_s += 0.5
    bench.step()
    assert not bench.on
    assert "loop_overrun" in bench.state.faults.active


def test_a_socket_that_is_on_shows_its_rating_and_one_that_is_off_shows_nothing() -> None:
    bench = running()
    state = bench.state
    assert pilot.offered_a(state) == pytest.approx(16.0, abs=0.05)
    assert (state.memory.contactor_cycles, state.contactor.open_since_s) == (1, 0.0)
    assert (state.pilot.waiting, state.pilot.retry_s) == ("", 0.0)
    bench.may = False
    bench.run(0.2)
    assert (pilot.offered_a(state), state.memory.contactor_cycles) == (0.0, 1)
    opened_s, off_s = state.contactor.open_since_s, state.contactor.off_s
    assert opened_s - off_s == pytest.approx(0.1, abs=0.021)
    bench.run(1.0)
    assert state.contactor.open_since_s == opened_s


def test_it_is_open_or_closed_100_ms_after_its_edge_and_each_is_told_once() -> None:
    bench = running()
    bench.may = False
    result = bench.step()
    edge_s = bench.now_s
    assert result.next_deadline_s == pytest.approx(edge_s + 0.1)
    phases = []
    for seconds in (0.08, 1.0):
        bench.run(seconds)
        phases.append(bench.state.contactor.phase)
    assert phases == [Contactor.OPENING, Contactor.OPEN]
    times = {event.name: at_s for at_s, event in bench.events}
    assert [event.name for _, event in bench.events] == ["coil_on", "power_on", "coil_off", "power_off"]
    assert times["power_on"] - times["coil_on"] == pytest.approx(0.1, abs=0.021)
    assert times["power_off"] - edge_s == pytest.approx(0.1, abs=0.021)


@pytest.mark.parametrize(
    ("reads_back", "equipment"), [(True, SOCKET), (False, SOCKET), (False, SOCKET._replace(outputs=frozenset()))]
)
def test_where_no_output_is_read_back_it_is_believed(reads_back: bool, equipment: Equipment) -> None:
    bench = Bench(reads_back=reads_back, equipment=equipment)
    bench.run(6.0)
    bench.may = True
    bench.run(0.2)
    assert bench.state.contactor.phase is Contactor.CLOSED


@pytest.mark.parametrize("begun_s", [0.2, 1000.0])
def test_an_output_that_is_on_from_the_start_offers_nothing(begun_s: float) -> None:
    bench = Bench(now_s=begun_s, stuck=True, may=True)
    bench.run(0.5)
    assert (bench.state.qualified, bench.state.contactor.phase) == (False, Contactor.UNKNOWN)
    assert "output_mismatch" in bench.state.faults.active
    bench.run(8.0)
    assert "coil_on" not in {event.name for _, event in bench.events}


def test_an_output_that_stays_on_is_not_said_to_be_off() -> None:
    bench = running()
    bench.stuck = True
    bench.may = False
    bench.run(1.0)
    assert "power_off" not in {event.name for _, event in bench.events}
    assert (bench.state.contactor.powered, bench.state.contactor.open_since_s) == (True, 0.0)


def test_it_is_proven_once_and_not_at_every_edge() -> None:
    bench = running()
    assert bench.state.qualified
    bench.may = False
    bench.step()
    assert bench.state.qualified


def test_what_a_socket_has_no_part_in_is_not_watched() -> None:
    bench = Bench(keys=KEYS._replace(rcd="On", monitoring_relay=True))
    bench.run(15.0)
    bench.may = True
    bench.run(0.2)
    assert bench.on
    assert not bench.state.faults.active


MANAGED = SOCKET._replace(inputs=SOCKET.inputs | {"energy_management"})
WARM = SOCKET._replace(temperatures=frozenset({"housing"}))


@pytest.mark.parametrize(("limit_a", "stays"), [(0.0, False), (15.9, False), (16.0, True)])
def test_the_energy_management_input_below_its_rating_switches_it_off(limit_a: float, stays: bool) -> None:
    bench = running(equipment=MANAGED, keys=KEYS._replace(energy_input=True, energy_input_limit_a=limit_a))
    bench.managed = True
    bench.step()
    assert bench.on is stays
    if not stays:
        assert bench.state.pilot.waiting == "paused: the energy management input"
        assert bench.state.pilot.retry_s == 0.0
    bench.managed = False
    bench.run(6.0)
    assert bench.on


def test_an_energy_management_input_that_is_not_wired_limits() -> None:
    bench = Bench(may=True, keys=KEYS._replace(energy_input=True, energy_input_limit_a=10.0))
    bench.run(9.0)
    assert not bench.on
    assert "not wired" in bench.state.pilot.waiting


@pytest.mark.parametrize(("celsius", "words"), [(70.0, "paused: the housing is hot"), (-300.0, "paused: ")])
def test_heat_and_a_sensor_that_is_lost_switch_it_off(celsius: float, words: str) -> None:
    bench = running(equipment=WARM, celsius=25.0)
    bench.celsius = celsius
    bench.run(1.1)
    assert not bench.on
    assert words in bench.state.pilot.waiting
    bench.celsius = 25.0
    bench.run(40.0)
    assert bench.on


def test_a_sensor_beside_the_housings_that_is_lost_switches_it_off() -> None:
    bench = running(equipment=WARM._replace(temperatures=frozenset({"housing", "relay"})), celsius=25.0)
    bench.run(4.0)
    assert not bench.on
    assert bench.state.pilot.waiting == "paused: a temperature sensor has failed"


def test_heat_that_leaves_a_socket_of_6_a_its_rating_leaves_it_on() -> None:
    keys = KEYS._replace(hardware_limit_a=6.0, reduced_percent=50.0)
    bench = running(equipment=WARM, celsius=25.0, keys=keys)
    bench.celsius = 66.0
    bench.run(9.0)
    assert "temperature_derated" in bench.state.faults.active
    assert bench.on
    assert told(bench) == []


def told(bench: Bench) -> list[str]:
    return [wish.code for wish in bench.notices if "temperature" in wish.code]


def test_people_are_told_that_heat_has_switched_it_off_while_somebody_is_there() -> None:
    bench = running(equipment=WARM, celsius=25.0)
    bench.celsius = 66.0
    bench.run(5.0)
    assert told(bench) == ["paused_by_temperature"]
    bench.celsius = 25.0
    bench.run(20.0)
    assert told(bench) == ["paused_by_temperature", "nominal_after_temperature"]
    bench.may = False
    bench.run(5.0)
    bench.celsius = 66.0
    bench.run(5.0)
    assert len(told(bench)) == 2


def test_the_temperatures_are_reported_where_the_first_connector_is_a_socket() -> None:
    sensors = frozenset({"cpu", "housing"})
    equipment = SOCKET._replace(connector=1, temperatures=sensors)
    bench = Bench(equipment=equipment, celsius=25.0, keys=KEYS._replace(report_delta_c=5.0))
    bench.run(12.0)
    assert [wish.code for wish in bench.notices] == ["temperatures"]


def test_a_fan_for_charging_runs_while_it_is_on() -> None:
    bench = running(keys=KEYS._replace(climate_mode=climate.FAN_BY_VEHICLE))
    assert bench.state.thermal.climate
    bench.may = False
    bench.step()
    assert not bench.state.thermal.climate


def latched(free: bool) -> Bench:
    """The emergency stop was pressed and released, and has been at rest for a minute."""
    bench = running()
    bench.free = free
    bench.stop = True
    bench.step()
    assert not bench.on
    bench.run(5.0)
    assert not bench.state.faults.only_latched, "it is still pressed"
    bench.stop = False
    bench.run(60.0)
    return bench


def test_after_an_emergency_stop_free_charging_waits_for_a_person() -> None:
    bench = latched(free=True)
    assert (bench.on, bench.state.faults.only_latched) == (False, True)
    assert pilot.name_of(bench.state) is PilotState.LATCHED
    assert "card" in explain(bench.state)[0]
    bench.may = False
    bench.run(60.0)
    bench.may = True
    bench.run(60.0)
    assert not bench.on, "a lease that fell and came back is no person"
    bench.may, bench.free = False, False
    bench.run(0.9)
    assert bench.state.memory.latched
    bench.run(0.2)
    assert not bench.state.memory.latched
    bench.run(1.0)
    assert not bench.state.faults.only_latched
    bench.may = bench.free = True
    bench.run(1.0)
    assert bench.on


@pytest.mark.parametrize("silent", [True, False])
def test_what_waits_for_a_person_outlives_either_process(silent: bool) -> None:
    bench = latched(free=True)
    bench.restart()
    bench.silent = silent
    bench.run(40.0)
    bench.silent = False
    bench.run(60.0)
    assert (bench.on, bench.state.memory.latched) == (False, ("emergency_stop",))


def test_a_card_that_comes_after_the_emergency_stop_was_released_charges() -> None:
    bench = latched(free=True)
    bench.may = bench.free = False
    bench.run(3.0)
    bench.may = True
    bench.run(1.0)
    assert bench.on


def test_free_charging_comes_back_three_times_whatever_the_session_withdraws() -> None:
    bench = running()
    bench.free = True
    for turn in range(5):
        bench.breaker = True
        bench.step()
        bench.breaker = False
        bench.may = False
        bench.run(20.0)
        bench.may = True
        bench.run(30.0)
        assert bench.on is (turn < 3), turn
    assert bench.state.memory.recoveries == 3


def test_it_switches_on_twelve_times_an_hour_and_the_next_authorization_begins_anew() -> None:
    bench = running()
    bench.free = True
    first_s = bench.state.contactor.on_s
    for _ in range(11):
        bench.limit_a = 10.0
        bench.run(6.0)
        bench.limit_a = 16.0
        bench.run(1.0)
        assert bench.on
    bench.limit_a = 10.0
    bench.run(6.0)
    bench.limit_a = 16.0
    bench.restart()
    bench.run(60.0)
    assert not bench.on
    assert (bench.state.memory.contactor_cycles, bench.state.pilot.retry_s) == (12, first_s + 3600.0)
    bench.may = bench.free = False
    bench.run(1.1)
    bench.may = True
    bench.step()
    assert bench.on
    assert len(bench.state.memory.closings) == 1


def test_the_closings_of_an_authorization_are_remembered_until_it_is_over() -> None:
    bench = running(free=True)
    bench.may = False
    bench.run(6.0)
    bench.may = True
    bench.step()
    assert len(bench.state.memory.closings) == 2
    bench.may = bench.free = False
    bench.run(0.9)
    assert bench.state.memory.closings
    bench.run(0.2)
    assert bench.state.memory.closings == ()


def test_after_a_power_failure_it_waits_as_long_as_was_drawn_for_it() -> None:
    boot = BootSight("start-1", "SERIAL", power_loss=True)
    wait_s = restart.drawn_s("SERIAL/start-1/2/start")
    assert wait_s > 20.0
    bench = Bench(may=True, boot=boot, keys=KEYS._replace(random_restart=True))
    bench.run(10.0)
    assert bench.state.pilot.waiting.startswith("waiting: charging starts at a random time")
    assert bench.state.pilot.retry_s == pytest.approx(1000.0 + wait_s, abs=0.1)
    bench.run(wait_s - 10.2)
    assert not bench.on
    bench.run(0.4)
    assert bench.on


@pytest.mark.parametrize("limit_a", [1.0, 5.0])
def test_a_rating_below_6_a_is_one(limit_a: float) -> None:
    bench = Bench(keys=KEYS._replace(hardware_limit_a=limit_a))
    bench.run(6.0)
    bench.may = True
    bench.run(0.2)
    assert bench.on
    assert pilot.offered_a(bench.state) == 0.0, "no duty cycle says so little"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limit_a": 10.0}, "paused: the socket carries 16 A, and 10 A are available"),
        ({"may": False}, "paused: no permission"),
        ({"keys": KEYS._replace(schuko=False)}, "the domestic socket is switched off in the settings (OCPPSchuko)"),
        ({"keys": KEYS._replace(hardware_limit_a=0.0)}, "waiting for the settings service"),
        ({"until_s": 0.0}, "paused: the session's permission has expired"),
    ],
)
def test_why_it_is_off_is_said_and_no_time_that_nobody_knows(change: dict[str, object], words: str) -> None:
    bench = Bench(may=True)
    for name, value in change.items():
        setattr(bench, name, value)
    bench.state.settings = bench.keys
    bench.run(9.0)
    assert (bench.on, bench.state.pilot.waiting, bench.state.pilot.retry_s) == (False, words, 0.0)
    assert bench.state.vehicle_connected is ("OCPPSchuko" not in words)


def test_at_the_start_and_after_a_fault_the_time_of_the_next_try_is_told() -> None:
    bench = Bench(may=True)
    result = bench.step()
    assert (bench.state.pilot.waiting, bench.state.pilot.retry_s) == ("starting: checking the socket's output", 0.0)
    bench.run(0.2)
    assert (bench.state.pilot.waiting, bench.state.pilot.retry_s) == ("waiting after the start", 1005.0)
    bench.run(4.75)
    assert not bench.outputs.outlet
    bench.run(0.06)
    assert bench.on
    bench.trouble = "the link is lost"
    result = bench.step()
    assert not result.outputs.outlet
    assert bench.state.pilot.waiting == "paused: a fault is active"
    assert bench.state.pilot.retry_s == pytest.approx(bench.now_s + 30.0)


def test_it_does_not_switch_on_again_within_5_s_and_then_at_once() -> None:
    bench = running()
    bench.may = False
    bench.step()
    off_s = bench.now_s
    bench.may = True
    bench.run(4.97)
    assert not bench.on
    assert bench.state.pilot.retry_s == off_s + 5.0
    bench.run(0.06)
    assert bench.on


def test_a_housing_that_nothing_is_known_of_keeps_it_off() -> None:
    bench = Bench(may=True, equipment=SOCKET._replace(temperatures=frozenset({"housing"})))
    bench.run(9.0)
    assert (bench.on, bench.state.pilot.waiting) == (False, "waiting for the temperature sensor")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("may", "free", "silent", "breaker", "stop", "alive", "trouble", "limit", "lease", "heat")),
            st.booleans(),
            st.sampled_from((0.02, 0.3, 1.0, 6.0, 31.0)),
        ),
        max_size=12,
    )
)
def test_whatever_happens_it_is_on_only_with_everything_in_order(story: list[tuple[str, bool, float]]) -> None:
    bench = Bench(equipment=WARM, celsius=25.0, amps=10.0)
    for what, on, seconds in story:
        if what in ("may", "free", "silent", "breaker", "stop", "alive"):
            setattr(bench, what, on)
        elif what == "trouble":
            bench.trouble = "the link is lost" if on else ""
        elif what == "limit":
            bench.limit_a = 16.0 if on else 10.0
        elif what == "lease":
            bench.until_s = math.inf if on else bench.now_s + 0.1
        elif what == "heat":
            bench.celsius = 66.0 if on else 25.0
        bench.run(seconds)
    edges = [at_s for at_s, event in bench.events if event.name == "coil_on"]
    assert all(later - earlier >= 5.0 - 1e-6 for earlier, later in itertools.pairwise(edges))
