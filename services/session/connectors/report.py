"""What is published of a connector: status, limit, energy, and the reason for people. Pure."""

from schemas.faults import FAULTS
from schemas.safety import Contactor, PilotState
from schemas.session import ConnectorStatus, Limit, SessionConnector
from services.session.connectors.situation import (
    QUEUE_FULL,
    Situation,
    Wish,
    closed_words,
    has_timed_out,
    is_authorized,
    is_free,
    is_paused_by_queue,
    is_unrecorded,
    limits_of,
    out_of_service,
    start_refusal,
)
from services.session.connectors.state import recover_now
from services.session.connectors.status import Facts, status_of
from services.session.limits import effective, phases
from services.session.transactions import rules, signed
from services.session.transactions.record import Phase
from services.session.transactions.rules import Presence

NO_READING_FAULT = "start_without_reading"
QUEUE_FULL_FAULT = "message_queue_full"
LONGEST_INFO = 50
"""OCPP 1.6 StatusNotification.req info: CiString50."""


def facts_of(s: Situation, wish: Wish) -> Facts:
    safety = s.safety
    faulted = safety is not None and s.safety_fresh and rules.is_faulted(safety)
    return Facts(
        seeing=s.safety_fresh,
        faulted=faulted,
        out_of_service=safety is not None and safety.state is PilotState.F,
        vehicle=s.presence is Presence.PRESENT,
        authorized=s.pending is not None,
        phase=s.phase,
        unrecorded=is_unrecorded(s),
        holds_cable=s.transaction is not None and s.transaction.holds_cable,
        permitted=wish.may_charge,
        offered=safety is not None and (safety.offered_a > 0.0 or safety.wakes_vehicle),
        wants_power=safety is not None and safety.vehicle_wants_power,
        closed=safety is not None and safety.contactor is Contactor.CLOSED,
        withdrawn=out_of_service(s),
        refused=s.queue_refuses,
        timed_out=has_timed_out(s),
    )


def connector_message(
    s: Situation, wish: Wish, *, no_reading: bool, rejected_until_s: float, waiting_facts: int
) -> SessionConnector:
    """`no_reading`: an authorized vehicle has waited too long for its start value."""
    status = status_of(facts_of(s, wish))
    limits = limits_of(s)
    limit = effective.effective(limits)
    error_code, info, fault = _error(s, no_reading)
    # An ended transaction is history; the fact in the stream tells it.
    running = s.transaction if s.phase in (Phase.ACTIVE, Phase.STOPPING) else None
    return SessionConnector(
        connector=s.connector,
        status=status,
        error_code=error_code,
        info=info,
        fault=fault,
        transaction_id=running.transaction_id if running is not None else "",
        id_tag=_id_tag(s),
        started_wall_s=running.started_wall_s if running is not None else 0.0,
        meter_start_wh=running.meter_start_wh if running is not None else None,
        energy_wh=_energy_wh(s),
        limit_a=limit.limit_a,
        limit_source=limit.source,
        limits=limits,
        backend_transaction_id=running.backend_id if running is not None else None,
        operative=not out_of_service(s),
        authorized_until_s=s.pending.until_s if s.pending is not None and s.pending.plug is None else 0.0,
        card_rejected_until_s=rejected_until_s,
        reason=reason_of(s, wish, status, limit),
        waiting_facts=waiting_facts,
        phases=s.seeing.phases if s.seeing is not None and s.switches_phases else 0,
        phases_asked=wish.phases,
        phases_wanted=running.phases_wanted if running is not None else 0,
        phases_kept_until_s=phases.kept_until_s(running.phases_s) if running is not None else 0.0,
    )


def _id_tag(s: Situation) -> str:
    """Of the transaction, or of whoever is about to begin one."""
    if s.transaction is not None and s.phase in (Phase.ACTIVE, Phase.STOPPING):
        return s.transaction.id_tag
    if s.pending is not None:
        return s.pending.id_tag
    return s.keys.free_id_tag if s.keys is not None and is_free(s) else ""


def _energy_wh(s: Situation) -> int | None:
    if s.transaction is None or s.phase is Phase.ENDED or s.sample is None or not s.sample_good:
        return None
    if s.sample.serial != s.transaction.meter_serial or s.sample.register_wh < s.transaction.meter_start_wh:
        return None
    return s.sample.register_wh - s.transaction.meter_start_wh


def _error(s: Situation, no_reading: bool) -> tuple[str, str, str]:
    """(OCPP error code, info, name in the catalogue): the worst fault of `safety`, else our own."""
    codes = list(s.safety.faults) if s.safety is not None and s.safety_fresh else []
    if no_reading:
        codes.append(NO_READING_FAULT)
    if s.signing.trouble:
        codes.append(signed.FAULT)
    if s.queue_refuses:
        codes.append(QUEUE_FULL_FAULT)
    for code in codes:
        if code in FAULTS:
            return FAULTS[code].error_code, FAULTS[code].text[:LONGEST_INFO], code
    return ("OtherError", codes[0][:LONGEST_INFO], "") if codes else ("NoError", "", "")


def reason_of(s: Situation, wish: Wish, status: ConnectorStatus, limit: Limit) -> str:
    """Why it does not charge, for a person; empty while it does."""
    if status is ConnectorStatus.CHARGING:
        return ""
    if not s.safety_fresh:
        return "waiting for the safety service"
    if s.safety is not None and rules.is_faulted(s.safety):
        return rules.fault_words(s.safety)
    if s.phase is Phase.STOPPING:
        return "ending: waiting for the contactor and the last meter reading"
    if s.recovering:
        return recover_now(s).waiting_for or s.disk or "resuming"
    if s.phase is Phase.ACTIVE or is_unrecorded(s):
        return _reason_while_running(s, wish, limit)
    if s.transaction is not None and s.transaction.holds_cable:
        return "the cable is locked: hold the card that started to the reader"
    if out_of_service(s):
        return "out of service"
    if s.phase is Phase.ENDED and s.pending is None:
        return s.disk or "ended: unplug the vehicle, or present a card to charge again"
    if s.presence is not Presence.PRESENT and closed_words(s):
        return closed_words(s)
    if s.presence is not Presence.PRESENT:
        return "waiting for the vehicle to be plugged in" if s.pending is not None else s.disk or "no vehicle"
    if s.pending is not None and s.pending.asking:
        return "asking the backend"
    if not is_authorized(s):
        return closed_words(s) or s.disk or _waits_for_card(s)
    return start_refusal(s)


def _waits_for_card(s: Situation) -> str:
    if has_timed_out(s):
        return "nobody came with a card: unplug the vehicle, or plug it in again"
    return "waiting for a card" if s.has_meter else "no meter: this connector only charges for free"


def _reason_while_running(s: Situation, wish: Wish, limit: Limit) -> str:
    if s.transaction is not None and s.transaction.invalid:
        return "the backend has not accepted this id tag"
    if is_paused_by_queue(s):
        return QUEUE_FULL
    if not wish.may_charge:
        return "ending: waiting for the disk" if s.wanted is not None else "not permitted"
    if s.presence is Presence.GONE:
        return "waiting for the vehicle to be plugged in again"
    if effective.is_pause(limit):
        return f"paused: {limit.source} limit of {limit.limit_a:g} A is below {effective.LEAST_OFFER_A:g} A"
    return s.safety.reason if s.safety is not None else ""
