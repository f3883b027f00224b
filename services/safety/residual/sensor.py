"""The residual current module: what it says, what of that counts as a trip, largest values, notifications of change.

The module opens the contactor by itself, in hardware; software learns of it and keeps it open.
"""

import math

from hardware.interfaces import ResidualCurrent
from schemas.safety import Contactor
from services.safety.residual.state import ResidualState
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, NoticeWish, due
from services.safety.timings import FEEDBACK_VALID_S, PILOT_FUTURE_S

LARGEST_MA = 100_000.0
"""More than any module measures."""
BLANKING_S = 1.0
"""After the contactor has switched: its contacts make pulses that are no residual current."""
GLITCH_S = 0.050
"""Within the blanking an output that falls back sooner is ignored."""
SETTLED_S = 1.0
"""Contacts proven open this long: nothing can flow any more, and no trip can be meant."""
TOLD_APART_S = 10.0
OF_THE_MODULE = ("residual_current_dc", "residual_current_rms", "residual_sensor_failed", "residual_self_test_failed")
"""Faults that end with a self-test that passes."""


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read."""
    room, sample = state.residual, moment.readings.residual
    if not state.equipment.residual_sensor:
        return
    if sample is not None:
        room.impossible = not is_possible(sample, moment.now_s)
        if not room.impossible and sample.sampled_s >= room.stamp_s:
            _take_in(state, sample, moment)
    moment.wake(room.stamp_s + FEEDBACK_VALID_S + 1e-5)


def is_possible(sample: ResidualCurrent, now_s: float) -> bool:
    """Not a number is allowed: a module need not measure, then only its outputs count."""
    dc_ma, rms_ma = sample.dc_ma, sample.rms_ma
    return (
        (math.isnan(dc_ma) or abs(dc_ma) <= LARGEST_MA)
        and (math.isnan(rms_ma) or 0.0 <= rms_ma <= LARGEST_MA)
        and 0.0 <= sample.sampled_s <= now_s + PILOT_FUTURE_S
    )


def usable(state: ConnectorState, now_s: float) -> bool:
    """The module has answered lately, with something possible."""
    room = state.residual
    return now_s - room.stamp_s <= FEEDBACK_VALID_S and not room.impossible


def _take_in(state: ConnectorState, sample: ResidualCurrent, moment: Moment) -> None:
    room = state.residual
    dc_before_s, rms_before_s = room.dc_tripped_s, room.rms_tripped_s
    room.stamp_s, room.device_error = sample.sampled_s, sample.device_error
    room.dc_ma = None if math.isnan(sample.dc_ma) else sample.dc_ma
    room.rms_ma = None if math.isnan(sample.rms_ma) else sample.rms_ma
    room.dc_tripped_s = _since(room.dc_tripped_s, sample.dc_tripped, sample.sampled_s)
    room.rms_tripped_s = _since(room.rms_tripped_s, sample.rms_tripped, sample.sampled_s)
    outputs = (("DC", dc_before_s, room.dc_tripped_s), ("RMS", rms_before_s, room.rms_tripped_s))
    for name, since_s, still_s in outputs:
        if since_s is not None and still_s is None and not room.testing and blanked(state, since_s):
            moment.say("residual_glitch", f"{name} output, {1000.0 * (sample.sampled_s - since_s):.0f} ms")


def _since(before_s: float | None, tripped: bool, stamp_s: float) -> float | None:
    if not tripped:
        return None
    return stamp_s if before_s is None else before_s


def blanked(state: ConnectorState, at_s: float) -> bool:
    return not due(max(state.contactor.on_s, state.contactor.off_s), BLANKING_S, at_s)


def tripped(state: ConnectorState, since_s: float, moment: Moment) -> bool:
    """An output's trip counts in the step that sees it; within the blanking when it has lasted 50 ms or the blanking
    ends. What the self-test makes does not count."""
    if state.residual.testing:
        return False
    if not blanked(state, moment.now_s):
        return True
    moment.wake(max(state.contactor.on_s, state.contactor.off_s) + BLANKING_S)
    return after(since_s, GLITCH_S, moment)


def rms_stops(state: ConnectorState) -> bool:
    """IEC 62955: only the DC output stops, alternating current is left to the RCD upstream."""
    return not state.settings.residual_mode.startswith("IEC62955")


def reports(state: ConnectorState) -> bool:
    """An output that stops says trip, or the module an error: whatever it means, nothing is closed upon it."""
    room = state.residual
    by_rms = room.rms_tripped_s is not None and rms_stops(state)
    return room.dc_tripped_s is not None or by_rms or room.device_error


def current_may_flow(state: ConnectorState, since_s: float, moment: Moment) -> bool:
    """Now, or a moment before a trip that began at `since_s`. What was before the start nobody knows: whoever was
    connected then may have charged."""
    contactor = state.contactor
    if contactor.coil:
        return True
    if contactor.off_s == state.begun_s and state.pilot_sight.confirmed == "A":
        return contactor.phase is not Contactor.OPEN and after(state.begun_s, SETTLED_S, moment)
    open_s = max(contactor.off_s, contactor.open_since_s)
    return contactor.phase is not Contactor.OPEN or not due(open_s, SETTLED_S, since_s)


def nothing_can_flow(state: ConnectorState, moment: Moment) -> bool:
    """The contacts have been proven open for so long that a trip which began since is the module's own error."""
    room, contactor = state.residual, state.contactor
    if contactor.coil or contactor.phase is not Contactor.OPEN:
        return False
    return after(max(contactor.off_s, contactor.open_since_s, state.begun_s, room.test_ended_s), SETTLED_S, moment)


