"""One step of one connector: readings and the session's lease in, outputs and events out.

Order of regions: what was read is taken in, then Faults, Permission, Pilot, Contactor, Lock, and what follows from
them. Faults come first, so that no permission of the same step overrides them. No I/O, no clock: the same inputs give
the same outputs. Any exception inside gives the safe vector.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from schemas.session import Permission
from services.safety import contactor, faults, lock, pilot, readings
from services.safety.equipment import ventilated
from services.safety.permission import Grant, grant
from services.safety.phases import switching
from services.safety.residual import protection, reclosure, self_test, sensor
from services.safety.residual.state import Test
from services.safety.state import SAFE, ConnectorState, Event, Moment, NoticeWish, Outputs, Readings
from services.safety.supply import meter
from services.safety.thermal import temperatures
from services.safety.timings import FEED_S, SAMPLE_CONNECTED_S, SAMPLE_IDLE_S
from services.safety.wear import counting
from services.safety.wiring import inputs, series

_logger = logging.getLogger("safety.core")

OBSERVERS = (
    readings.observe,
    sensor.observe,
    self_test.observe,
    protection.observe,
    temperatures.observe,
    meter.observe,
    switching.observe,
    inputs.observe,
    series.observe,
)
FOLLOWERS = (
    sensor.follow,
    self_test.follow,
    reclosure.follow,
    temperatures.follow,
    meter.follow,
    counting.follow,
    series.follow,
)


class Result(NamedTuple):
    outputs: Outputs
    events: tuple[Event, ...]
    next_deadline_s: float
    """Boot-clock time at which the next step is due, if nothing is read before; inf = no deadline."""
    notices: tuple[NoticeWish, ...] = ()


Rules = Callable[[ConnectorState, Permission | None, Moment], Result]
Step = Callable[[ConnectorState, Readings, Permission | None, float], Result]


def step(state: ConnectorState, now_readings: Readings, permission: Permission | None, now_s: float) -> Result:
    """Advances `state` to `now_s` (boot clock). Never raises."""
    return guarded(_step, state, now_readings, permission, now_s)


def guarded(
    rules: Rules, state: ConnectorState, now_readings: Readings, permission: Permission | None, now_s: float
) -> Result:
    """One step by `rules`. Never raises: whatever goes wrong in them gives the safe vector."""
    moment = Moment(now_s, now_readings, permission.transaction_id if permission is not None else "")
    coil_was_on = state.contactor.coil
    try:
        return rules(state, permission, moment)
    except Exception:
        # Invariant 28: whatever went wrong, power stops and everything is proven anew.
        _logger.exception("connector %d: step failed, power is off", state.equipment.connector)
        state.begin(now_s)
        state.last_step_s = now_s
        state.faults.error_s = now_s
        events = (*moment.events, Event("coil_off", "internal error")) if coil_was_on else tuple(moment.events)
        return Result(SAFE._replace(shunt_trip=shunt_trip(state)), events, now_s + SAMPLE_CONNECTED_S)


def grant_of(state: ConnectorState, permission: Permission | None, now_s: float) -> Grant:
    """The lease as a step at `now_s` understands it."""
    return grant(permission, state.equipment.connector, now_s)


def _step(state: ConnectorState, permission: Permission | None, moment: Moment) -> Result:
    now_s = moment.now_s
    restart_after_gap(state, moment)
    state.last_step_s = now_s
    for observe in OBSERVERS:
        observe(state, moment)
    faults.evaluate(state, moment)
    lease = grant_of(state, permission, now_s)
    lock.exercise(state, moment)
    _qualify(state)
    switching.evaluate(state, lease, moment)
    pilot.evaluate(state, lease, moment)
    contactor.evaluate(state, moment)
    lock.evaluate(state, lease, moment)
    for follow in FOLLOWERS:
        follow(state, moment)
    return Result(_outputs(state), tuple(moment.events), moment.deadline_s, tuple(moment.notices))


def restart_after_gap(state: ConnectorState, moment: Moment) -> None:
    """A loop held up for longer than the feed lasts, or a clock that runs backwards, is treated as a new start."""
    gap_s = moment.now_s - state.last_step_s
    if gap_s >= 0.0 and not (state.contactor.coil and gap_s > FEED_S):
        return
    if state.contactor.coil:
        counting.count_opening(state, moment)
        moment.say("coil_off", "the loop was held up")
        state.faults.overrun_s = moment.now_s
    state.begin(moment.now_s)
    moment.say("restarted", f"{gap_s:.3f} s between two steps")


def _qualify(state: ConnectorState) -> None:
    """T2: the contacts are proven open and the vehicle's state is known."""
    if not state.qualified and not lock.must_exercise(state):
        state.qualified = state.contactor.phase.value == "open" and state.pilot_sight.confirmed not in ("", "E")


def shunt_trip(state: ConnectorState) -> bool:
    """WeldCheckAuxRelay: the auxiliary output drops what is upstream as long as the contacts are welded."""
    return state.settings.weld_auxiliary and state.memory.lockout == "contactor_welded"


def safe_outputs(state: ConnectorState) -> Outputs:
    """Coil off, X1 or F, lock untouched; a shunt trip stays asserted."""
    mode = PilotMode.F if state.memory.lockout else PilotMode.X1
    return SAFE._replace(mode=mode, shunt_trip=shunt_trip(state))


def _outputs(state: ConnectorState) -> Outputs:
    sight = state.pilot_sight
    idle = sight.confirmed == "A" and sight.letter == "A" and not state.faults.active and not state.residual.testing
    idle = idle and state.contactor.phase is Contactor.OPEN
    demands_air = sight.confirmed == "D" and ventilated(state.equipment, state.settings)
    return Outputs(
        coil=state.contactor.coil,
        mode=state.pilot.mode,
        permille=state.pilot.permille,
        lock=state.lock.drive,
        phases=state.phases.commanded,
        residual_test=state.residual.test is Test.ON,
        shunt_trip=shunt_trip(state),
        reclose=state.residual.pulse_s is not None,
        series=state.wiring.series,
        ventilation=demands_air and (state.contactor.coil or state.pilot.mode is PilotMode.PWM),
        sample_period_s=SAMPLE_IDLE_S if idle else SAMPLE_CONNECTED_S,
    )
