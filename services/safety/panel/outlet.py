"""A domestic socket on the auxiliary output: no pilot, no lock, no plug to be seen (OCPPSchuko). Pure.

It is on while the session's lease says so and nothing speaks against it, and off in the step in which anything does:
the end of the lease, the circuit breaker's contact, emergency stop, a hot housing, trouble with the board. The current
of what is plugged in cannot be told to it: any limit below the socket's rating switches it off. What a plug-in is
elsewhere is an authorization here: latched faults, recoveries and closings are kept until the session says that it
is over. The output is fed like every coil: it falls 150 ms after the process.
"""

from hardware.interfaces import PilotMode
from schemas.safety import Contactor, Lock
from schemas.session import Permission
from services.safety import core, duty, faults
from services.safety.contactor import close
from services.safety.panel.outputs import Use, auxiliary_use
from services.safety.permission import Grant
from services.safety.pilot import bound, contactor_free
from services.safety.settings import SafetySettings
from services.safety.state import SAFE, ConnectorState, Moment, Outputs, PilotSight, Readings, due
from services.safety.supply import meter, overload, restart
from services.safety.thermal import derating, temperatures
from services.safety.timings import LOOP_CLOSED_S, OPEN_WITHIN_S, SAMPLE_CONNECTED_S
from services.safety.wear import counting
from services.safety.wiring import inputs, series

_OFF = SAFE._replace(sample_period_s=SAMPLE_CONNECTED_S)
_OBSERVERS = (inputs.observe, series.observe, temperatures.observe, meter.observe)
_REFUSALS = (inputs.refusal, derating.refusal, overload.refusal, restart.refusal)
_FOLLOWERS = (temperatures.follow, meter.follow)


def step(state: ConnectorState, readings: Readings, permission: Permission | None, now_s: float) -> core.Result:
    """As `core.step`, for a socket. Never raises."""
    return core.guarded(_step, state, readings, permission, now_s)


def _step(state: ConnectorState, permission: Permission | None, moment: Moment) -> core.Result:
    now_s = moment.now_s
    core.restart_after_gap(state, moment)
    state.last_step_s = now_s
    state.settings = _own(state.settings)
    lease = core.grant_of(state, permission, now_s)
    _stand_in_for_a_pilot(state, lease, moment)
    for observe in _OBSERVERS:
        observe(state, moment)
    faults.evaluate(state, moment)
    if lease.valid:
        moment.wake(lease.until_s)
    state.wiring.out_of_service = _out_of_service(state.settings)
    state.pilot.permitted_a = min(lease.limit_a, state.rated_a)
    state.pilot.bound_a, state.pilot.bound_words = bound(state)
    state.pilot.waiting, state.pilot.retry_s = _refusal(state, lease, now_s)
    moment.wake(state.pilot.retry_s)
    _switch(state, not state.pilot.waiting, moment)
    _follow(state, moment)
    for follow in _FOLLOWERS:
        follow(state, moment)
    return core.Result(
        _OFF._replace(outlet=state.contactor.coil), tuple(moment.events), moment.deadline_s, tuple(moment.notices)
    )


def _own(settings: SafetySettings) -> SafetySettings:
    """What a socket has no part in is not watched. Nothing can be told to what is plugged in, so nothing is lowered."""
    return settings._replace(rcd="Off", monitoring_relay=False, check_overcurrent=False)


def _stand_in_for_a_pilot(state: ConnectorState, lease: Grant, moment: Moment) -> None:
    """The rules of faults ask the pilot whether a vehicle is there: here it is the lease. The end of an authorization
    is what the unplug is elsewhere; a session that is silent has not ended it."""
    sight, letter = state.pilot_sight, "C" if lease.may_charge else "A" if lease.authorization_over else "B"
    if sight.confirmed != letter:
        state.pilot_sight = sight = PilotSight(confirmed=letter, run_start_s=moment.now_s, confirmed_s=moment.now_s)
    if sight.letter == "":
        sight.run_start_s = moment.now_s
    sight.letter = "" if moment.readings.trouble else letter
    sight.stamp_s, sight.bad_since_s = moment.now_s, None
    state.vehicle_connected = state.power_requested = not state.wiring.out_of_service
    state.lock.phase = Lock.NONE


