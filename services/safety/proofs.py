"""What counts as proof: which contacts are open or closed, and that the plug is locked. Pure.

Three sensors tell of the main contacts at any time: a mirror contact, a contact on an opto input, and the voltage
behind the contactor. All that are mounted must agree that they are open; any one of them shows a weld.
"""

from hardware.interfaces import LockDrive
from services.safety.equipment import WITHOUT_FEEDBACK
from services.safety.region import SwitchSight
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import FEEDBACK_VALID_S, INPUT_VALID_S, LOCK_SETTLED_S, SAMPLE_CONNECTED_S

LINE = "line"
"""The 230 V input: it tells of the contacts only when no vehicle is there."""


GAP_S = 2 * SAMPLE_CONNECTED_S
"""Between two samples of the pilot: more is a gap."""


def board_answers(state: ConnectorState, moment: Moment) -> bool:
    """Samples come as often as they are asked for: what is read between them is what happens."""
    sight = state.pilot_sight
    return sight.letter != "" and not moment.readings.trouble and sight.stamp_s - state.contactor.answered_s <= GAP_S


def sensors(state: ConnectorState) -> list[tuple[SwitchSight, float]]:
    """Every mounted sensor that tells of the main contacts at any time, and how long a reading of it counts."""
    equipment = state.equipment
    mounted = []
    if equipment.mirror_contact:
        mounted.append((state.mirror, FEEDBACK_VALID_S))
    if equipment.weld_input not in ("", LINE):
        mounted.append((state.weld_input, INPUT_VALID_S))
    if equipment.output_sense:
        mounted.append((state.output_sense, INPUT_VALID_S))
    return mounted


def shows_line(state: ConnectorState, now_s: float) -> bool:
    """The 230 V input says that the output is live: the plug stays where it is."""
    line = state.weld_input
    return state.equipment.weld_input == LINE and line.closed and line.fresh(now_s, INPUT_VALID_S)


def locked(state: ConnectorState, now_s: float) -> bool:
    """The feedback proves that the plug is locked.

    Without feedback: the motor has been driven for its full time, and no reading says otherwise.
    """
    sight = state.lock_sight
    fresh = sight.fresh(now_s, FEEDBACK_VALID_S)
    if state.equipment.actuator == WITHOUT_FEEDBACK:
        return state.lock.assumed is LockDrive.LOCK and not (fresh and not sight.closed)
    return sight.closed and fresh and due(sight.run_start_s, LOCK_SETTLED_S, now_s)
