"""A vehicle that draws more than it is offered: tolerated for a moment, told less, stopped.

Three rules, from mild to hard:
CheckCarOverCurrent (the guide): more than 10 % over for 3 s: 10 % less is offered; more than the stop limit: stopped.
Always: more than (offer + 0.5 A) * 1.10 on one phase for 7 s: stopped.
Always: more than 1.25 times the connector's rating on one phase, or the board's own detection: stopped at once.
"""

import math

from hardware.interfaces import PilotMode
from services.safety import duty
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import FEEDBACK_VALID_S, LEAST_CURRENT_A

ALLOWANCE_A = 0.5
TOLERANCE = 1.10
STOP_AFTER_S = 7.0
LOWER_AFTER_S = 3.0
"""Two samples of a meter that is read once a second, and within the 5 s of the guide's rule."""
FAR_OVER_S = 2.0
FOLLOWS_WITHIN_S = 5.0
"""A vehicle has this long to follow a lower offer (IEC 61851-1)."""
STEP = 0.90
RAISE_AFTER_S = 300.0
"""A vehicle that keeps to a lowered offer is offered one step more."""
HARD = 1.25
MOST_EARLIER_OFFERS = 16


def remember_offer(state: ConnectorState, moment: Moment) -> None:
    """What was offered before a decrease may be drawn for 5 s more."""
    supply, output, now_s = state.supply, state.pilot, moment.now_s
    offer_a = duty.current_for(output.permille) if output.mode is PilotMode.PWM else 0.0
    if supply.earlier_offers:
        supply.earlier_offers = tuple(each for each in supply.earlier_offers if each[1] > now_s - STOP_AFTER_S)
    if offer_a < supply.last_offer_a:
        until_s = output.commanded_s + FOLLOWS_WITHIN_S
        supply.earlier_offers = (*supply.earlier_offers, (supply.last_offer_a, until_s))[-MOST_EARLIER_OFFERS:]
    supply.last_offer_a = offer_a


def allowed_a(state: ConnectorState, at_s: float) -> float:
    """The highest offer that a vehicle could be following at `at_s` (boot clock), in amperes."""
    earlier = (amperes for amperes, until_s in state.supply.earlier_offers if at_s < until_s)
    return max((state.supply.last_offer_a, *earlier))


def take_in(state: ConnectorState, current_a: tuple[float, float, float] | None, stamp_s: float) -> None:
    """A new sample. One taken before the contactor closed says nothing."""
    supply = state.supply
    if current_a is None or not state.contactor.coil or stamp_s < state.contactor.on_s:
        supply.over_s = supply.far_over_s = None
        supply.hard = False
        return
    highest_a, offer_a = max(map(abs, current_a)), allowed_a(state, stamp_s)
    over = highest_a > (offer_a + ALLOWANCE_A) * TOLERANCE
    far = highest_a > offer_a * (1.0 + state.settings.overcurrent_stop_percent / 100.0) + ALLOWANCE_A
    supply.over_s = _since(supply.over_s, over, stamp_s)
    supply.far_over_s = _since(supply.far_over_s, far and over, stamp_s)
    supply.hard = highest_a > HARD * state.rated_a
    if over:
        supply.behaves_since_s = None
    elif supply.behaves_since_s is None:
        supply.behaves_since_s = stamp_s


def _since(before_s: float | None, holds: bool, stamp_s: float) -> float | None:
    if not holds:
        return None
    return stamp_s if before_s is None else before_s


def judge(state: ConnectorState, moment: Moment) -> None:
    supply = state.supply
    _read_input(state, moment)
    if state.pilot_sight.confirmed == "A":
        supply.lowered_to_a = math.inf
    if not state.contactor.coil or not supply.fresh:
        supply.over_s = supply.far_over_s = supply.behaves_since_s = None
        supply.overloaded = supply.hard = False
        return
    supply.overloaded = after(supply.over_s, STOP_AFTER_S, moment)
    if state.settings.check_overcurrent:
        supply.overloaded = supply.overloaded or after(supply.far_over_s, FAR_OVER_S, moment)
        _lower(state, moment)
        _raise(state, moment)


def _lower(state: ConnectorState, moment: Moment) -> None:
    """10 % less than is offered now; the next step when the vehicle has had its time to follow this one."""
    supply, now_s = state.supply, moment.now_s
    if supply.last_offer_a <= LEAST_CURRENT_A or not after(supply.over_s, LOWER_AFTER_S, moment):
        return
    if supply.lowered_to_a < math.inf and not due(supply.lowered_s, FOLLOWS_WITHIN_S, now_s):
        moment.wake(supply.lowered_s + FOLLOWS_WITHIN_S)
        return
    supply.lowered_to_a = max(LEAST_CURRENT_A, min(supply.lowered_to_a, supply.last_offer_a) * STEP)
    supply.lowered_s = now_s


def _raise(state: ConnectorState, moment: Moment) -> None:
    supply = state.supply
    if not after(supply.behaves_since_s, RAISE_AFTER_S, moment):
        return
    supply.lowered_to_a /= STEP
    supply.behaves_since_s = moment.now_s
    if supply.lowered_to_a >= state.rated_a:
        supply.lowered_to_a = math.inf


def _read_input(state: ConnectorState, moment: Moment) -> None:
    supply = state.supply
    if "overcurrent" not in state.equipment.inputs:
        return
    read = moment.readings.inputs.get("overcurrent")
    supply.input_unreadable = read is None or moment.now_s - read.sampled_s > FEEDBACK_VALID_S
    if read is not None:
        moment.wake(read.sampled_s + FEEDBACK_VALID_S + 1e-5)


def struck(state: ConnectorState, moment: Moment) -> bool:
    """The board's own detection, which knows of a short before any meter."""
    read = moment.readings.inputs.get("overcurrent") if "overcurrent" in state.equipment.inputs else None
    return read is not None and read.closed


def limit(state: ConnectorState) -> tuple[float, str]:
    """(amperes, words for a person); (inf, "") = the vehicle has kept to its offers."""
    lowered_a = state.supply.lowered_to_a if state.settings.check_overcurrent else math.inf
    return (lowered_a, "the vehicle draws more than it is offered") if lowered_a < math.inf else (math.inf, "")


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:  # noqa: ARG001
    """Detection that cannot be read is never taken for "no overcurrent"."""
    return ("waiting for the overcurrent input", 0.0) if state.supply.input_unreadable else ("", 0.0)
