"""The invariants under random behaviour again, in every configuration that weakens or adds something."""

import math

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from services.safety.memory import Memory, unreadable
from services.safety.settings import SafetySettings
from tests.bench import test_safety_properties
from tests.safety_rig import FIXED, NO_MIRROR, SOCKET, Rig

pytestmark = pytest.mark.bench

RATED = SafetySettings(hardware_limit_a=32.0)
CONFIGURATIONS = [
    (SOCKET._replace(ventilation=True), RATED._replace(pause_in_state_d=False, diode_before_closing=False)),
    (SOCKET, RATED._replace(pause_in_state_d=False, lock_if_authorized=False, weld_auxiliary=True)),
    (SOCKET._replace(output_sense=True, mirror_normally_closed=True), RATED._replace(weld_auxiliary=True)),
    (NO_MIRROR._replace(output_sense=True, phases=1), RATED._replace(lock_permanently=True)),
    (NO_MIRROR._replace(inputs=frozenset({"opto_1"})), RATED._replace(weld_check="Opto input 1")),
    (NO_MIRROR._replace(inputs=frozenset({"line"})), RATED._replace(weld_check="230V input", weld_auxiliary=True)),
    (SOCKET._replace(actuator="without feedback"), RATED._replace(lock_if_authorized=False)),
    (SOCKET._replace(actuator="with emergency release"), RATED),
    (SOCKET._replace(phase_switching=True, output_sense=True), RATED),
    (FIXED._replace(phase_switching=True), RATED._replace(diode_before_closing=False)),
    (SOCKET, RATED._replace(cable_attached=True, contactor_lifetime=2, plug_lifetime=1)),
]


class AnyConfiguration(test_safety_properties.AnyBehaviour):
    @initialize(
        configuration=st.sampled_from(CONFIGURATIONS),
        memory=st.sampled_from([Memory(), Memory(), Memory(lock_stuck=True), unreadable()]),
        charging=st.booleans(),
        phases=st.sampled_from([0, 1, 3]),
    )
    def begin(self, configuration, memory, charging, phases) -> None:  # type: ignore[override]
        equipment, keys = configuration
        self.rig = Rig(equipment=equipment, settings=keys)
        self.rig.start(memory.copy())
        self.rig.phases = phases
        self.rig.allow()
        self.restarts = 0
        if charging and not memory.lockout:
            self.rig.run(12.0)
            self.rig.plug()
            self.rig.run(4.0)
            self.rig.vehicle("C")
            self.rig.run(0.5)

    @rule(phases=st.sampled_from([0, 1, 3]), stuck=st.booleans())
    def phases_wanted(self, phases, stuck) -> None:
        self.rig.phases, self.rig.world.relay_stuck = phases, stuck
        self.rig.allow(self.rig.may)

    @rule(phase=st.sampled_from([0, 0, 0, 1, 2, 3]), nan=st.sampled_from([False, False, True]))
    def output(self, phase, nan) -> None:
        self.rig.world.live_phase, self.rig.world.sense_nan = phase, nan

    @rule(release=st.booleans())
    def unlock_connector(self, release) -> None:
        self.rig.release = release
        self.rig.allow(False, hold=False)

    @rule(seconds=st.sampled_from([12.0, 35.0]))
    def a_long_while_passes(self, seconds) -> None:
        self.rig.run(seconds)

    @rule()
    def gone(self) -> None:
        self.rig.vehicle("A", math.inf)
        self.rig.run(1.5)


TestAnyConfiguration = AnyConfiguration.TestCase
TestAnyConfiguration.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
