"""The invariants under random behaviour of module, RCD and circuit breaker beside that of vehicle and process."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.settings import ActionOrder
from services.safety import orders
from services.safety.memory import Memory
from tests.safety_rig import RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

EQUIPMENT = SOCKET._replace(residual_sensor=True, inputs=frozenset({"rcd", "mcb", "protective_earth"}))
RECLOSING = RATED_32_A._replace(rcd="On", reclosure=True, reclosure_delay_s=10.0, reclosure_attempts=2)
HEALTHY = {"rcd": False, "mcb": False, "protective_earth": True}
FLAGS = ("dc_trips", "rms_trips", "error", "dead", "stuck")


class AnyProtection(RuleBasedStateMachine):
    """Every step of the rig goes through the invariants; at the end the whole run is replayed."""

    @initialize(
        mode=st.sampled_from(["IEC62752", "IEC62955"]),
        memory=st.sampled_from([Memory(), Memory(residual_proven=True, residual_tested_s=990.0), Memory(reclosures=2)]),
        charging=st.booleans(),
    )
    def begin(self, mode, memory, charging) -> None:
        self.rig = Rig(equipment=EQUIPMENT, settings=RECLOSING._replace(residual_mode=mode))
        self.rig.world.contacts = HEALTHY
        self.rig.start(memory.copy())
        self.restarts = 0
        self.rig.allow()
        self.rig.run(6.0)
        if charging:
            self.rig.plug()
            self.rig.run(2.0)
            self.rig.vehicle("C")
            self.rig.run(0.4)

    @rule(letter=st.sampled_from("AABBCCCD"))
    def level(self, letter) -> None:
        self.rig.vehicle(letter, {"A": float("inf"), "B": 220.0}.get(letter))

    @rule(flag=st.sampled_from(FLAGS), on=st.booleans())
    def module(self, flag, on) -> None:
        self._module(**{flag: on})

    @rule(milliseconds=st.sampled_from([1, 30, 49, 51, 80]))
    def pulse(self, milliseconds) -> None:
        self._module(dc_trips=True)
        self.rig.run(milliseconds / 1000.0)
        self._module(dc_trips=False)

    @rule(alive=st.booleans())
    def module_answers(self, alive) -> None:
        self._module(alive=alive)

    @rule(answer_s=st.sampled_from([0.0, 0.2, 0.45, 0.6]))
    def module_takes_its_time(self, answer_s) -> None:
        self._module(answer_s=answer_s)

    @rule(name=st.sampled_from(sorted(HEALTHY)), active=st.booleans())
    def device(self, name, active) -> None:
        self.rig.world.contacts = {**self.rig.world.contacts, name: active}
        self.rig.sample()
        self.rig.step()

    @rule()
    def no_device_is_read(self) -> None:
        self.rig.world.contacts = {}

    @rule()
    def mend_everything(self) -> None:
        self._module(**dict.fromkeys(FLAGS, False), alive=True, answer_s=0.2)
        self.rig.world.contacts = HEALTHY
        self.rig.world.welded = False

    @rule()
    def order(self) -> None:
        order = ActionOrder(order_id="order", name="RCDRESET", value="true", connector=1, ordered_s=self.rig.now_s)
        orders.ORDERS["RCDRESET"](self.rig.state, order)
        self.ordered = True
        self.rig.step()

    @rule(may=st.booleans())
    def lease(self, may) -> None:
        self.rig.allow(may)

    @rule(seconds=st.sampled_from([0.005, 0.06, 0.25, 1.1, 6.1, 11.0, 31.0]))
    def time_passes(self, seconds) -> None:
        self.rig.run(seconds)

    @precondition(lambda self: self.restarts < 3)
    @rule()
    def killed(self) -> None:
        self.restarts += 1
        self.rig.restart()
        self.rig.step()

    @invariant()
    def attempts_are_bounded_and_never_follow_direct_current(self) -> None:
        if not hasattr(self, "rig"):
            return
        memory = self.rig.state.memory
        assert memory.reclosures <= 2
        if memory.rcd_by_dc and self.rig.history:
            before = self.rig.history[-1]
            assert not any(event.name == "rcd_closing" for event in before.events)

    def _module(self, **changes) -> None:
        rig = self.rig
        rig.world.module = rig.world.module._replace(**changes)
        rig.sample()
        rig.step()

    def teardown(self) -> None:
        # An order comes from outside of the recorded inputs.
        if hasattr(self, "rig") and not hasattr(self, "ordered"):
            replay(self.rig)


TestAnyProtection = AnyProtection.TestCase
TestAnyProtection.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # a failure prints its steps; shrinking one takes minutes
    suppress_health_check=list(HealthCheck),
)
