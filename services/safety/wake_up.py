"""T17: a vehicle that sleeps is woken once per plug-in, by 4 s of state F (IEC 61851-1 clause A.5.3)."""

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety.rule import after
from services.safety.state import NEVER_S, ConnectorState, Moment, due
from services.safety.timings import ASLEEP_S, WAKE_UP_S

WORDS = "waking the vehicle, which has not asked for power"


def is_running(state: ConnectorState, now_s: float) -> bool:
    return not due(state.pilot.wake_until_s, 0.0, now_s)


def evaluate(state: ConnectorState, moment: Moment) -> bool:
    """True while state F wakes the vehicle. Never one that has asked for power in this plug-in."""
    output, memory = state.pilot, state.memory
    if not state.vehicle_connected:
        memory.vehicle_awake = memory.vehicle_awake and state.pilot_sight.confirmed != "A"
        output.wake_until_s = NEVER_S
        return False
    if state.power_requested:
        memory.vehicle_awake = True
    if is_running(state, moment.now_s):
        moment.wake(output.wake_until_s)
        return True
    if memory.vehicle_awake or not _sleeps(state, moment):
        return False
    memory.vehicle_awake, output.wake_until_s = True, moment.now_s + WAKE_UP_S
    moment.say("wake_up")
    moment.wake(output.wake_until_s)
    return True


def _sleeps(state: ConnectorState, moment: Moment) -> bool:
    """Current has been offered for 30 s, and the vehicle is there and does not ask for it."""
    sight, output, contactor = state.pilot_sight, state.pilot, state.contactor
    if output.mode is not PilotMode.PWM or contactor.coil or contactor.phase is not Contactor.OPEN:
        return False
    if sight.confirmed != "B" or sight.letter != "B":
        return False
    return after(max(output.pwm_s, sight.run_start_s), ASLEEP_S, moment)
