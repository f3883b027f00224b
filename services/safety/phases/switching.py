"""The change between one phase and three (T18): never with a pole closed, and the vehicle finds out anew.

No offer, the vehicle stops or is cut off after 6 s, the contacts are proven open, the relay is switched and its own
contact proves it; 10 s of state F follow, so that the vehicle starts from the beginning.
"""

from schemas.safety import Contactor
from services.safety.permission import Grant
from services.safety.readings import observe_switch
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import (
    CONTACT_SETTLED_S,
    GRACE_S,
    INPUT_VALID_S,
    PHASE_PAUSE_S,
    UNLOCK_OPEN_S,
)

CHANGING = "changing between one phase and three"


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read."""
    if state.equipment.phase_switching:
        observe_switch(state.phases.sight, moment.readings.phase_relay, INPUT_VALID_S, moment)


def position(state: ConnectorState, now_s: float) -> int:
    """1 or 3, as the relay's own contact proves; 0 = not proven."""
    sight = state.phases.sight
    if not sight.fresh(now_s, INPUT_VALID_S) or not due(sight.run_start_s, CONTACT_SETTLED_S, now_s):
        return 0
    return 3 if sight.closed else 1


def evaluate(state: ConnectorState, grant: Grant, moment: Moment) -> None:
    """Follows what the session wants; without a word of it the relay stays as it is."""
    relay, now_s = state.phases, moment.now_s
    if not state.equipment.phase_switching:
        return
    if relay.sight.fresh(now_s, INPUT_VALID_S):
        after(relay.sight.run_start_s, CONTACT_SETTLED_S, moment)
    if not grant.phases:
        relay.changing = False
        return
    stands = position(state, now_s)
    if relay.commanded == 0 and stands == grant.phases:
        relay.commanded = stands
    relay.changing = stands != 0 and grant.phases != relay.commanded
    if relay.changing and _may_switch(state, moment):
        relay.commanded, relay.changing, relay.switched_s = grant.phases, False, now_s
        moment.say("phases_switched", str(grant.phases))
        moment.wake(now_s + PHASE_PAUSE_S)


def _may_switch(state: ConnectorState, moment: Moment) -> bool:
    contactor, pilot, sight = state.contactor, state.pilot, state.pilot_sight
    if state.memory.lockout or contactor.coil or contactor.phase is not Contactor.OPEN:
        return False
    if pilot.mode.value == "PWM" or sight.confirmed in ("", "E"):
        return False
    vehicle_stopped = sight.confirmed in ("A", "B") or after(pilot.withdrawn_s, GRACE_S, moment)
    rested = after(state.phases.switched_s, PHASE_PAUSE_S, moment)
    return after(contactor.off_s, UNLOCK_OPEN_S, moment) and vehicle_stopped and rested


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:
    """(why no current is offered, boot-clock time from which it may be); ("", 0) when it may."""
    relay = state.phases
    if not state.equipment.phase_switching:
        return "", 0.0
    if relay.changing:
        return CHANGING, 0.0
    last_s = max(relay.switched_s, relay.begun_s)
    if not due(last_s, PHASE_PAUSE_S, now_s):
        return CHANGING if last_s == relay.switched_s else "starting: the phase relay may just have switched", (
            last_s + PHASE_PAUSE_S
        )
    stands = position(state, now_s)
    if stands == 0 or relay.commanded not in (0, stands):
        return "waiting for the phase relay", 0.0
    return "", 0.0


def wants_state_f(state: ConnectorState, moment: Moment) -> bool:
    """A vehicle that is connected finds out anew how many phases there are."""
    relay = state.phases
    if not state.vehicle_connected or due(relay.switched_s, PHASE_PAUSE_S, moment.now_s):
        return False
    moment.wake(relay.switched_s + PHASE_PAUSE_S)
    return True
