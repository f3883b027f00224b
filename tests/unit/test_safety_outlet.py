"""The domestic socket at the core: on only while everything speaks for it, off in the step in which not."""

import itertools
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.interfaces import Feedback
from schemas.safety import Contactor
from schemas.session import Permission
from services.safety import pilot
from services.safety.core import Result
from services.safety.memory import Memory
from services.safety.panel import outlet
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Driven, Equipment, Event, MeterSight, Outputs, Readings

pytestmark = pytest.mark.unit

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
    outputs: Outputs = field(default_factory=Outputs)
    events: list[tuple[float, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = ConnectorState(self.equipment, self.now_s, Memory(), self.keys)
        self.on_s = -1e9
        self.contacts: dict[str, Feedback | None] = {}
        self.readback: Feedback | None = None

    @property
    def on(self) -> bool:
        return self.outputs.outlet

    def step(self) -> Result:
        if self.alive:
            wired = {"schuko_mcb": self.breaker, "emergency_stop": self.stop}
            self.contacts = {name: Feedback(active, self.now_s) for name, active in wired.items() if active is not None}
            shown = Feedback(self.on if self.stuck is None else self.stuck, self.now_s)
            self.readback = shown if self.reads_back else None
        lease = Permission(
            connector=2,
            may_charge=self.may,
            limit_a=self.limit_a,
            hold_cable=False,
            until_s=min(self.now_s + 10.0, self.until_s),
        )
        driven = {"auxiliary": Driven(self.on, self.on_s, self.readback)}
        readings = Readings(inputs=self.contacts, outputs=driven, trouble=self.trouble, meter=self._meter())
        result = outlet.step(self.state, readings, lease, self.now_s)
        if result.outputs.outlet != self.on:
            self.on_s = self.now_s
        self.outputs = result.outputs
        self.events += [(self.now_s, event) for event in result.events]
        self._check()
        return result

    def _meter(self) -> MeterSight | None:
        if self.amps is None:
            return None
        amps = self.amps if self.on else 0.0
        return MeterSight((amps, 0.0, 0.0), (self.volts, 0.0, 0.0), math.floor(self.now_s), answers=True)

    def _check(self) -> None:
        """Never a coil, a lock or PWM; on only with a lease and with contacts that are read and at rest."""
        assert not self.outputs.coil
        if not self.on:
            return
        assert self.may
        assert self.now_s < self.until_s
        assert self.limit_a >= 16.0
        for name in ("schuko_mcb", "emergency_stop"):
            read = self.contacts.get(name)
            assert read is not None
            assert not read.closed
            assert self.now_s - read.sampled_s <= 0.5 + 1e-5

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            result = self.step()
            self.now_s = min(end_s, self.now_s + 0.02, max(self.now_s + 1e-4, result.next_deadline_s))
        self.step()


def running() -> Bench:
    bench = Bench()
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
    bench = Bench(keys=KEYS._replace(rcd="On", monitoring_relay=True, energy_input=True))
    bench.run(15.0)
    bench.may = True
    bench.run(0.2)
    assert bench.on
    assert not bench.state.faults.active


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
    on_s = bench.state.contactor.on_s
    bench.may = False
    bench.step()
    bench.may = True
    bench.run(on_s + 4.97 - bench.now_s)
    assert not bench.on
    assert bench.state.pilot.retry_s == on_s + 5.0
    bench.run(on_s + 5.03 - bench.now_s)
    assert bench.on


def test_a_housing_that_nothing_is_known_of_keeps_it_off() -> None:
    bench = Bench(may=True, equipment=SOCKET._replace(temperatures=frozenset({"housing"})))
    bench.run(9.0)
    assert (bench.on, bench.state.pilot.waiting) == (False, "waiting for the temperature sensor")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("may", "breaker", "stop", "alive", "trouble", "limit", "lease", "wait")),
            st.booleans(),
            st.sampled_from((0.02, 0.3, 1.0, 6.0, 31.0)),
        ),
        max_size=12,
    )
)
def test_whatever_happens_it_is_on_only_with_everything_in_order(story: list[tuple[str, bool, float]]) -> None:
    bench = Bench()
    for what, on, seconds in story:
        if what in ("may", "breaker", "stop", "alive"):
            setattr(bench, what, on)
        elif what == "trouble":
            bench.trouble = "the link is lost" if on else ""
        elif what == "limit":
            bench.limit_a = 16.0 if on else 10.0
        elif what == "lease":
            bench.until_s = math.inf if on else bench.now_s + 0.1
        bench.run(seconds)
    edges = [at_s for at_s, event in bench.events if event.name == "coil_on"]
    assert all(later - earlier >= 5.0 - 1e-6 for earlier, later in itertools.pairwise(edges))
