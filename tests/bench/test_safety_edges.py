"""Edges of the safety rules that a core broken on purpose (`tests/mutation.py`) once slipped through."""

import math

import pytest

from hardware.interfaces import PilotLevels, PilotMode, Speed
from schemas.safety import Contactor, PilotState
from schemas.settings import ActionOrder
from services.safety import orders
from services.safety.memory import Memory, unreadable
from services.safety.panel.calibration import CalibrationPart
from services.safety.state import ConnectorState, MeterSight, Moment, Readings
from services.safety.thermal.climate import observe_fan
from tests.safety_rig import RATED_32_A, SOCKET, Rig

pytestmark = pytest.mark.bench


def falls_silent(rig: Rig, code: str, age_s: float, patience_s: float) -> None:
    """Nothing but this contact is old: a fault `patience_s` after its last word was `age_s` old, and not before."""
    rig.sample()
    rig.step()
    rig.world.contacts_alive = False
    rig.run(age_s + patience_s - 0.05)
    assert code not in rig.shown.faults
    rig.run(0.3)
    assert code in rig.shown.faults


@pytest.mark.parametrize(
    ("name", "code", "at_rest"), [("mcb", "mcb_tripped", False), ("protective_earth", "protective_earth_lost", True)]
)
def test_without_power_a_device_that_is_read_no_more_is_given_half_a_second(
    name: str, code: str, at_rest: bool
) -> None:
    rig = Rig(equipment=SOCKET._replace(inputs=frozenset({name})))
    rig.world.contacts = {name: at_rest}
    rig.run(6.0)
    falls_silent(rig, code, 0.5, 0.5)


def test_without_power_a_stopping_contact_that_is_read_no_more_is_given_half_a_second() -> None:
    rig = Rig(equipment=SOCKET._replace(inputs=frozenset({"emergency_stop"})))
    rig.world.contacts = {"emergency_stop": False}
    rig.run(6.0)
    falls_silent(rig, "emergency_stop", 0.5, 0.5)


def test_one_self_test_ends_a_fault_of_the_module_and_its_proof_holds() -> None:
    rig = Rig(equipment=SOCKET._replace(residual_sensor=True))
    rig.charge()
    rig.run(2.0)
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(dc_trips=True)
    rig.sample()
    rig.step()
    assert rig.shown.faults == ("residual_current_dc",)
    rig.world.module = rig.world.module._replace(dc_trips=False)
    rig.unplug()
    passed = rig.count("residual_test_passed")
    rig.until(lambda: not rig.shown.faults, 6.0)
    rig.run(3.0)
    assert rig.count("residual_test_passed") == passed + 1
    assert rig.state.memory.residual_proven
    assert rig.name is PilotState.A


def test_a_calibration_counts_every_sample_once() -> None:
    """A measurement that stands still is none."""
    part, frozen = CalibrationPart(Memory(), "start"), PilotLevels(12.1, 12.1, 1.0, 0.0, 100.2)
    verdict = None
    for number in range(80):
        verdict = verdict or part.step(Readings(pilot=frozen), 100.0 + number / 100.0).verdict
    assert verdict is not None
    assert not verdict.passed
    assert "not steady" in verdict.words


def test_a_calibration_waits_until_the_level_has_settled() -> None:
    part, now_s, verdict = CalibrationPart(Memory(), "start"), 100.0, None
    begun_s = {PilotMode.X1: 100.0, PilotMode.F: math.inf}
    mode = PilotMode.X1
    while verdict is None:
        settled = now_s - begun_s[mode] > 0.09
        high_v = (12.0 if mode is PilotMode.X1 else -12.0) if settled else 3.0
        turn = part.step(Readings(pilot=PilotLevels(high_v, high_v, 1.0, 0.0, now_s)), now_s)
        if turn.outputs.mode is not mode:
            mode, begun_s[turn.outputs.mode] = turn.outputs.mode, now_s
        verdict, now_s = turn.verdict, now_s + 0.02
    assert verdict.passed, verdict


def test_a_mirror_contact_that_falls_silent_proves_nothing_after_half_a_second() -> None:
    rig = Rig()
    rig.run(6.0)
    assert rig.shown.contactor is Contactor.OPEN
    rig.world.mirror_alive = False
    rig.run(0.4)
    assert rig.shown.contactor is Contactor.OPEN
    rig.run(0.4)
    assert rig.shown.contactor is Contactor.UNKNOWN


def test_an_unreadable_journal_locks_out_for_a_quarter_of_a_second_beyond_its_proof() -> None:
    rig = Rig()
    rig.start(unreadable())
    told_s = rig.until(lambda: "journal_unreadable" in rig.shown.faults, 1.0)
    assert rig.until(lambda: not rig.shown.faults, 2.0) + told_s == pytest.approx(1.25, abs=0.15)


def test_a_fan_that_was_seen_turning_5_s_ago_is_not_seen_turning() -> None:
    equipment = SOCKET._replace(temperatures=frozenset({"housing"}), fan=True)
    state = ConnectorState(equipment, 100.0, settings=RATED_32_A._replace(climate_mode="Fan (temperature)"))
    state.thermal.climate, state.thermal.climate_since_s = True, 100.0
    observe_fan(state, Moment(104.0, Readings(fan=Speed(900.0, 104.0))))
    assert state.thermal.fan_turned_s == 104.0
    observe_fan(state, Moment(108.9, Readings(fan=Speed(900.0, 104.0))))
    assert not state.thermal.fan_stuck
    observe_fan(state, Moment(109.1, Readings(fan=Speed(900.0, 104.0))))
    assert state.thermal.fan_stuck


def test_an_order_unlatches_an_rcd_that_was_switched_on_by_hand_where_the_module_is_proven() -> None:
    equipment = SOCKET._replace(inputs=frozenset({"rcd"}), residual_sensor=True)
    keys = RATED_32_A._replace(rcd="On", reclosure=True, reclosure_attempts=0)
    rig = Rig(equipment=equipment, settings=keys)
    rig.world.contacts = {"rcd": False}
    rig.charge()
    rig.vehicle("B")
    rig.world.contacts = {"rcd": True}
    rig.run(10.0)
    assert rig.name is PilotState.LATCHED
    rig.world.contacts = {"rcd": False}
    rig.run(5.0)
    assert rig.name is PilotState.LATCHED
    order = ActionOrder(order_id="order", name="RCDRESET", value="true", connector=1, ordered_s=rig.now_s)
    orders.ORDERS["RCDRESET"](rig.state, order)
    rig.run(3.0)
    assert not rig.shown.faults


def test_that_a_direct_current_tripped_the_rcd_is_not_forgotten_where_nobody_watches_it() -> None:
    """RCDENABLE off for a while: a meter that answers says nothing about the RCD."""
    rig = Rig(settings=RATED_32_A._replace(rcd="Off"))
    rig.start(Memory(rcd_by_dc=True))
    rig.world.meter = MeterSight((0.0,) * 3, (230.0,) * 3, 0.0, True)
    rig.run(6.0)
    assert rig.state.memory.rcd_by_dc
