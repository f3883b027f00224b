"""The samples of one connector's transaction: at its begin, when one is due, at its end. Pure."""

from dataclasses import replace

from schemas.session import MeterSample, TransactionMeterValues
from services.session.connectors.actions import Measure
from services.session.connectors.situation import Situation
from services.session.keys import ENERGY
from services.session.transactions import meter_values, rules
from services.session.transactions.rules import End


def offered(s: Situation) -> meter_values.Offered:
    return meter_values.Offered(None if s.seeing is None else s.seeing.offered_a, s.phases)


def measure(s: Situation) -> Measure | None:
    if s.due is None or s.keys is None or s.transaction is None or s.recovering:
        return None
    own = meter_values.sample_of(s.due, s.keys.sampled_data, meter_values.PERIODIC, offered(s))
    body = TransactionMeterValues(
        transaction_id=s.transaction.transaction_id, connector=s.connector, samples=() if own is None else (own,)
    )
    grid_s = meter_values.grid_point(s.transaction.grid_s, s.keys.sample_interval_s, s.due.sampled_s)
    return Measure(
        replace(rules.observed(s.transaction, s.sample), grid_s=grid_s),
        body if own is not None else None,
        meter_values.sample_of(s.due, s.keys.stop_sampled_data, meter_values.PERIODIC, offered(s)),
    )


def first_sample(s: Situation) -> MeterSample | None:
    if s.latest is None or s.keys is None:
        return None
    return meter_values.sample_of(s.latest, s.keys.stop_sampled_data, meter_values.BEGIN, offered(s))


def last_sample(s: Situation, end: End) -> MeterSample | None:
    """Transaction.End: the reading that ended it, or the register alone if there was none."""
    measurands = (ENERGY,) if s.keys is None else s.keys.stop_sampled_data
    latest = s.latest
    if latest is not None and end.measured and latest.energy_import_wh == end.meter_stop_wh:
        return meter_values.sample_of(latest, measurands, meter_values.END, offered(s))
    assert s.transaction is not None
    wall_s = s.now.wall_s if s.transaction.stop is None else s.transaction.stop.wall_s
    return meter_values.register_sample(end.meter_stop_wh, wall_s, meter_values.END) if ENERGY in measurands else None
