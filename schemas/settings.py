"""What `settings` says: the value of every configuration key."""

from schemas.base import Message, Request
from schemas.units import Count, LongText, Word


class SettingsSnapshot(Message, frozen=True, kw_only=True):
    """`settings.values`: all values in OCPP spelling by key; retained, published again at every change."""

    revision: Count
    values: dict[str, str]
    pending_reboot: tuple[str, ...] = ()
    """Keys whose stored value takes effect at the next start of the station; `values` still has the present one."""


class SecretValues(Message, frozen=True, kw_only=True):
    """`settings.secrets`: values that are never printed, recorded or told to the backend (passwords)."""

    values: dict[str, str]


class GetConfigurationRequest(Request, frozen=True, kw_only=True):
    """`settings.get_configuration`: GetConfiguration.req. Answer values: `configurationKey` and `unknownKey`, the JSON
    of these two lists as OCPP spells them; REJECTED for more keys than `GetConfigurationMaxKeys`."""

    keys: tuple[str, ...] = ()


class LiveValues(Message, frozen=True, kw_only=True):
    """`settings.live`: read-only keys that show the present state of another service."""

    values: dict[str, str]


class ChangeSettingRequest(Request, frozen=True, kw_only=True):
    """`settings.change`. Answer: ACCEPTED, REBOOT_REQUIRED, REJECTED (with the reason), NOT_SUPPORTED (no such key)."""

    key: Word
    value: LongText
    connector: int = 0
    actor: str = ""
    """Who: "operator at the command line", "backend". Kept in the audit trail."""
    source: str = ""
