"""What is known about one configuration key. Everything that shows, checks or changes keys derives from this."""

from enum import Enum

from msgspec import Struct


class KeyType(str, Enum):
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    ENUM = "enum"
    LIST = "list"
    """Items separated by commas."""
    READONLY = "readonly"
    """Nobody sets it; `value_type` says what it looks like."""
    ACTION = "action"
    """Writing it does something once and keeps nothing; it reads as empty. `value_type` says what is written."""


class Scope(str, Enum):
    """Which controller of a master and slave pair a key belongs to (the guide's first column)."""

    MASTER = "Master"
    BOTH = "Both"
    INDIVIDUAL = "Individual"
    NOT_RELEVANT = "Not relevant"


class Access(str, Enum):
    """Over OCPP."""

    READ = "R"
    READ_WRITE = "RW"
    WRITE = "W"
    """Never given out (passwords)."""


class Role(str, Enum):
    """The lowest role that may change a key; the backend is the operator."""

    NOBODY = "nobody"
    USER = "user"
    OPERATOR = "operator"
    INSTALLER = "installer"
    MANUFACTURER = "manufacturer"


LONGEST_VALUE = 500
"""OCPP 1.6 ConfigurationKeyType.value: CiString500."""


class Key(Struct, frozen=True, kw_only=True):
    name: str
    """OCPP name, the spelling of the guide; compared without regard to case."""
    type: KeyType
    value_type: KeyType | None = None
    """Of a read-only key or an action."""
    values: tuple[str, ...] = ()
    """Enum: the names in the order of their index, from 0. List: the spelling that known items are kept in."""
    item_pattern: str = ""
    """List, string: regular expression that each item, or the text, matches as a whole."""
    item_words: str = ""
    """The same for people."""
    min: float | None = None
    max: float | None = None
    unit: str = ""
    longest: int = LONGEST_VALUE
    """Characters."""
    multiline: bool = False
    """Line breaks are part of the text (certificates)."""
    default: str = ""
    """In canonical spelling; a factory value in the station file wins over it."""
    default_from: str = ""
    """Name of the key whose value is the default of this one."""
    scope: Scope
    needs_reboot: bool = False
    standard: bool = False
    """Defined by OCPP 1.6."""
    access: Access = Access.READ_WRITE
    role: Role = Role.OPERATOR
    label: str = ""
    help: str
    group: str
    """Heading in the user interface."""
    expert: bool = False
    warning: str = ""
    """What a risky value does, in one or two sentences; shown before a change."""
    confirm: str = ""
    """What whoever changes it has to confirm: a wrong value endangers people. Only keys that OCPP may read at most."""
    advice: str = ""
    """What the guide (section 9) or experience recommends."""
    absent: str = ""
    """Why this product does nothing with it: the key is known, and read-only for everyone."""
    per_connector: bool = False
    """Each connector may have its own value: `Name[2]` is that of connector 2, and where it was never set `Name` holds.
    Only keys of scope Individual."""
    secret: bool = False
    """Its value never stands in a log, the audit trail, the snapshot or a bundle."""
    once: bool = False
    """It can be set while it is empty, and never changed afterwards."""
    live: bool = False
    """Shows the present state of another service (`settings.live`)."""
    consumers: tuple[str, ...] = ()
    """Services that act on it. Empty: stored and validated, and listed as not yet effective."""
    ours: tuple[str, ...] = ()
    """Fields that neither the guide nor another public source gives: our decision."""
