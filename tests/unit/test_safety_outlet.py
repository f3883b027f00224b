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
from services.safety.core import Result
from services.safety.memory import Memory
from services.safety.panel import outlet
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Driven, Equipment, Event, Outputs, Readings

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
    outputs: Outputs = field(default_factory=Outputs)
    events: list[tuple[float, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = ConnectorState(SOCKET, self.now_s, Memory(), self.keys)
        self.on_s = -1e9
        self.contacts: dict[str, Feedback | None] = {}
        self.readback = Feedback(False, self.now_s)

    @property
    def on(self) -> bool:
        return self.outputs.outlet

    def step(self) -> Result:
        if self.alive:
            wired = {"schuko_mcb": self.breaker, "emergency_stop": self.stop}
            self.contacts = {name: Feedback(active, self.now_s) for name, active in wired.items() if active is not None}
            self.readback = Feedback(self.on if self.stuck is None else self.stuck, self.now_s)
        lease = Permission(
            connector=2,
            may_charge=self.may,
            limit_a=self.limit_a,
            hold_cable=False,
            until_s=min(self.now_s + 10.0, self.until_s),
        )
        driven = {"auxiliary": Driven(self.on, self.on_s, self.readback)}
        readings = Readings(inputs=self.contacts, outputs=driven, trouble=self.trouble)
        result = outlet.step(self.state, readings, lease, self.now_s)
        if result.outputs.outlet != self.on:
            self.on_s = self.now_s
        self.outputs = result.outputs
        self.events += [(self.now_s, event) for event in result.events]
        self._check()
        return result

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
