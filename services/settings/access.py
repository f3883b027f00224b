"""Who may change what, and why not. Pure."""

from services.settings.names import Addressed
from services.settings.rules import no_such_connector
from services.settings.table.key import Access, Key, KeyType, Role
from services.settings.values import Values

OVER_OCPP = "ocpp"
"""`source` of a change that came from the backend."""
RANKS = {Role.USER.value: 1, Role.OPERATOR.value: 2, Role.INSTALLER.value: 3, Role.MANUFACTURER.value: 4}
BACKEND_ROLE = Role.OPERATOR.value


def role_of(role: str, source: str) -> str:
    """Of who asks. The bus belongs to the station's owner: who is on it and names no role is the manufacturer."""
    return role or (BACKEND_ROLE if source == OVER_OCPP else Role.MANUFACTURER.value)


def may_change(key: Key, role: str) -> bool:
    return RANKS.get(role, 0) >= RANKS.get(key.role.value, 99)


def refusal(values: Values, wanted: Addressed, role: str, source: str) -> str:
    """Why nobody, or not this one, may change this place; empty = he may."""
    key = wanted.key
    return (
        read_only(key, values)
        or _wrong_connector(wanted, values)
        or _set_already(wanted, values)
        or _not_over_ocpp(key, source)
        or _not_in_this_role(key, role)
    )


def read_only(key: Key, values: Values) -> str:
    """Why nobody changes it; empty = somebody may."""
    if key.live:
        return f"{key.name} shows the present state and cannot be set"
    if key.absent:
        return f"{key.name} cannot be changed: {key.absent}"
    if key.name in values.board.dictated:
        value, why = values.board.dictated[key.name]
        return f"{key.name} is {value} here and cannot be changed: {why}"
    if key.type is KeyType.READONLY:
        return f"{key.name} can only be read; its value comes from the station file"
    return ""


def _wrong_connector(wanted: Addressed, values: Values) -> str:
    connector, key = wanted.connector, wanted.key
    if connector and (not key.per_connector or connector > values.board.connectors or connector < 0):
        if key.per_connector:
            return no_such_connector(connector, values.board)
        return f"{key.name} holds for the whole station: leave the connector out"
    return ""


def _set_already(wanted: Addressed, values: Values) -> str:
    if wanted.key.once and values.at_next_start.get(wanted.place):
        return f"{wanted.place} is set already; it can be set once"
    return ""


def _not_over_ocpp(key: Key, source: str) -> str:
    if source == OVER_OCPP and key.access is Access.READ:
        return f"{key.name} can only be read over OCPP"
    return ""


def _not_in_this_role(key: Key, role: str) -> str:
    if may_change(key, role):
        return ""
    allowed = [name for name, rank in RANKS.items() if rank >= RANKS.get(key.role.value, 99)]
    who = f"the role {role}" if role in RANKS else f"{role[:20]!r}, which is no role here,"
    return f"{key.name} may be changed by {' or '.join(allowed)}, not by {who}: log in with a higher role"
