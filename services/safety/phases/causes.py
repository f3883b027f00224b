"""Faults of the relay of L2 and L3."""

from services.safety.rule import Rule, after
from services.safety.state import ConnectorState, Moment
from services.safety.timings import BOOT_S, CONTACT_SETTLED_S, INPUT_VALID_S, PHASE_RELAY_S, UNREADABLE_S


def _stuck(state: ConnectorState, moment: Moment) -> bool:
    """Its own contact does not follow the command, or cannot be read."""
    relay, sight = state.phases, state.phases.sight
    if not state.equipment.phase_switching:
        return False
    if sight.stamp_s < 0.0:
        return after(state.begun_s, BOOT_S, moment)
    if not sight.fresh(moment.now_s, INPUT_VALID_S):
        return after(sight.stamp_s, INPUT_VALID_S + UNREADABLE_S, moment)
    if relay.commanded == 0 or sight.closed is (relay.commanded == 3):
        return False
    if state.contactor.coil:
        return after(sight.run_start_s, CONTACT_SETTLED_S, moment)
    return after(max(relay.switched_s, sight.run_start_s), PHASE_RELAY_S, moment)


RULES: dict[str, Rule] = {"phase_relay_stuck": Rule(_stuck, 3.0)}