def follow(state: ConnectorState, moment: Moment) -> None:
    """What follows once coil and pilot are decided."""
    room = state.residual
    if not state.equipment.residual_sensor:
        return
    if any(event.name == "fault_raised" and event.detail in OF_THE_MODULE for event in moment.events):
        room.test_wanted, state.memory.residual_proven = True, False
    if room.testing:
        return
    _keep_largest(room, moment.transaction)
    _tell(state, moment)


def _keep_largest(room: ResidualState, transaction: str) -> None:
    if transaction and transaction != room.transaction:
        room.transaction, room.max_dc_ma, room.max_rms_ma = transaction, 0.0, 0.0
    if transaction:
        room.max_dc_ma = max(room.max_dc_ma, abs(room.dc_ma or 0.0))
        room.max_rms_ma = max(room.max_rms_ma, room.rms_ma or 0.0)


def _tell(state: ConnectorState, moment: Moment) -> None:
    """RCMBDelta: the change since the backend was told last. A trip of an RMS output that stops nothing is told too."""
    room, delta_ma = state.residual, state.settings.residual_delta_ma
    dc_ma, rms_ma = room.dc_ma or 0.0, room.rms_ma or 0.0
    struck = room.rms_tripped_s is not None and not rms_stops(state)
    room.rms_told = room.rms_told and struck
    changed = delta_ma > 0.0 and max(abs(dc_ma - room.told_dc_ma), abs(rms_ma - room.told_rms_ma)) >= delta_ma - 1e-9
    if not usable(state, moment.now_s) or not (changed or (struck and not room.rms_told)):
        return
    if not due(room.told_s, TOLD_APART_S, moment.now_s):
        moment.wake(room.told_s + TOLD_APART_S)
        return
    words = "RMS output tripped" if struck and not room.rms_told else current_words(room)
    moment.notices.append(NoticeWish("residual_current", (("current", words),)))
    room.told_dc_ma, room.told_rms_ma, room.told_s, room.rms_told = dc_ma, rms_ma, moment.now_s, struck


def current_words(room: ResidualState) -> str:
    """What is measured now; empty for a module that only has outputs."""
    values = (("DC", room.dc_ma), ("RMS", room.rms_ma))
    return ", ".join(f"{name} {value_ma:.1f} mA" for name, value_ma in values if value_ma is not None)
