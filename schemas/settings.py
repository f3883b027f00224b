"""What `settings` says: the value of every configuration key.

A key that each connector may have for itself has its value for connector 1, and for every connector without one of its
own, under `Name`, and that of connector 2 under `Name[2]`.
"""

from typing import Annotated, Protocol

from msgspec import Meta, Struct, field

from schemas.base import Message, Request
from schemas.units import BootSeconds, Count, Identifier, LongText, StationOrConnector, Word


def place(name: str, connector: int) -> str:
    """Where the value of a key for one connector stands: `Name`, or `Name[2]`."""
    return f"{name}[{connector}]" if connector > 1 else name


class Lookup(Protocol):
    """A mapping of texts."""

    def get(self, key: str, /) -> str | None: ...


def of_connector(values: Lookup, name: str, connector: int) -> str | None:
    """The value that holds for `connector` (from 1); None = the key has none at all."""
    own = values.get(f"{name}[{connector}]") if connector > 1 else None
    return values.get(name) if own is None else own


class ActionOrder(Message, frozen=True, kw_only=True):
    """The last accepted change of an action key: its owner acts on it once (`services/actions.py`)."""

    order_id: Identifier
    name: Word
    value: LongText
    connector: StationOrConnector = 0
    """From 1 for a key that each connector has for itself; 0 = the station as a whole."""
    ordered_s: BootSeconds = 0.0
    """Boot-clock time; 0 = in an earlier start of the station."""


class SettingsSnapshot(Message, frozen=True, kw_only=True):
    """`settings.values`: all values in OCPP spelling by key; retained, published again at every change."""

    revision: Count
    values: dict[str, str]
    pending_reboot: tuple[str, ...] = ()
    """Keys whose stored value takes effect at the next start of the station; `values` still has the present one."""
    actions: dict[str, ActionOrder] = field(default_factory=dict)
    """By place: the last order of each action key."""


class SecretValues(Message, frozen=True, kw_only=True):
    """`settings.secrets`: values that are never printed, recorded or told to the backend (passwords)."""

    values: dict[str, str]
    actions: dict[str, ActionOrder] = field(default_factory=dict)
    """Orders that carry one (checking a password)."""


class GetConfigurationRequest(Request, frozen=True, kw_only=True):
    """`settings.get_configuration`: GetConfiguration.req. Answer values: `configurationKey` and `unknownKey`, the JSON
    of these two lists as OCPP spells them; REJECTED for more keys than `GetConfigurationMaxKeys`."""

    keys: tuple[str, ...] = ()


class LiveValues(Message, frozen=True, kw_only=True):
    """`settings.live`: read-only keys that show the present state of another service, by place."""

    values: dict[str, str]


class ChangeSettingRequest(Request, frozen=True, kw_only=True):
    """`settings.change`. Answer: ACCEPTED, REBOOT_REQUIRED, REJECTED (with the reason), NOT_SUPPORTED (no such key)."""

    key: Word
    """In any case; `Name[2]` is that of connector 2."""
    value: LongText
    connector: int = 0
    """0 = as `key` says."""
    actor: str = ""
    """Who: "operator at the command line", "backend". Kept in the audit trail."""
    source: str = ""
    role: str = ""
    """Of who asks: user, operator, installer, manufacturer. Empty: operator over OCPP, else manufacturer."""
    confirmed: bool = False
    """What a safety relevant key asks to be confirmed is so."""


class Entry(Struct, frozen=True, kw_only=True):
    """One wish of a set."""

    key: Word
    value: LongText = ""
    connector: int = 0
    reset: bool = False
    """Back to the factory value; `value` does not count."""


MOST_ENTRIES = 1000


class ChangeSetRequest(Request, frozen=True, kw_only=True):
    """`settings.change_set`: all of it or nothing, judged as one set.

    Outcome as of `settings.change`. Answer values, JSON: `refused` list of {key, outcome, reason}, with `confirm` (what
    is to be confirmed) where only that is missing; `changed` list of places whose stored value is now another, `reboot`
    those of them that wait for the next start, `skipped` list of unknown names left out. With more than fits into an
    answer, `refused` is cut and `more_refused` counts the rest.
    """

    entries: Annotated[tuple[Entry, ...], Meta(max_length=MOST_ENTRIES)]
    """Together at most 64 KiB of keys and values."""
    check_only: bool = False
    """Judges and answers, and changes nothing."""
    skip_unknown: bool = False
    """Leaves out keys that there are not, instead of refusing the set."""
    actor: str = ""
    source: str = ""
    role: str = ""
    confirmed: bool = False
    """What the safety relevant keys of the set ask to be confirmed is so."""


class ExplainRequest(Request, frozen=True, kw_only=True):
    """`settings.explain`. Answer value `places`: JSON object by place of {default, factory, stored, in_force,
    at_next_start, rejected, readonly}; what does not exist is left out, and a secret says only whether it is set."""

    keys: tuple[Word, ...] = ()
    """Empty = all."""


class HistoryRequest(Request, frozen=True, kw_only=True):
    """`settings.history`: the audit trail, newest first. Answer values: `entries`, a JSON list of {number, wall_s, key,
    old, new, actor, source, role}; `more`, "true" when there are older ones."""

    key: Word = ""
    """Of this one only; empty = of all."""
    before: Count = 0
    """Only with a smaller number; 0 = from the newest."""
    most: Annotated[int, Meta(ge=1, le=100)] = 100
