"""The next durable thing to do about one connector. Pure.

`next_action` names one step at a time; whoever performs it asks again until there is none left.
"""

from dataclasses import replace

from schemas.safety import Lock, PilotState
from schemas.session import StopReason
from services.session.connectors import sampling
from services.session.connectors.actions import Action, Begin, Bind, Close, Decide, Deliver, Drop, Forget, Keep
from services.session.connectors.situation import Situation, is_authorized, limits_of, start_refusal
from services.session.limits import effective
from services.session.transactions import recovery, rules, signed
from services.session.transactions.record import Phase, Stop, Transaction
from services.session.transactions.rules import Presence


def sign_of_life(s: Situation) -> Keep | None:
    """Before its time; None without an active transaction."""
    if s.transaction is None or s.phase is not Phase.ACTIVE or s.recovering:
        return None
    return Keep(_alive(s, s.transaction))


def next_action(s: Situation) -> Action | None:
    # On a full disk what ends the transaction comes first.
    if s.due is not None and not s.disk and (measured := sampling.measure(s)) is not None:
        return measured
    if s.signing.owed_id and not s.disk and (late := sampling.late_record(s)) is not None:
        return Deliver(late.transaction_id, late)
    if s.phase is Phase.ACTIVE:
        return _of_recovering(s) if s.recovering else _of_active(s)
    if s.phase is Phase.STOPPING:
        return _of_stopping(s)
    if s.phase is Phase.ENDED and (action := _of_ended(s)) is not None:
        return action
    return _of_waiting(s)


def _alive(s: Situation, transaction: Transaction) -> Transaction:
    """With a sign of life: wall time for the bill, boot clock for the next one."""
    return replace(
        rules.observed(transaction, s.sample),
        alive_s=s.now.boot_s,
        alive_wall_s=s.now.wall_s,
        limit_a=effective.effective(limits_of(s)).limit_a,
    )


def _decide(s: Situation, transaction: Transaction, stop: Stop) -> Decide:
    has_lock = s.safety is not None and s.safety.lock is not Lock.NONE
    unlock = s.keys is None or s.keys.unlock_on_unplug
    holds = rules.holds_cable_after(transaction, stop.reason, has_lock, unlock)
    return Decide(rules.decided(transaction, stop, s.sample, holds))


def _of_recovering(s: Situation) -> Action | None:
    assert s.transaction is not None
    if s.wanted is not None:
        return _decide(s, s.transaction, s.wanted.stop)
    found = recover_now(s)
    if found.stop is not None:
        return _decide(s, s.transaction, found.stop)
    # The boot clock has begun anew: so do the grid of samples, and the pause between changes of phases.
    resumed = None if found.resumed is None else replace(found.resumed, grid_s=s.now.boot_s, phases_s=0.0)
    return Keep(_alive(s, resumed)) if resumed is not None else None


def recover_now(s: Situation) -> recovery.Recovery:
    assert s.transaction is not None
    return recovery.recover(
        s.transaction,
        start_id=s.start_id,
        boot_reason=s.boot_reason,
        restart_key=None if s.keys is None else s.keys.restart_after_power_loss,
        safety=s.seeing,
        presence_now=s.presence if s.safety_fresh else Presence.UNKNOWN,
        sample=s.young_sample,
        up_s=s.up_s,
    )


def _of_active(s: Situation) -> Action | None:
    assert s.transaction is not None
    if s.wanted is not None:
        return _decide(s, s.transaction, s.wanted.stop)
    if s.reset in recovery.RESETS:
        return _decide(s, s.transaction, Stop(recovery.REASONS[s.reset], s.now.wall_s))
    if s.transaction.invalid and s.keys is not None and s.keys.stop_on_invalid_id:
        return _decide(s, s.transaction, Stop(StopReason.DEAUTHORIZED, s.now.wall_s))
    if s.safety is not None:
        stop_on_unplug = None if s.keys is None else s.keys.stop_on_unplug
        reason = rules.automatic_stop(s.transaction, s.safety, s.presence, stop_on_unplug)
        if reason is not None:
            return _decide(s, s.transaction, Stop(reason, s.now.wall_s))
        if s.keys is not None and s.safety.vehicle_connected and s.transaction.plug != rules.plug_of(s.safety):
            return Keep(_alive(s, replace(s.transaction, plug=rules.plug_of(s.safety))))
    if s.now.boot_s - s.transaction.alive_s >= rules.SIGN_OF_LIFE_S:
        return Keep(_alive(s, s.transaction))
    return None


