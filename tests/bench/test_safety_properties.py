"""The invariants under random behaviour of vehicle, session, hardware and process."""

import math

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hardware.interfaces import LockDrive, PilotMode
from services.safety.memory import Memory, unreadable
from tests.safety_rig import FIXED, NO_MIRROR, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

FLAGS = ("diode", "pilot_nan", "welded", "never_closes", "drops", "lock_blocked", "lock_opens", "mirror_alive")


class AnyBehaviour(RuleBasedStateMachine):
    """Every step of the rig goes through the invariants; at the end the whole run is replayed."""

    @initialize(
        equipment=st.sampled_from([SOCKET, SOCKET, FIXED, NO_MIRROR]),
        memory=st.sampled_from([Memory(), Memory(), Memory(recoveries=3), unreadable()]),
        plugged=st.booleans(),
    )
    def begin(self, equipment, memory, plugged) -> None:
        self.rig = Rig(equipment=equipment)
        self.rig.start(memory.copy())
        self.rig.allow()
        self.restarts = 0
        if plugged and not memory.lockout:
            self.rig.run(5.0)
            self.rig.plug()
            self.rig.run(2.0)
            self.rig.vehicle("C")
            self.rig.run(0.3)

    @rule(letter=st.sampled_from("AABBBCCCCDE-"))
    def level(self, letter) -> None:
        ohm = {"A": math.inf, "B": 220.0}.get(letter)
        self.rig.vehicle(letter, ohm)

    @rule(ohm=st.sampled_from([220.0, 680.0, 1500.0, 350.0, 50.0, math.inf, math.nan]))
    def coding(self, ohm) -> None:
        self.rig.world.ohm = ohm

    @rule(flag=st.sampled_from(FLAGS), on=st.booleans())
    def hardware(self, flag, on) -> None:
        setattr(self.rig.world, flag, on)

    @rule()
    def mend_everything(self) -> None:
        for flag in FLAGS:
            setattr(self.rig.world, flag, flag in ("diode", "mirror_alive"))
        self.rig.world.pilot_alive, self.rig.world.stuck_duty, self.rig.world.frequency_hz = True, False, 1000.0

    @rule(alive=st.booleans())
    def samples(self, alive) -> None:
        self.rig.world.pilot_alive = alive

    @rule(stuck=st.booleans(), frequency_hz=st.sampled_from([1000.0, 1000.0, 900.0]))
    def generator(self, stuck, frequency_hz) -> None:
        self.rig.world.stuck_duty, self.rig.world.frequency_hz = stuck, frequency_hz

    @rule(
        may=st.sampled_from([True, True, False]),
        hold=st.booleans(),
        limit_a=st.sampled_from([0.0, 5.9, 6.0, 10.0, 16.0, 32.0, 63.0]),
    )
    def lease(self, may, hold, limit_a) -> None:
        self.rig.allow(may, limit_a, hold)

    @rule(alive=st.booleans())
    def session(self, alive) -> None:
        self.rig.session_alive = alive

    @rule(seconds=st.sampled_from([0.005, 0.019, 0.03, 0.06, 0.12, 0.25, 1.1]))
    def moments(self, seconds) -> None:
        self.rig.run(seconds)

    @rule(seconds=st.sampled_from([3.0, 6.1, 11.0, 31.0]))
    def while_passes(self, seconds) -> None:
        self.rig.run(seconds)

    @rule(gap_s=st.sampled_from([0.06, 0.14, 0.16, 0.5, 3.0]))
    def held_up(self, gap_s) -> None:
        rig = self.rig
        rig.now_s += gap_s
        if gap_s > 0.15:
            rig.world.take(rig.outputs._replace(coil=False), rig.now_s)
        rig.sample()
        rig.step()

    @precondition(lambda self: self.restarts < 3)
    @rule()
    def killed(self) -> None:
        self.restarts += 1
        self.rig.restart()
        self.rig.step()

    @invariant()
    def outputs_are_consistent(self) -> None:
        if hasattr(self, "rig") and self.rig.history:
            outputs, shown = self.rig.outputs, self.rig.shown
            assert not outputs.coil or outputs.lock is not LockDrive.UNLOCK
            assert bool(shown.offered_a) is (outputs.mode is PilotMode.PWM)
            assert shown.reason or outputs.coil

    def teardown(self) -> None:
        if hasattr(self, "rig"):
            replay(self.rig)


TestAnyBehaviour = AnyBehaviour.TestCase
TestAnyBehaviour.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # a failure prints its steps; shrinking one takes minutes
    suppress_health_check=list(HealthCheck),
)
