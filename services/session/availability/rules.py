"""ChangeAvailability (OCPP 1.6 section 5.2): what is asked for, and when it comes true. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

STATION = 0
"""The connector number of the station as a whole."""


class Closed(NamedTuple):
    """Out of service, now or after a transaction. No entry = in service."""

    after: tuple[str, ...] = ()
    """Ids of the transactions that were running when it was asked for: it comes true when they are over."""


Closures = Mapping[int, Closed]
"""By connector, 0 = the station as a whole."""


class Change(NamedTuple):
    closures: dict[int, Closed]
    scheduled: bool


def changed(closures: Closures, connectors: Iterable[int], running: Mapping[int, str], operative: bool) -> Change:
    """`connectors`: all that are meant. `running`: transaction id by connector, of those that are not over.

    What is already as asked stays as it is, and so does its schedule. The station waits for all of its connectors.
    """
    result, scheduled = dict(closures), False
    for connector in connectors:
        if operative:
            result.pop(connector, None)
        elif connector not in result:
            after = tuple(running.values()) if connector == STATION else (running.get(connector, ""),)
            result[connector] = Closed(tuple(one for one in after if one))
        if not operative and set(result[connector].after) & set(running.values()):
            scheduled = True
    return Change(result, scheduled)


def is_out_of_service(closed: Closed | None, unfinished: Iterable[str]) -> bool:
    """`unfinished`: transactions that are not over, or whose vehicle is still there (section 4.9, F8)."""
    return closed is not None and not set(closed.after) & set(unfinished)
