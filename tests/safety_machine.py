"""Random cars, faults, settings and restarts in every configuration of a connector, for Hypothesis.

Every step of the rig goes through the invariants; at the end the whole run is replayed (29), and everything is repaired
and the vehicle leaves: it must come to an end (40).
"""

import math
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hardware.interfaces import LockDrive, PilotMode
from schemas.safety import Contactor
from services.safety.equipment import in_force
from services.safety.memory import Memory, unreadable
from tests.safety_configurations import CONFIGURATIONS
from tests.safety_rig import replay
from tests.safety_search import comes_to_an_end

FLAGS = (
    "diode", "pilot_nan", "pilot_alive", "welded", "never_closes", "drops", "lock_blocked", "lock_opens",
    "mirror_alive", "stuck_duty", "sensors_alive", "meter_alive", "contacts_alive", "charged", "relay_stuck",
)  # fmt: skip
KEYS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("hardware_limit_a", (32.0, 16.0, 0.0)),
    ("diode_before_closing", (True, False)),
    ("pause_in_state_d", (True, False)),
    ("lock_if_authorized", (True, False)),
    ("lock_permanently", (True, False)),
    ("cable_attached", (None, True)),
    ("actuator", ("", "Without feedback", "With feedback")),
    ("weld_check", ("Disable", "Mirror contact", "Opto input 1", "230V input", "230V input with PE check")),
    ("weld_auxiliary", (True, False)),
    ("residual_mode", ("IEC62752", "IEC62955")),
    ("rcd", ("Off", "On", "Opto input")),
    ("reclosure", (True, False)),
    ("reduce_above_c", (65.0, 40.0)),
    ("reduced_percent", (0.0, 40.0)),
    ("check_overcurrent", (True, False)),
    ("energy_input", (True, False)),
    ("relay_2_pattern", ("Off", "On while charging")),
)
"""Fields of the settings, and what an operator makes of them between two charges."""
MEMORIES = (Memory(), Memory(), Memory(recoveries=3), Memory(lock_stuck=True), Memory(reclosures=2), unreadable())
MOST_RESTARTS = 3


class AnyStation(RuleBasedStateMachine):
    @initialize(configuration=st.sampled_from(CONFIGURATIONS), memory=st.sampled_from(MEMORIES), charging=st.booleans())
    def begin(self, configuration, memory, charging) -> None:
        self.configuration = configuration
        self.rig = configuration.rig()
        self.rig.start(memory.copy())
        self.restarts = 0
        self.rig.allow()
        if charging and not memory.lockout:
            self.rig.run(12.0)
            self.a_car_comes(220.0, 1.0)

    # cars

    @rule(ohm=st.sampled_from([220.0, 220.0, 680.0, 1500.0]), ready_s=st.sampled_from([0.0, 0.2, 4.0]))
    def a_car_comes(self, ohm, ready_s) -> None:
        self.rig.vehicle("B", ohm)
        self.rig.run(2.0 + ready_s)
        self.rig.vehicle("C")
        self.rig.run(0.4)

    @rule(away_s=st.sampled_from([0.05, 0.5, 1.5, 8.0]))
    def the_car_leaves(self, away_s) -> None:
        self.rig.vehicle("A", math.inf)
        self.rig.run(away_s)

    @rule(
        letters=st.lists(st.sampled_from("ABBCCCDE-"), min_size=1, max_size=5),
        each_s=st.sampled_from([0.015, 0.06, 0.3]),
    )
    def a_car_that_does_as_it_likes(self, letters, each_s) -> None:
        for letter in letters:
            self.rig.vehicle(letter)
            self.rig.run(each_s)

    @rule(ohm=st.sampled_from([220.0, 350.0, 50.0, math.inf, math.nan]))
    def coding(self, ohm) -> None:
        self.rig.world.ohm = ohm

    # faults

    @rule(flag=st.sampled_from(FLAGS))
    def something_breaks_or_heals(self, flag) -> None:
        setattr(self.rig.world, flag, not getattr(self.rig.world, flag))

    @rule(place=st.integers(min_value=0, max_value=20))
    def what_this_configuration_has(self, place) -> None:
        happenings = list(self.configuration.happenings.values())
        if happenings:
            happenings[place % len(happenings)](self.rig)
            self.rig.sample()
            self.rig.step()

    @rule()
    def everything_is_repaired(self) -> None:
        self.configuration.mend(self.rig)

    # session, settings, process

    @rule(
        may=st.sampled_from([True, True, False]),
        hold=st.booleans(),
        release=st.sampled_from([False, False, True]),
        limit_a=st.sampled_from([0.0, 5.9, 6.0, 16.0, 32.0, 63.0]),
        phases=st.sampled_from([0, 1, 3]),
    )
    def lease(self, may, hold, release, limit_a, phases) -> None:
        self.rig.phases, self.rig.release = phases, release and not may
        self.rig.allow(may, limit_a, hold)

    @rule(alive=st.booleans())
    def session(self, alive) -> None:
        self.rig.session_alive = alive

    @rule(key=st.sampled_from(KEYS), place=st.integers(min_value=0, max_value=4))
    def setting(self, key, place) -> None:
        """As the station does it: never while the contacts are closed or may be."""
        state, (name, values) = self.rig.state, key
        if state.contactor.coil or state.contactor.phase not in (Contactor.OPEN, Contactor.UNKNOWN):
            return
        settings = state.settings._replace(**{name: values[place % len(values)]})
        self.rig.settings = settings
        state.obey(settings, in_force(self.rig.equipment, settings))
        self.rig.step()

    @precondition(lambda self: self.restarts < MOST_RESTARTS)
    @rule()
    def killed(self) -> None:
        self.restarts += 1
        self.rig.restart()
        self.rig.step()

    @rule(gap_s=st.sampled_from([0.06, 0.14, 0.16, 0.5, 3.0]))
    def held_up(self, gap_s) -> None:
        rig = self.rig
        rig.now_s += gap_s
        if gap_s > 0.15:
            rig.world.take(rig.outputs._replace(coil=False), rig.now_s)
        rig.sample()
        rig.step()

    @rule(seconds=st.sampled_from([0.005, 0.03, 0.12, 0.25, 1.1, 1.1, 6.1, 11.0, 31.0]))
    def time_passes(self, seconds) -> None:
        self.rig.run(seconds)

    @invariant()
    def outputs_are_consistent(self) -> None:
        if hasattr(self, "rig") and self.rig.history:
            outputs, shown = self.rig.outputs, self.rig.shown
            assert not outputs.coil or outputs.lock is not LockDrive.UNLOCK
            assert bool(shown.offered_a) is (outputs.mode is PilotMode.PWM)
            assert shown.reason or outputs.coil

    def teardown(self) -> None:
        if not hasattr(self, "rig") or not self.rig.history:
            return
        replay(self.rig)
        if self.rig.settings == self.configuration.keys:
            # A key that names a contact which is not wired lets nobody charge, for good.
            comes_to_an_end(self.rig.twin(), self.configuration)