def open_since_s(s: Situation) -> float | None:
    """Since when the contacts are proven open for good; 0 = they cannot be proven; None = wait."""
    safety = s.seeing
    if safety is None or not s.safety_obeys:
        return None
    if safety.contactor_open_since_s > 0.0:
        return safety.contactor_open_since_s
    return 0.0 if safety.state is PilotState.LOCKOUT else None


def _of_stopping(s: Situation) -> Action | None:
    assert s.transaction is not None
    since_s = open_since_s(s)
    if since_s is None or s.awaits_ring:
        return None
    end = rules.end_register(s.transaction, since_s, s.sample, s.end_waited_s)
    if end is None:
        return None
    ended = replace(
        rules.observed(s.transaction, s.sample), meter_stop_wh=end.meter_stop_wh, meter_stop_measured=end.measured
    )
    if ended.signed and s.signing.end_id == ended.transaction_id:
        ended = replace(ended, end_signed=True)
    elif ended.signed:
        if s.end_waited_s < signed.PATIENCE_S:
            return None
        ended = replace(ended, sign_until_s=s.now.boot_s + signed.LATE_S)
    # After a power cut the vehicle begins anew: nobody is there to plug it in again.
    ended = replace(ended, departed=ended.departed or ended.start_id != s.start_id)
    return Close(ended, end, sampling.last_sample(s, end))


def _of_ended(s: Situation) -> Action | None:
    assert s.transaction is not None
    transaction, safety = s.transaction, s.safety
    if safety is not None and not transaction.departed:
        if s.presence is Presence.GONE or rules.was_replaced(transaction.plug, safety):
            return Keep(replace(transaction, departed=True))
        if safety.vehicle_connected and transaction.plug != rules.plug_of(safety):
            return Keep(replace(transaction, plug=rules.plug_of(safety)))
    if transaction.holds_cable and safety is not None and s.safety_fresh and not safety.cable_plugged:
        return Keep(replace(transaction, holds_cable=False))
    owes = transaction.signed and not transaction.end_signed and s.now.boot_s < transaction.sign_until_s
    if owes and s.signing.owed_id != transaction.transaction_id:
        # What is owed is noted first.
        return None
    return Forget() if transaction.departed and not transaction.holds_cable else None


def _of_waiting(s: Situation) -> Action | None:
    """No transaction is open."""
    if s.safety is None or (s.transaction is not None and s.transaction.holds_cable):
        return None
    plug = rules.plug_of(s.safety)
    if s.pending is not None and s.pending.plug is not None:
        if s.presence is Presence.GONE or rules.was_replaced(s.pending.plug, s.safety):
            return Drop(s.pending)
        if s.safety.vehicle_connected and s.pending.plug != plug:
            return Bind(s.pending, plug)
    if s.keys is None or s.presence is not Presence.PRESENT or s.unlocking:
        return None
    if is_authorized(s) and s.has_meter and not start_refusal(s):
        # The record in hand may be of another vehicle, person or meter: another one is asked for then.
        return _begin(s) if not s.signs or s.signing.draft == sampling.draft_of(s) else None
    if s.pending is not None and s.pending.plug is None:
        return Bind(s.pending, plug)
    return None


def _begin(s: Situation) -> Begin:
    assert s.safety is not None
    assert s.sample is not None
    assert s.keys is not None
    used = None if s.pending is None or s.pending.asking else s.pending
    return Begin(
        Transaction(
            transaction_id=s.signing.draft_id if s.signs else "",
            signed=s.signs,
            connector=s.connector,
            id_tag=s.keys.free_id_tag if used is None else used.id_tag,
            free=used is None,
            started_wall_s=s.now.wall_s,
            meter_start_wh=s.sample.register_wh,
            meter_serial=s.sample.serial,
            start_id=s.start_id,
            plug=rules.plug_of(s.safety),
            register_wh=s.sample.register_wh,
            sampled_s=s.sample.sampled_s,
            alive_s=s.now.boot_s,
            alive_wall_s=s.now.wall_s,
            limit_a=effective.effective(limits_of(s)).limit_a,
            parent_id_tag="" if used is None else used.parent_id_tag,
            grid_s=s.now.boot_s,
        ),
        used,
        sampling.first_sample(s),
    )
