"""The samples of one connector's transaction: at its begin, when one is due, at its end. Pure."""

from dataclasses import replace

from schemas.session import MeterSample, TransactionMeterValues
from services.session.connectors.actions import Measure
from services.session.connectors.situation import Situation
from services.session.keys import ENERGY
from services.session.limits import phases
from services.session.transactions import meter_values, rules, signed
from services.session.transactions.rules import End


def offered(s: Situation) -> meter_values.Offered:
    if s.seeing is None:
        return meter_values.Offered(None, s.phases, s.phases)
    given = phases.offered(s.seeing.phases, s.phases, fitted=s.switches_phases)
    return meter_values.Offered(s.seeing.offered_a, s.phases, given)


def measure(s: Situation) -> Measure | None:
    if s.due is None or s.keys is None or s.transaction is None or s.recovering:
        return None
    own = meter_values.sample_of(s.due, s.keys.sampled_data, meter_values.PERIODIC, offered(s))
    body = TransactionMeterValues(
        transaction_id=s.transaction.transaction_id,
        connector=s.connector,
        samples=() if own is None else (own,),
        signed=s.transaction.signed,
    )
    grid_s = meter_values.grid_point(s.transaction.grid_s, s.keys.sample_interval_s, s.due.sampled_s)
    return Measure(
        replace(rules.observed(s.transaction, s.sample), grid_s=grid_s),
        body if own is not None else None,
        meter_values.sample_of(s.due, s.keys.stop_sampled_data, meter_values.PERIODIC, offered(s)),
    )


def draft_of(s: Situation) -> signed.Draft | None:
    """Of the transaction that would begin now."""
    if s.safety is None or s.sample is None or s.keys is None:
        return None
    used = None if s.pending is None or s.pending.asking else s.pending
    id_tag = s.keys.free_id_tag if used is None else used.id_tag
    return signed.Draft(rules.plug_of(s.safety), id_tag, s.sample.serial)


def first_sample(s: Situation) -> MeterSample | None:
    sample = None
    if s.latest is not None and s.keys is not None:
        sample = meter_values.sample_of(s.latest, s.keys.stop_sampled_data, meter_values.BEGIN, offered(s))
    if not s.signing.begin:
        return sample
    return signed.with_record(sample, s.signing.begin, meter_values.BEGIN, s.now.wall_s)


def last_sample(s: Situation, end: End) -> MeterSample | None:
    """With the signed record, if the meter has made one."""
    sample = _last_sample(s, end)
    if s.transaction is None or s.signing.end_id != s.transaction.transaction_id:
        return sample
    return signed.with_record(sample, s.signing.end, meter_values.END, s.now.wall_s)


def late_record(s: Situation) -> TransactionMeterValues | None:
    """Of a transaction that ended without it; None = it has not come."""
    if not s.signing.owed_id or s.signing.owed_id != s.signing.end_id:
        return None
    sample = signed.with_record(None, s.signing.end, meter_values.END, s.now.wall_s)
    return TransactionMeterValues(
        transaction_id=s.signing.owed_id, connector=s.connector, samples=(sample,), signed=True
    )


def _last_sample(s: Situation, end: End) -> MeterSample | None:
    """Transaction.End: the reading that ended it, or the register alone if there was none."""
    measurands = (ENERGY,) if s.keys is None else s.keys.stop_sampled_data
    latest = s.latest
    if latest is not None and end.measured and latest.energy_import_wh == end.meter_stop_wh:
        return meter_values.sample_of(latest, measurands, meter_values.END, offered(s))
    assert s.transaction is not None
    wall_s = s.now.wall_s if s.transaction.stop is None else s.transaction.stop.wall_s
    return meter_values.register_sample(end.meter_stop_wh, wall_s, meter_values.END) if ENERGY in measurands else None
