"""Changing between one phase and three (T18, F85): never with a pole closed, and never silently."""

import pytest

from hardware.interfaces import PilotMode
from schemas.safety import Contactor, PilotState
from tests.safety_rig import SOCKET, Rig, replay

pytestmark = pytest.mark.bench

SWITCHING = SOCKET._replace(phase_switching=True, output_sense=True)


def ready() -> Rig:
    rig = Rig(equipment=SWITCHING)
    rig.phases = 3
    rig.allow()
    rig.run(11.0)
    return rig


def charging() -> Rig:
    rig = ready()
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 3.0)
    rig.run(1.0)
    rig.vehicle("C")
    rig.until(lambda: rig.shown.contactor is Contactor.CLOSED, 3.0)
    rig.run(10.0)
    return rig


def test_the_position_is_told_and_held() -> None:
    rig = ready()
    assert (rig.shown.phases, rig.outputs.phases) == (3, 3)
    assert rig.name is PilotState.A


def test_a_change_while_charging_ends_the_offer_opens_switches_and_pauses_10_s_in_state_f() -> None:
    rig = charging()
    rig.phases = 1
    rig.allow()
    assert rig.outputs.mode is PilotMode.X1
    assert (rig.coil, rig.world.relay) == (True, 3)
    assert rig.shown.reason == "changing between one phase and three"
    rig.run(2.0)
    rig.vehicle("B")
    rig.until(lambda: rig.world.relay == 1, 1.0)
    switched_s = rig.now_s
    assert rig.shown.contactor is Contactor.OPEN
    assert rig.outputs.mode is PilotMode.F
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 20.0)
    assert rig.now_s - switched_s >= 10.0 - 1e-6
    rig.vehicle("C")
    rig.until(lambda: rig.shown.contactor is Contactor.CLOSED, 3.0)
    assert rig.shown.phases == 1
    assert rig.count("phases_switched") == 1
    replay(rig)


def test_f85_a_slow_vehicle_is_cut_off_after_6_s_before_the_relay_moves() -> None:
    rig = charging()
    rig.phases = 1
    rig.allow()
    begin_s = rig.now_s
    rig.until(lambda: not rig.coil, 7.0)
    assert rig.now_s - begin_s == pytest.approx(6.0, abs=0.05)
    assert rig.world.relay == 3
    rig.until(lambda: rig.world.relay == 1, 1.0)
    assert rig.shown.contactor is Contactor.OPEN


def test_the_relay_waits_for_contacts_that_open_late() -> None:
    rig = charging()
    rig.world.open_s = 0.4
    rig.phases = 1
    rig.allow()
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.1)
    rig.run(0.35)
    assert rig.world.relay == 3
    rig.until(lambda: rig.world.relay == 1, 0.5)


def test_a_relay_that_does_not_follow_is_a_fault_and_nothing_charges() -> None:
    rig = charging()
    rig.world.relay_stuck = True
    rig.phases = 1
    rig.allow()
    rig.vehicle("B")
    rig.until(lambda: "phase_relay_stuck" in rig.shown.faults, 2.0)
    rig.run(60.0)
    rig.vehicle("C")
    rig.run(10.0)
    assert not rig.coil
    rig.world.relay_stuck = False
    rig.vehicle("B")
    rig.until(lambda: not rig.shown.faults, 5.0)
    assert rig.count("fault_raised", "phase_relay_stuck") == 1


def test_a_relay_that_moves_by_itself_while_charging_opens_the_contactor() -> None:
    rig = charging()
    rig.world.relay, rig.world.relay_stuck = 1, True
    rig.sample()
    rig.step()
    rig.until(lambda: not rig.coil, 0.05)
    assert rig.shown.faults == ("phase_relay_stuck",)


def test_a_relay_that_is_never_read_blocks_and_is_told() -> None:
    rig = Rig(equipment=SWITCHING)
    rig.phases = 3
    rig.allow()
    read = Rig.sample

    def blind() -> None:
        read(rig)
        rig.readings = rig.readings._replace(phase_relay=None)

    rig.sample = blind  # type: ignore[method-assign]
    rig.run(9.0)
    rig.plug()
    rig.run(0.5)
    assert rig.outputs.mode is PilotMode.X1
    rig.run(2.0)
    assert rig.shown.faults == ("phase_relay_stuck",)


def test_a_change_that_is_taken_back_before_the_relay_moved_changes_nothing() -> None:
    rig = charging()
    rig.phases = 1
    rig.allow()
    rig.run(1.0)
    rig.phases = 3
    rig.allow()
    rig.vehicle("B")
    rig.run(20.0)
    assert (rig.world.relay, rig.count("phases_switched")) == (3, 0)
    assert rig.name is PilotState.B2


def test_with_nobody_there_the_relay_is_switched_at_once_and_without_state_f() -> None:
    rig = ready()
    rig.phases = 1
    rig.allow()
    rig.run(0.1)
    assert rig.world.relay == 1
    assert rig.outputs.mode is PilotMode.X1
    rig.plug()
    rig.run(5.0)
    assert rig.outputs.mode is not PilotMode.PWM
    rig.until(lambda: rig.name is PilotState.B2, 6.0)


def test_after_a_restart_no_contactor_closes_for_10_s() -> None:
    rig = charging()
    rig.restart()
    begin_s = rig.now_s
    rig.allow()
    rig.vehicle("B")
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 15.0)
    assert rig.now_s - begin_s >= 10.0 - 1e-6


def test_without_a_word_about_phases_the_relay_stays_as_it_is() -> None:
    rig = Rig(equipment=SWITCHING)
    rig.world.relay = 1
    rig.allow()
    rig.run(11.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 3.0)
    assert (rig.shown.phases, rig.outputs.phases) == (1, 0)


def test_a_session_that_changes_its_mind_every_second_moves_the_relay_every_10_s() -> None:
    rig = ready()
    moves_before = rig.count("phases_switched")
    for second in range(21):
        rig.phases = 1 if second % 2 == 0 else 3
        rig.allow()
        rig.run(1.0)
    assert rig.count("phases_switched") - moves_before == 3
    assert "phase_relay_stuck" not in rig.shown.faults
    replay(rig)
