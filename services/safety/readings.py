"""Reads samples: windows, filters, runs, proofs. Missing, stale, NaN and impossible samples are never good."""

from hardware.interfaces import Feedback, PilotLevels, PilotMode, Resistance, Voltages
from services.safety import duty
from services.safety.region import SwitchSight
from services.safety.state import (
    ConnectorState,
    Moment,
    PilotSight,
    PilotState,
    ProximitySight,
    due,
)
from services.safety.timings import (
    CONFIRM_A_S,
    CONFIRM_B_FROM_A_S,
    CONFIRM_B_S,
    CONFIRM_C_S,
    CONFIRM_E_S,
    DIODE_S,
    DUTY_TOLERANCE,
    FEEDBACK_VALID_S,
    FREQUENCY_HZ,
    FREQUENCY_TOLERANCE_HZ,
    INPUT_VALID_S,
    LIVE_V,
    OUTPUT_GRACE_S,
    PILOT_FUTURE_S,
    PILOT_VALID_CONNECTED_S,
    PILOT_VALID_IDLE_S,
    PROXIMITY_FILTER_S,
)

_WINDOWS = (
    ("A", 11.0, 13.0),
    ("B", 8.0, 10.0),
    ("C", 5.0, 7.0),
    ("D", 2.0, 4.0),
    ("E", -1.0, 1.0),
    ("F", -13.0, -11.0),
)
IMPOSSIBLE_V = 15.0
IMPOSSIBLE_MAINS_V = 1000.0


def letter_of(high_v: float) -> str:
    """The window a level lies in (nominal +-1 V); "-" between two windows: no new state."""
    for letter, low, high in _WINDOWS:
        if low <= high_v <= high:
            return letter
    return "-"


def observe(state: ConnectorState, moment: Moment) -> None:
    readings = moment.readings
    _observe_pilot(state.pilot_sight, state.pilot, readings.pilot, state.contactor.coil, moment)
    _confirm(state, moment)
    if state.equipment.socket:
        _observe_proximity(state.proximity, readings.proximity, moment)
    _observe_contacts(state, moment)
    if state.equipment.has_lock:
        observe_switch(state.lock_sight, readings.lock, FEEDBACK_VALID_S, moment)


def _observe_pilot(
    sight: PilotSight, output: PilotState, levels: PilotLevels | None, coil: bool, moment: Moment
) -> None:
    now_s = moment.now_s
    usable = levels if levels is not None and is_possible(levels, now_s) else None
    if usable is not None and _is_new(sight, usable):
        _take_in(sight, output, usable)
    valid_s = PILOT_VALID_IDLE_S if sight.confirmed in ("", "A") and not coil else PILOT_VALID_CONNECTED_S
    if usable is None or now_s - sight.stamp_s > valid_s:
        sight.letter = ""
        sight.diode_good_s = None
        sight.bad_since_s = now_s if sight.bad_since_s is None else sight.bad_since_s
    else:
        sight.bad_since_s = None
        moment.wake(sight.stamp_s + valid_s + 1e-5)


def _is_new(sight: PilotSight, levels: PilotLevels) -> bool:
    """A frozen stamp is the same sample again; another level at the same instant is not."""
    newer = levels.sampled_s > sight.stamp_s
    return newer or (levels.sampled_s == sight.stamp_s and levels.high_v != sight.high_v)


def is_possible(levels: PilotLevels, now_s: float) -> bool:
    """False for NaN, infinite and absurd values, and for a stamp from the future."""
    return (
        abs(levels.high_v) <= IMPOSSIBLE_V
        and abs(levels.low_v) <= IMPOSSIBLE_V
        and 0.0 <= levels.duty <= 1.0
        and 0.0 <= levels.frequency_hz <= 10_000.0
        and 0.0 <= levels.sampled_s <= now_s + PILOT_FUTURE_S
    )


