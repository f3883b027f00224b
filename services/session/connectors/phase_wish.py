"""With how many phases a connector is to charge now. Pure."""

from schemas.units import PhaseCount
from services.session.connectors.situation import Situation, is_unrecorded
from services.session.limits import phases
from services.session.transactions.record import Phase
from services.session.transactions.rules import Presence


def phases_of(s: Situation) -> PhaseCount:
    """0 = as the relay stands: of a vehicle that is there, nothing is switched but for its transaction."""
    if not s.switches_phases or s.keys is None or s.recovering or s.phase is Phase.STOPPING:
        return phases.NOBODY
    if s.transaction is not None and s.phase is Phase.ACTIVE:
        allowed = s.keys.phase_switching and s.keys.phase_switching_supported
        return phases.used(s.transaction.phases_wanted if allowed else phases.NOBODY)
    return phases.ALL if s.presence is Presence.GONE or is_unrecorded(s) else phases.NOBODY
