"""What `metering` says: readings with their quality and age."""

from msgspec import Struct

from schemas.base import Message, Open, Request
from schemas.units import (
    Amperes,
    BootSeconds,
    Count,
    Hertz,
    Identifier,
    PhaseOrder,
    PowerFactor,
    Volts,
    WallSeconds,
    WattHours,
    Watts,
    Word,
)


class Quality(Open):
    UNKNOWN = "unknown"
    GOOD = "good"
    SILENT = "silent"
    """The meter does not answer; the values are the last good ones, as old as `sampled_s` says."""
    IMPLAUSIBLE = "implausible"
    """It answers with something impossible (register backwards, a jump, not a number): the last good values."""
    FROZEN = "frozen"
    """It answers, but the register does not move although current flows."""
    EXCHANGED = "exchanged"
    """Another serial number than before: its register does not continue the old one."""


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """One sample of one meter. None = this meter does not measure it."""

    sampled_s: BootSeconds
    """When the meter was asked: the values are at least this young."""
    sampled_wall_s: WallSeconds
    energy_import_wh: WattHours | None = None
    power_w: Watts | None = None
    current_a: tuple[Amperes, Amperes, Amperes] | None = None
    voltage_v: tuple[Volts, Volts, Volts] | None = None
    power_factor: PowerFactor | None = None
    frequency_hz: Hertz | None = None
    phase_order: PhaseOrder | None = None


class MeterReading(Message, frozen=True, kw_only=True):
    """`metering.reading/NAME` (NAME is `connector.1` or `site`), once a second."""

    meter: str
    model: str
    serial: str
    quality: Quality
    reading: Reading | None
    """The last good sample; None before the first one since the start of this process."""
    detail: str = ""
    """For a person: what is wrong with it."""
    signs: bool = False
    """It makes signed records: without one nothing begins."""


class SignContext(Open):
    UNKNOWN = "unknown"
    BEGIN = "begin"
    """Before power is allowed."""
    END = "end"
    """After the contacts are proven open."""


class SignRequest(Request, frozen=True, kw_only=True):
    """`metering.sign`: the signed record of one end of a transaction.

    Answer values: `record`, the record's text as the meter gave it. Asked again for the same transaction and end, it is
    the same record. REJECTED says why there is none; NOT_SUPPORTED: this meter does not sign.
    """

    meter: Word
    transaction_id: Identifier
    context: SignContext
    id_tag: Word = ""
    """Whose transaction it is; empty = nobody's."""


class RingRequest(Request, frozen=True, kw_only=True):
    """`metering.ring_request`: samples of one meter, of the last 15 minutes. They come as `metering.ring_page`s."""

    meter: str
    from_s: BootSeconds
    to_s: BootSeconds


class RingPage(Message, frozen=True, kw_only=True):
    """`metering.ring_page/NAME`: at most 120 samples, oldest first."""

    meter: str
    request_id: str
    page: Count
    """Counts from 1 to `pages`."""
    pages: Count
    readings: tuple[Reading, ...]
    gaps: tuple[tuple[BootSeconds, BootSeconds], ...] = ()
    """Boot-clock intervals without a good sample: marked, never filled."""