def _take_in(sight: PilotSight, output: PilotState, levels: PilotLevels) -> None:
    stamp_s = levels.sampled_s
    letter = letter_of(levels.high_v)
    if letter != sight.letter:
        sight.letter, sight.run_start_s = letter, stamp_s
    sight.stamp_s = stamp_s
    sight.high_v = levels.high_v
    if letter in ("C", "D"):
        sight.left_cd_s = None
    elif sight.left_cd_s is None:
        sight.left_cd_s = stamp_s
    _judge_diode(sight, output, levels)
    _judge_output(sight, output, levels)


def _judge_diode(sight: PilotSight, output: PilotState, levels: PilotLevels) -> None:
    """With PWM a healthy diode keeps the negative part at -12 V +-1 V whatever the vehicle switches."""
    settled = output.mode is PilotMode.PWM and due(output.pwm_s, OUTPUT_GRACE_S, levels.sampled_s)
    if not settled:
        sight.diode_good_s = sight.diode_bad_s = None
        if output.mode is not PilotMode.PWM:
            sight.diode_proven = False
    elif sight.letter in ("B", "C", "D"):
        if -13.0 <= levels.low_v <= -11.0:
            sight.diode_bad_s = None
            sight.diode_good_s = levels.sampled_s if sight.diode_good_s is None else sight.diode_good_s
            sight.diode_proven = sight.diode_proven or due(sight.diode_good_s, DIODE_S, levels.sampled_s)
        else:
            sight.diode_good_s = None
            sight.diode_bad_s = levels.sampled_s if sight.diode_bad_s is None else sight.diode_bad_s
            sight.diode_proven = sight.diode_proven and not due(sight.diode_bad_s, DIODE_S, levels.sampled_s)


def expected_duty(mode: PilotMode, permille: int) -> float:
    if mode is PilotMode.PWM:
        return permille / 1000.0
    return 1.0 if mode is PilotMode.X1 else 0.0


def _judge_output(sight: PilotSight, output: PilotState, levels: PilotLevels) -> None:
    """Reads back what the generator does; within the grace time the previous command is right too."""
    stamp_s = levels.sampled_s
    tolerance = DUTY_TOLERANCE + 1e-9
    right = abs(levels.duty - expected_duty(output.mode, output.permille)) <= tolerance
    if output.mode is PilotMode.PWM and abs(levels.frequency_hz - FREQUENCY_HZ) > FREQUENCY_TOLERANCE_HZ:
        right = False
    if not right and not due(output.commanded_s, OUTPUT_GRACE_S, stamp_s):
        right = abs(levels.duty - output.previous_duty) <= tolerance
        right = right or (output.mode is PilotMode.PWM and not due(output.pwm_s, OUTPUT_GRACE_S, stamp_s))
    if right or stamp_s < output.any_output_until_s:
        sight.output_wrong_s = None
    elif sight.output_wrong_s is None:
        sight.output_wrong_s = stamp_s


_HOLD_S = {"A": CONFIRM_A_S, "B": CONFIRM_B_S, "C": CONFIRM_C_S, "D": CONFIRM_C_S, "E": CONFIRM_E_S}


def _confirm(state: ConnectorState, moment: Moment) -> None:
    """A letter counts after its filter time. Towards power two samples that far apart must show it; away from power
    time is enough."""
    sight = state.pilot_sight
    letter, now_s = sight.letter, moment.now_s
    if letter not in _HOLD_S or letter == sight.confirmed:
        return
    hold_s = CONFIRM_B_FROM_A_S if letter == "B" and sight.confirmed in ("", "A") else _HOLD_S[letter]
    towards_power = letter in ("C", "D") or (letter == "B" and sight.confirmed not in ("C", "D"))
    until_s = sight.stamp_s if towards_power else now_s
    if not due(sight.run_start_s, hold_s, until_s):
        moment.wake(sight.run_start_s + hold_s)
        return
    sight.confirmed, sight.confirmed_s = letter, now_s
    _tell(state, letter, moment)


