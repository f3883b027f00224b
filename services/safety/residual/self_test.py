"""The self-test of the residual current module: after every unplug, every 24 h while idle, at the start in state A.

The test winding is driven: both outputs must trip within 0.5 s. It is released: both must clear within 0.5 s. Only in
state A with the contacts proven open; a vehicle that arrives meanwhile waits. The journal keeps the proof, so that a
restart of the process with a vehicle connected goes on.
"""

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety.residual import sensor
from services.safety.residual.state import Test
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import GRACE_S, UNPLUGGED_S

ANSWER_S = 0.5
"""For both outputs to trip, and again to clear."""
DAY_S = 86_400.0
AGAIN_S = 60.0
"""A test that failed is tried again this long after."""
UNTESTED = "unplug the vehicle once: the residual current sensor has not been tested"
TOO_OLD = "unplug the vehicle once: the residual current sensor has not been tested for 24 h"


def observe(state: ConnectorState, moment: Moment) -> None:
    """Judges a running test; notes what makes another one necessary."""
    room, memory, now_s = state.residual, state.memory, moment.now_s
    if not state.equipment.residual_sensor:
        return
    if memory.residual_tested_s > now_s:
        # Of another boot: how old it is, nobody knows. It counts from the start of this one.
        memory.residual_tested_s = 0.0
    if any(event.name == "unplugged" for event in moment.events):
        room.test_wanted = True
    if room.testing:
        _judge(state, moment)


def _judge(state: ConnectorState, moment: Moment) -> None:
    room = state.residual
    tripped = (room.dc_tripped_s is not None, room.rms_tripped_s is not None)
    if not sensor.usable(state, moment.now_s):
        # No verdict: that the module is silent is a fault of its own.
        _end(state, moment)
    elif room.device_error:
        _fail(state, "device error", moment)
    elif room.test is Test.ON and all(tripped):
        room.test, room.test_s = Test.OFF, moment.now_s
        moment.wake(room.test_s + ANSWER_S)
    elif room.test is Test.OFF and not any(tripped):
        _pass(state, moment)
    elif after(room.test_s, ANSWER_S, moment):
        _fail(state, "an output did not trip" if room.test is Test.ON else "an output did not clear", moment)


def _pass(state: ConnectorState, moment: Moment) -> None:
    room, memory = state.residual, state.memory
    memory.residual_proven, memory.residual_tested_s = True, moment.now_s
    _end(state, moment)
    room.test_wanted = room.test_failed = False
    moment.say("residual_test_passed")


def _fail(state: ConnectorState, why: str, moment: Moment) -> None:
    _end(state, moment)
    state.residual.test_failed = True
    moment.say("residual_test_failed", why)


def _end(state: ConnectorState, moment: Moment) -> None:
    room = state.residual
    room.test, room.test_ended_s = Test.IDLE, moment.now_s
    room.test_next_s = moment.now_s + AGAIN_S


def follow(state: ConnectorState, moment: Moment) -> None:
    """Begins a test when one is wanted and nothing can flow. The old proof ends with its beginning."""
    room, memory, sight, now_s = state.residual, state.memory, state.pilot_sight, moment.now_s
    if not state.equipment.residual_sensor or room.testing:
        return
    if memory.residual_proven:
        moment.wake(proven_until_s(state))
    if sight.confirmed != "A" or sight.letter != "A":
        return
    wanted = room.test_wanted or not memory.residual_proven or after(memory.residual_tested_s, DAY_S, moment)
    if not wanted:
        return
    if after(sight.run_start_s, UNPLUGGED_S, moment):
        # A shorter state A may have been a flicker of the wire; then the proof holds unless a test has begun.
        memory.residual_proven = False
    if not _may_begin(state, moment):
        return
    memory.residual_proven, room.test_wanted = False, True
    room.test, room.test_s = Test.ON, now_s
    moment.wake(now_s + ANSWER_S)


def _may_begin(state: ConnectorState, moment: Moment) -> bool:
    """Clause of the module makers: no residual current may flow during the test."""
    room, now_s = state.residual, moment.now_s
    if state.contactor.coil or state.contactor.phase is not Contactor.OPEN or state.memory.lockout:
        return False
    if not sensor.usable(state, now_s) or room.device_error or room.pulse_s is not None:
        return False
    if room.dc_tripped_s is not None or room.rms_tripped_s is not None:
        return False
    if not due(room.test_next_s, 0.0, now_s) and room.test_failed:
        moment.wake(room.test_next_s)
        return False
    return True


def proven_until_s(state: ConnectorState) -> float:
    """Boot-clock time at which an offer ends, so that the contactor is open when the proof is 24 h old."""
    return state.memory.residual_tested_s + DAY_S - GRACE_S


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:
    """(why the module forbids an offer, boot-clock time of the next try)."""
    room = state.residual
    if not state.equipment.residual_sensor:
        return "", 0.0
    if not sensor.usable(state, now_s):
        return "waiting for the residual current sensor to answer", 0.0
    if room.testing:
        return "waiting: the residual current sensor is being tested", room.test_s + ANSWER_S
    if not state.memory.residual_proven:
        return UNTESTED, 0.0
    if due(proven_until_s(state), 0.0, now_s):
        return TOO_OLD, 0.0
    offered = state.pilot.mode is PilotMode.PWM
    if sensor.reports(state) and not (offered and sensor.blanked(state, now_s)):
        return "waiting: the residual current sensor reports a current", 0.0
    return "", 0.0
