"""Edges of the safety rules that a core broken on purpose (`tests/mutation.py`) once slipped through."""

import math

import pytest

from hardware.interfaces import PilotLevels, PilotMode
from schemas.safety import PilotState
from services.safety.memory import Memory
from services.safety.panel.calibration import CalibrationPart
from services.safety.state import Readings
from tests.safety_rig import SOCKET, Rig

pytestmark = pytest.mark.unit


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