def _tell(state: ConnectorState, letter: str, moment: Moment) -> None:
    """Plug and request events, well formed: plugged, power_requested, power_request_ended, unplugged."""
    sight = state.pilot_sight
    if letter in ("B", "C", "D") and not state.vehicle_connected:
        state.vehicle_connected = True
        state.plug_count += 1
        moment.say("plugged")
    sight.seen_b = letter == "B" or (sight.seen_b and letter != "A")
    wants = letter in ("C", "D")
    if wants != state.power_requested:
        state.power_requested = wants
        moment.say("power_requested" if wants else "power_request_ended")
    if letter == "A" and state.vehicle_connected:
        state.vehicle_connected = False
        moment.say("unplugged")


def _observe_proximity(sight: ProximitySight, resistance: Resistance | None, moment: Moment) -> None:
    now_s = moment.now_s
    code_a = 0.0
    if resistance is not None and 0.0 <= resistance.sampled_s <= now_s + PILOT_FUTURE_S:
        sight.stamp_s = resistance.sampled_s
        if now_s - sight.stamp_s <= FEEDBACK_VALID_S:
            code_a = duty.ampacity(resistance.ohm)
    if not code_a:
        if sight.bad_s is None:
            sight.bad_s = sight.good_s
        sight.candidate_a = 0.0
        if due(sight.bad_s, PROXIMITY_FILTER_S, now_s):
            sight.ampacity_a = 0.0
        else:
            moment.wake(sight.bad_s + PROXIMITY_FILTER_S)
        return
    sight.bad_s = None
    moment.wake(sight.stamp_s + FEEDBACK_VALID_S + 1e-5)
    if code_a != sight.candidate_a:
        sight.candidate_a, sight.candidate_s = code_a, sight.stamp_s
    sight.good_s = max(sight.good_s, sight.stamp_s)
    if due(sight.candidate_s, PROXIMITY_FILTER_S, sight.good_s):
        sight.ampacity_a = min(sight.ampacity_a or code_a, code_a)


def _observe_contacts(state: ConnectorState, moment: Moment) -> None:
    """Everything that tells of the main contacts: `closed` = they are, or the output is live."""
    equipment, readings = state.equipment, moment.readings
    if equipment.mirror_contact:
        shown = _flipped(readings.mirror, equipment.mirror_normally_closed)
        observe_switch(state.mirror, shown, FEEDBACK_VALID_S, moment)
    if name := equipment.weld_input:
        by_key = name != "line" and equipment.weld_input_normally_closed is not (name in equipment.normally_closed)
        observe_switch(state.weld_input, _flipped(readings.inputs.get(name), by_key), INPUT_VALID_S, moment)
    if equipment.output_sense:
        observe_switch(state.output_sense, _live(readings.output_voltage, equipment.phases), INPUT_VALID_S, moment)


def _flipped(feedback: Feedback | None, flip: bool) -> Feedback | None:
    return feedback if feedback is None or not flip else Feedback(not feedback.closed, feedback.sampled_s)


def _live(voltages: Voltages | None, phases: int) -> Feedback | None:
    """Any phase live is live; dead is only what every wired phase says."""
    if voltages is None:
        return None
    wired = voltages[:phases]
    if any(LIVE_V < value <= IMPOSSIBLE_MAINS_V for value in wired):
        return Feedback(True, voltages.sampled_s)
    return Feedback(False, voltages.sampled_s) if all(0.0 <= value <= LIVE_V for value in wired) else None


def observe_switch(sight: SwitchSight, feedback: Feedback | None, valid_s: float, moment: Moment) -> None:
    """Takes a sample in; one that is older than the last, or from the future, is none."""
    if feedback is None or not sight.stamp_s <= feedback.sampled_s <= moment.now_s + PILOT_FUTURE_S:
        return
    if feedback.closed != sight.closed or sight.stamp_s < 0.0 or feedback.sampled_s - sight.stamp_s > valid_s:
        sight.run_start_s = feedback.sampled_s
    sight.closed, sight.stamp_s = feedback.closed, feedback.sampled_s
