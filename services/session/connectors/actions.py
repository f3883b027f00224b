"""The durable steps of one connector, as values. Pure."""

from typing import NamedTuple

from schemas.session import MeterSample, TransactionMeterValues
from services.session.authorization.flow import Pending
from services.session.transactions.record import Plug, Transaction
from services.session.transactions.rules import End


class Begin(NamedTuple):
    """Its id is made by whoever performs it."""

    transaction: Transaction
    used: Pending | None = None
    """The authorization that it uses up; None = free charging."""
    sample: MeterSample | None = None
    """For the end of the transaction, as in Measure."""


class Measure(NamedTuple):
    """A sample is due."""

    transaction: Transaction
    body: TransactionMeterValues | None
    """For a message of its own."""
    sample: MeterSample | None
    """For the end of the transaction."""


class Keep(NamedTuple):
    """Store it as it is now: sign of life, resumption, another vehicle, departure."""

    transaction: Transaction


class Decide(NamedTuple):
    transaction: Transaction


class Close(NamedTuple):
    transaction: Transaction
    end: End
    sample: MeterSample | None = None
    """The last one."""


class Deliver(NamedTuple):
    """The record of an end that was billed without it."""

    transaction_id: str
    body: TransactionMeterValues


class Bind(NamedTuple):
    pending: Pending
    plug: Plug


class Drop(NamedTuple):
    """The vehicle of this authorization has left."""

    pending: Pending


class Forget(NamedTuple):
    """The ended transaction matters no more here."""


Action = Begin | Keep | Measure | Decide | Close | Deliver | Bind | Drop | Forget
