"""What `session` says: transactions, connector status, the current limit and why."""

from msgspec import Struct

from schemas.base import Message, Open, Request
from schemas.units import (
    Amperes,
    BootSeconds,
    ConnectorNumber,
    Count,
    Identifier,
    IdTag,
    LongText,
    PhaseCount,
    SampledText,
    StationOrConnector,
    WallSeconds,
    WattHours,
    Word,
)


class Permission(Message, frozen=True, kw_only=True):
    """`session.permission/N`, a lease to `safety`: one of the two keys of the contactor."""

    connector: ConnectorNumber
    may_charge: bool
    limit_a: Amperes
    """Below 6 A no current can be offered (IEC 61851-1): the vehicle is paused."""
    hold_cable: bool
    """Keep the plug locked. `safety` never unlocks before the contacts are proven open."""
    phases: PhaseCount = 0
    """1 or 3 where the station can switch; 0 = as it is."""
    transaction_id: str = ""
    """Of the transaction that this is for: `safety` keeps the largest residual currents of each."""
    release_cable: bool = False
    """UnlockConnector: the plug goes free although nobody has charged (it may be locked since it was plugged in)."""
    authorization_over: bool = False
    """Who charged here may do so no more; that charging is free ends with the key, or with somebody's card. To a
    domestic socket, which sees no plug, it is the unplug."""
    until_s: BootSeconds


class ConnectorStatus(Open):
    """OCPP 1.6 ChargePointStatus."""

    UNKNOWN = "Unknown"
    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class StopReason(Open):
    """OCPP 1.6 Reason of StopTransaction.req."""

    UNKNOWN = "Unknown"
    DEAUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"


class LimitSource(Open):
    """Who bounds the current. The words are what people are shown."""

    UNKNOWN = "unknown"
    HARDWARE = "hardware"
    INSTALLATION = "installation"
    OPERATOR = "operator"
    CABLE = "cable"
    LAST_IN_FORCE = "last in force"
    """After a restart of `session`, until every owner has been heard."""


class Limit(Struct, frozen=True, kw_only=True, gc=False):
    source: LimitSource
    limit_a: Amperes
    until_s: BootSeconds | None = None
    """Boot-clock end of the lease this limit comes from; None = a setting, which holds until changed."""


class SessionConnector(Message, frozen=True, kw_only=True):
    """`session.connector/N`: published at every change and at least every 10 s."""

    connector: ConnectorNumber
    status: ConnectorStatus
    error_code: str = "NoError"
    """OCPP 1.6 ChargePointErrorCode."""
    info: str = ""
    fault: Word = ""
    """Name in the catalogue of the fault that `error_code` and `info` tell; empty = none, or not known."""
    transaction_id: str = ""
    """Ours, 36 characters; empty without a transaction."""
    id_tag: str = ""
    started_wall_s: WallSeconds = 0.0
    meter_start_wh: int | None = None
    energy_wh: int | None = None
    """Register now minus register at the start; None while the register is unknown."""
    limit_a: Amperes = 0.0
    limit_source: LimitSource = LimitSource.UNKNOWN
    limits: tuple[Limit, ...] = ()
    """Every bound in force, smallest first."""
    backend_transaction_id: int | None = None
    """What the backend calls the transaction; None until it has answered."""
    operative: bool = True
    """False = out of service by ChangeAvailability."""
    authorized_until_s: BootSeconds = 0.0
    """Card first: boot-clock end of the time to plug in (`ConnectionTimeOut`); 0 = nobody is waiting."""
    card_rejected_until_s: BootSeconds = 0.0
    """Boot-clock time until which people are shown that a card was refused here; 0 = none was."""
    reason: str = ""
    """Why it does not charge, for a person; empty while it does."""
    waiting_facts: Count = 0
    """Billing facts in the stream to the message queue that it has not yet acknowledged."""
    phases: PhaseCount = 0
    """1 or 3, as the phase relay shows: what the vehicle is given; 0 = not proven, or not switched here."""
    phases_asked: PhaseCount = 0
    """What the lease asks for; it takes `safety` some 20 s. 0 = the relay stays as it is."""
    phases_wanted: PhaseCount = 0
    """1 or 3: by command, for this transaction; 0 = nobody wants a number."""
    phases_kept_until_s: BootSeconds = 0.0
    """Boot-clock time before which another change is refused; 0 = none."""


class StopTransactionRequest(Request, frozen=True, kw_only=True):
    """`session.stop_transaction`: by command. Answer values: `transaction_id`."""

    connector: int = 0
    """0: name the transaction instead."""
    transaction_id: str = ""
    reason: StopReason = StopReason.REMOTE


class StartTransactionRequest(Request, frozen=True, kw_only=True):
    """`session.start_transaction`: as if `id_tag` had been presented for this connector, by command."""

    connector: ConnectorNumber
    id_tag: IdTag