def _out_of_service(settings: SafetySettings) -> str:
    """Why the socket is no connector now; empty = it is one."""
    if not settings.schuko:
        return "the domestic socket is switched off in the settings (OCPPSchuko)"
    use = auxiliary_use([settings])
    return "" if use is Use.DOMESTIC else f"the auxiliary output serves as {use.value}"


def _refusal(state: ConnectorState, lease: Grant, now_s: float) -> tuple[str, float]:
    """(why the socket is off, boot-clock time from which it may be on)."""
    if state.wiring.out_of_service:
        return state.wiring.out_of_service, 0.0
    if faults.blocked(state):
        return "paused: a fault is active", state.faults.hold_until_s
    if state.settings.hardware_limit_a <= 0.0:
        return "waiting for the settings service", 0.0
    if not state.qualified:
        return "starting: checking the socket's output", 0.0
    if not lease.may_charge:
        return lease.why_not, 0.0
    if not lease.limit_a >= state.rated_a:
        return f"paused: the socket carries {state.rated_a:g} A, and {lease.limit_a:g} A are available", 0.0
    if state.pilot.bound_a < state.rated_a:
        return f"paused: {state.pilot.bound_words}", 0.0
    for rule in _REFUSALS:
        words, retry_s = rule(state, now_s)
        if words:
            return words, retry_s
    if not state.contactor.coil:
        free_s, why = contactor_free(state)
        if not due(free_s, 0.0, now_s):
            return why, free_s
    return "", 0.0


def _switch(state: ConnectorState, on: bool, moment: Moment) -> None:
    contactor, now_s = state.contactor, moment.now_s
    if on and not contactor.coil:
        close(state, moment)
    elif not on and contactor.coil:
        counting.count_opening(state, moment)
        contactor.coil, contactor.off_s, contactor.phase = False, now_s, Contactor.OPENING
        moment.say("coil_off", state.pilot.waiting)
    state.pilot.mode = PilotMode.PWM if contactor.coil else PilotMode.X1
    state.pilot.permille = duty.permille_for(state.rated_a) or SAFE.permille
    if contactor.coil:
        moment.wake(now_s + LOOP_CLOSED_S)


def _follow(state: ConnectorState, moment: Moment) -> None:
    """What the output is known to do: by its readback, otherwise by inference after 100 ms."""
    contactor, now_s = state.contactor, moment.now_s
    changed_s = contactor.on_s if contactor.coil else contactor.off_s
    settled = due(changed_s, OPEN_WITHIN_S, now_s)
    if not settled:
        moment.wake(changed_s + OPEN_WITHIN_S)
    sight = state.wiring.readbacks.get(series.AUXILIARY)
    agrees = sight is None or sight.stamp_s < 0.0 or sight.closed is contactor.coil
    if settled and agrees:
        phase = Contactor.CLOSED if contactor.coil else Contactor.OPEN
    elif settled:
        phase = Contactor.UNKNOWN
    else:
        phase = contactor.phase
    if phase is Contactor.OPEN and contactor.phase is not Contactor.OPEN:
        contactor.open_since_s = now_s
    elif phase is not Contactor.OPEN:
        contactor.open_since_s = 0.0
    contactor.phase = phase
    state.qualified = state.qualified or phase is Contactor.OPEN
    powered = phase is Contactor.CLOSED
    if powered != contactor.powered and phase in (Contactor.CLOSED, Contactor.OPEN):
        contactor.powered = powered
        moment.say("power_on" if powered else "power_off")


def safe_outputs() -> Outputs:
    return _OFF
