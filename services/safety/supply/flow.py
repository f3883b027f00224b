"""A current with the coil off: the output is live, whatever the contacts' own sensors say.

The meter is read once a second and shows what was a moment ago: a sample counts when it was taken 2 s after the coil
went off. One is enough to keep the plug locked. Three in a row are a weld when the register has counted meanwhile: a
meter whose values are frozen shows a current for ever.
"""

from services.safety.state import ConnectorState

LIVE_A = 0.5
"""On any wired phase, in either direction."""
METER_FOLLOWS_S = 2.0
WELDED_SAMPLES = 3

Phases = tuple[float, float, float]


def take_in(state: ConnectorState, current_a: Phases | None, register_wh: float | None, stamp_s: float) -> None:
    """A new sample. One that tells no current leaves what the ones before it showed."""
    supply, contactor = state.supply, state.contactor
    if contactor.coil:
        supply.flowing = 0
        return
    if current_a is None or stamp_s < contactor.off_s + METER_FOLLOWS_S:
        return
    if not any(abs(amperes) > LIVE_A for amperes in current_a[: state.equipment.phases]):
        supply.flowing = 0
        return
    if not supply.flowing:
        supply.flowing_from_wh = register_wh
    supply.flowing = min(supply.flowing + 1, WELDED_SAMPLES)
    supply.flowing_wh = register_wh


def is_seen(state: ConnectorState) -> bool:
    """While the meter answers: one that has fallen silent is no witness."""
    return state.supply.fresh and state.supply.flowing > 0


def shows_weld(state: ConnectorState) -> bool:
    supply = state.supply
    if not is_seen(state) or supply.flowing < WELDED_SAMPLES:
        return False
    first_wh, last_wh = supply.flowing_from_wh, supply.flowing_wh
    return first_wh is not None and last_wh is not None and last_wh > first_wh
