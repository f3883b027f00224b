"""Causes of contactor faults: what its coil and the sensors of its contacts say of each other."""

from schemas.safety import Contactor
from services.safety.proofs import LINE, board_answers, sensors
from services.safety.region import SwitchSight
from services.safety.rule import Rule, after
from services.safety.state import ConnectorState, Moment, due
from services.safety.supply import flow
from services.safety.timings import (
    BOOT_S,
    CLOSED_WITHIN_S,
    CONTACT_SETTLED_S,
    INPUT_VALID_S,
    OPEN_FILTER_S,
    OPEN_WITHIN_S,
    STOPS_WITHIN_S,
    UNREADABLE_S,
    WELDED_S,
)


def _welded(state: ConnectorState, moment: Moment) -> bool:
    """A sensor says closed, without a gap, 1 s after the coil went off; the 230 V input, 1 s after the unplugging; the
    meter shows a current that nobody switched on."""
    if state.memory.lockout == "contactor_welded" or flow.shows_weld(state):
        return True
    return _closed_without_coil(state, WELDED_S, moment) or _line_live(state, moment)


def _line_live(state: ConnectorState, moment: Moment) -> bool:
    line = state.weld_input
    if not _line_counts(state, moment) or not line.closed or not line.fresh(moment.now_s, INPUT_VALID_S):
        return False
    return after(line.run_start_s, WELDED_S, moment)


def _line_counts(state: ConnectorState, moment: Moment) -> bool:
    """The 230 V input tells of the contacts 1 s after the vehicle has left."""
    sight, contactor = state.pilot_sight, state.contactor
    if state.equipment.weld_input != LINE or contactor.coil or sight.confirmed != "A" or sight.letter != "A":
        return False
    return after(max(sight.run_start_s, contactor.off_s), WELDED_S, moment)


def _no_open(state: ConnectorState, moment: Moment) -> bool:
    """It opens too late, or so slowly that a vehicle's wish is not met within 100 ms."""
    if state.memory.lockout == "contactor_welded":
        return False
    opening_s = state.contactor.opening_s
    slow = opening_s is not None and opening_s + OPEN_FILTER_S > STOPS_WITHIN_S
    return slow or flow.is_seen(state) or _closed_without_coil(state, OPEN_WITHIN_S, moment)


def _closed_without_coil(state: ConnectorState, wait_s: float, moment: Moment) -> bool:
    if state.contactor.coil:
        return False
    return any(_shows_closed(state, sight, valid_s, wait_s, moment) for sight, valid_s in sensors(state))


def _shows_closed(state: ConnectorState, sight: SwitchSight, valid_s: float, wait_s: float, moment: Moment) -> bool:
    """A weld takes a sample from after the time in which contacts open: a sensor that fell silent shows none. A slow
    opening takes a board that has answered all that time: one that was away may not have opened it."""
    if not sight.closed or not sight.fresh(moment.now_s, valid_s):
        return False
    since_s, told_s = state.contactor.off_s, sight.stamp_s
    if wait_s < WELDED_S:
        if not board_answers(state, moment):
            return False
        since_s, told_s = max(since_s, state.contactor.answers_since_s), max(told_s, state.pilot_sight.stamp_s)
    if not due(since_s, OPEN_WITHIN_S, told_s):
        return False
    return after(max(state.contactor.off_s, sight.run_start_s), wait_s, moment)


def _journal_unreadable(state: ConnectorState, moment: Moment) -> bool:
    """Ends when every sensor has shown open contacts for as long as a weld takes to confirm."""
    if state.memory.lockout != "journal_unreadable":
        return False
    contactor, mounted = state.contactor, sensors(state)
    if not mounted and _line_counts(state, moment):
        mounted = [(state.weld_input, INPUT_VALID_S)]
    for sight, valid_s in mounted:
        if sight.closed or contactor.coil or not sight.fresh(moment.now_s, valid_s):
            return True
        if not after(max(sight.run_start_s, contactor.off_s), WELDED_S, moment):
            return True
    return not mounted


def _no_close(state: ConnectorState, moment: Moment) -> bool:
    contactor = state.contactor
    if contactor.phase is not Contactor.CLOSING or not (mounted := sensors(state)):
        return False
    closed = all(s.closed and s.fresh(moment.now_s, valid_s) and s.stamp_s >= contactor.on_s for s, valid_s in mounted)
    return after(contactor.on_s, CLOSED_WITHIN_S, moment) and not closed


def _unexpected_open(state: ConnectorState, moment: Moment) -> bool:
    if state.contactor.phase is not Contactor.CLOSED:
        return False
    for sight, valid_s in sensors(state):
        if not sight.fresh(moment.now_s, valid_s):
            return True
        if not sight.closed and after(sight.run_start_s, CONTACT_SETTLED_S, moment):
            return True
    return False


def _unreadable(state: ConnectorState, moment: Moment) -> bool:
    """Where the pilot cannot be read either, the whole board is away: that is a fault of its own."""
    pilot = state.pilot_sight
    if pilot.letter == "":
        return False
    mounted = sensors(state)
    if _line_counts(state, moment):
        mounted.append((state.weld_input, INPUT_VALID_S))
    for sight, valid_s in mounted:
        if sight.stamp_s < 0.0:
            if after(state.begun_s, BOOT_S, moment):
                return True
            continue
        if after(max(sight.stamp_s + valid_s, pilot.run_start_s), UNREADABLE_S, moment):
            return True
    return False


RULES: dict[str, Rule] = {
    "contactor_welded": Rule(_welded, 1.0),
    "journal_unreadable": Rule(_journal_unreadable, 0.25),
    "contactor_no_close": Rule(_no_close, 1.0),
    "contactor_unexpected_open": Rule(_unexpected_open, 1.0),
    "contactor_unreadable": Rule(_unreadable, 3.0),
    "contactor_no_open": Rule(_no_open, 1.0),
}