class SwitchPhasesRequest(Request, frozen=True, kw_only=True):
    """`session.switch_phases`: with how many phases the running transaction charges, until it ends.

    ACCEPTED once it is stored; the change takes some 20 s. REJECTED says why. Answer values: `transaction_id`, `phases`
    (what is asked for now), `changed` ("true": the relay is to move).
    """

    connector: ConnectorNumber
    phases: PhaseCount
    """1 or 3; 0 = nobody wants a number any more."""


class SampledValue(Struct, frozen=True, kw_only=True, gc=False):
    """OCPP 1.6 SampledValue, in its spelling; empty = left out."""

    value: SampledText
    """A decimal number as text; with the format SignedData a signed record."""
    context: Word = ""
    format: Word = ""
    measurand: Word = ""
    phase: Word = ""
    location: Word = ""
    unit: Word = ""


class MeterSample(Struct, frozen=True, kw_only=True, gc=False):
    """OCPP 1.6 MeterValue: what one meter showed at one time."""

    sampled_wall_s: WallSeconds
    values: tuple[SampledValue, ...]


class TransactionStarted(Struct, frozen=True, kw_only=True, gc=False, tag="transaction_started"):
    transaction_id: Identifier
    connector: ConnectorNumber
    id_tag: IdTag
    started_wall_s: WallSeconds
    meter_start_wh: WattHours
    meter_serial: str
    signed: bool = False
    """The meter signs: `EichrechtTransactionMessageAttempts` applies to the message."""


class TransactionStopped(Struct, frozen=True, kw_only=True, gc=False, tag="transaction_stopped"):
    transaction_id: Identifier
    connector: ConnectorNumber
    id_tag: str
    """Of the person who stopped it; empty if nobody did."""
    stopped_wall_s: WallSeconds
    meter_stop_wh: WattHours
    meter_stop_measured: bool
    """False: the register could not be read after the end, and this is the last value known to be good."""
    reason: StopReason
    samples: tuple[MeterSample, ...] = ()
    """transactionData: bounded, the first and the last always kept."""
    signed: bool = False
    """The meter signs: `EichrechtTransactionMessageAttempts` applies to the message."""
    end_unsigned: bool = False
    """The meter signs, and has not signed this end: the record may follow in a message of its own."""


class TransactionMeterValues(Struct, frozen=True, kw_only=True, gc=False, tag="transaction_meter_values"):
    transaction_id: Identifier
    connector: ConnectorNumber
    samples: tuple[MeterSample, ...]
    signed: bool = False
    """The meter signs: `EichrechtTransactionMessageAttempts` applies to the message."""
    backend_transaction_id: int | None = None
    """What the backend calls it, where that may be forgotten: its StopTransaction is past."""


class Fact(Message, frozen=True, kw_only=True):
    """`session.fact`: one numbered fact of the stream to `message_queue` (see `bus/streams.py`)."""

    stream_id: Identifier
    number: Count
    lowest_unacknowledged: Count
    body: TransactionStarted | TransactionMeterValues | TransactionStopped


class SessionStation(Message, frozen=True, kw_only=True):
    """`session.station`: connector 0 of OCPP, the station as a whole. Only Available, Unavailable and Faulted."""

    status: ConnectorStatus
    error_code: str = "NoError"
    info: str = ""
    fault: Word = ""
    """Name in the catalogue of the fault that `error_code` and `info` tell; empty = none, or not known."""


class RemoteStartRequest(Request, frozen=True, kw_only=True):
    """`session.remote_start`: RemoteStartTransaction.req. ACCEPTED after its commit, or REJECTED."""

    connector: StationOrConnector | None = None
    """None = not given: the station chooses. 0 is rejected."""
    id_tag: IdTag
    charging_profile: LongText = ""
    """JSON as received; used once SmartCharging is supported."""


class RemoteStopRequest(Request, frozen=True, kw_only=True):
    """`session.remote_stop`: RemoteStopTransaction.req."""

    backend_transaction_id: int


class ChangeAvailabilityRequest(Request, frozen=True, kw_only=True):
    """`session.change_availability`. ACCEPTED, SCHEDULED (after the transaction), REJECTED."""

    connector: StationOrConnector
    operative: bool


class UnlockConnectorRequest(Request, frozen=True, kw_only=True):
    """`session.unlock_connector`. ACCEPTED = unlocked; REJECTED = unlocking failed; NOT_SUPPORTED = no lock there."""

    connector: StationOrConnector


class ClearCacheRequest(Request, frozen=True, kw_only=True):
    """`session.clear_cache`: forgets the authorization cache. REJECTED when there is none."""


class TriggerMeterValuesRequest(Request, frozen=True, kw_only=True):
    """`session.trigger_meter_values`: MeterValues now, of one connector or (None) of all."""

    connector: StationOrConnector | None = None
