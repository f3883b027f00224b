"""The invariants under random temperatures, currents, mains and contacts, on top of everything else that may happen."""

import math

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from services.safety.state import BootSight, MeterSight
from tests.bench.test_safety_properties import AnyBehaviour
from tests.safety_rig import RATED_32_A, SOCKET, Rig

pytestmark = pytest.mark.bench

EQUIPMENT = (
    SOCKET._replace(temperatures=frozenset({"housing", "cpu"}), inputs=frozenset({"overcurrent"})),
    SOCKET._replace(temperatures=frozenset({"cpu"}), inputs=frozenset({"energy_management"}), fan=True),
    SOCKET._replace(temperatures=frozenset({"housing", "relay", "plug_1", "plug_2"})),
)
KEYS = (
    RATED_32_A._replace(check_overcurrent=True, random_restart=True),
    RATED_32_A._replace(
        reduced_percent=40.0, energy_input=True, energy_input_limit_a=8.0, climate_mode="Fan (temperature)"
    ),
    RATED_32_A._replace(stop_above_c=66.0, energy_input=True, energy_input_limit_a=0.0, ambient_delta_c=-10.0),
)
SENSORS = ("housing", "cpu", "relay", "plug_1", "plug_2")
CELSIUS = st.sampled_from([20.0, 61.9, 63.0, 65.0, 67.9, 72.0, 75.0, 81.0, 90.0, 149.0, -2560.0, math.nan])
AMPERES = st.sampled_from([0.0, 6.0, 10.0, 16.0, 33.0, 36.8, 39.0, 200.0, math.nan])
VOLTS = st.sampled_from([230.0, 230.0, 230.0, 0.0, 150.0, 250.0, 260.0, math.inf])
CONTACTS = ("overcurrent", "energy_management")


class WarmthAndMains(AnyBehaviour):
    @initialize(equipment=st.sampled_from(EQUIPMENT), keys=st.sampled_from(KEYS), power_loss=st.booleans())
    def begin(self, equipment, keys, power_loss) -> None:
        self.rig = Rig(equipment=equipment, settings=keys)
        self.restarts = 0
        self.mend_the_rest()
        self.rig.world.boot = BootSight("start", "serial", power_loss)
        self.rig.allow()
        self.rig.run(5.0)
        self.rig.plug()
        self.rig.run(2.0)
        self.rig.vehicle("C")
        self.rig.run(0.3)

    @rule(sensor=st.sampled_from(SENSORS), celsius=CELSIUS)
    def warm(self, sensor, celsius) -> None:
        self.rig.world.celsius = {**self.rig.world.celsius, sensor: celsius}

    @rule(alive=st.booleans())
    def sensors(self, alive) -> None:
        self.rig.world.sensors_alive = alive

    @rule(current_a=st.tuples(AMPERES, AMPERES, AMPERES), voltage_v=st.tuples(VOLTS, VOLTS, VOLTS), alive=st.booleans())
    def measure(self, current_a, voltage_v, alive) -> None:
        self.rig.world.meter, self.rig.world.meter_alive = MeterSight(current_a, voltage_v, 0.0, True), alive

    @rule(name=st.sampled_from(CONTACTS), active=st.sampled_from([True, False, False, None]))
    def contact(self, name, active) -> None:
        others = {other: on for other, on in self.rig.world.contacts.items() if other != name}
        self.rig.world.contacts = others if active is None else {**others, name: active}

    @rule()
    def mend_the_rest(self) -> None:
        world = self.rig.world
        world.celsius, world.sensors_alive = dict.fromkeys(SENSORS, 30.0), True
        world.meter, world.meter_alive = MeterSight((10.0, 10.0, 10.0), (230.0, 230.0, 230.0), 0.0, True), True
        world.contacts = dict.fromkeys(CONTACTS, False)


TestWarmthAndMains = WarmthAndMains.TestCase
TestWarmthAndMains.settings = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
