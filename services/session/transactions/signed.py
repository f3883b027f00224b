"""Signed records of a transaction's begin and end: what they do to it, and how OCPP carries them. Pure.

A record goes through as the meter gave it: it is neither read nor written anew here.
"""

from typing import NamedTuple

from schemas.session import MeterSample, SampledValue
from services.session.transactions.record import Plug

FORMAT = "SignedData"
"""OCPP 1.6 section 7.47 ValueFormat."""
PATIENCE_S = 30.0
"""So long the end waits for its record, once the contacts are proven open: some meters take that long."""
LATE_S = 600.0
"""So long a record that is missing is asked for afterwards."""
FAULT = "sign_failed"


class Draft(NamedTuple):
    """What is about to begin: a transaction that begins otherwise needs another record."""

    plug: Plug
    id_tag: str
    meter_serial: str


class Known(NamedTuple):
    """What is known of the records of one connector."""

    draft: Draft | None = None
    draft_id: str = ""
    """Of the transaction that it will be."""
    begin: str = ""
    """Its record."""
    end_id: str = ""
    end: str = ""
    """The record that ends the transaction `end_id`."""
    owed_id: str = ""
    """Of a transaction that ended without its record, while one may still come."""
    trouble: str = ""
    """Why the meter has not signed, until it signs again."""


NOTHING = Known()


def refusal(signs: bool, known: Known) -> str:
    """Why nothing begins; empty = the meter has signed, or never does."""
    if not signs or known.begin:
        return ""
    return f"the meter does not sign: {known.trouble}" if known.trouble else "waiting for the meter's signature"


def with_record(sample: MeterSample | None, record: str, context: str, wall_s: float) -> MeterSample:
    """Beside what was sampled at the same time; before it, because what comes last is left out first."""
    value = SampledValue(value=record, context=context, format=FORMAT)
    if sample is None:
        return MeterSample(sampled_wall_s=wall_s, values=(value,))
    return MeterSample(sampled_wall_s=sample.sampled_wall_s, values=(value, *sample.values))
