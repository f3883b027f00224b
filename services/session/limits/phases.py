"""One phase or three: what the relay of L2 and L3 is to do, and how often. Pure.

A connector charges with every phase it is wired to, unless somebody wants one: that wish lives as long as its
transaction. `safety` switches (T18: contacts proven open, 10 s of state F); here is only who may ask.
"""

from schemas.units import PhaseCount

ONE, ALL = 1, 3
NOBODY = 0
"""Nobody wants a number: `auto` of the command."""
PAUSE_S = 60.0
"""Between two changes: every one ends the offer, and the relay and the vehicle's contactor wear."""
OFF = 'phase switching is off: chargectl config set PhaseSwitchingFunction "By command"'
UNSUPPORTED = "ConnectorSwitch3to1PhaseSupported is false here: set it to true and restart the station"
FIXED = "this connector cannot switch phases: the station file gives it no phase relay (phase_switching)"
NO_NUMBER = "a connector charges with 1 phase or with 3; 0 gives the choice back to the station"


def refusal(wanted: PhaseCount, *, fitted: bool, supported: bool, enabled: bool) -> str:
    """Why nobody may ask for this here; empty = anybody who is allowed to may.

    `fitted`: a relay, and three phases behind it. `supported`: ConnectorSwitch3to1PhaseSupported. `enabled`:
    PhaseSwitchingFunction is not Disabled.
    """
    if wanted not in (NOBODY, ONE, ALL):
        return NO_NUMBER
    if not fitted:
        return FIXED
    if not supported:
        return UNSUPPORTED
    return "" if enabled else OFF


def kept_until_s(changed_s: float) -> float:
    """`changed_s`: boot clock of the last change that was asked for, 0 = none. No other one before this."""
    return changed_s + PAUSE_S if changed_s > 0.0 else 0.0


def too_soon(changed_s: float, now_s: float) -> str:
    """`changed_s`: as above; empty = the next change may come."""
    left_s = kept_until_s(changed_s) - now_s
    if left_s <= 0.0:
        return ""
    ago_s = max(0.0, now_s - changed_s)
    return f"the phases were changed {ago_s:.0f} s ago: try again in {max(1.0, left_s):.0f} s, so that the relay lasts"


def used(wanted: PhaseCount) -> PhaseCount:
    """How many phases a transaction is to charge with."""
    return wanted if wanted in (ONE, ALL) else ALL


def offered(relay: PhaseCount, wired: PhaseCount, *, fitted: bool) -> PhaseCount:
    """How many phases the vehicle is given; 0 = not proven. `relay`: as its own contact shows it (`safety`)."""
    return relay if fitted else wired
