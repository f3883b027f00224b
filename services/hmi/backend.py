"""`DisplayDisconnectAsError`: is the backend lost, as far as people in front of the station shall see it? Pure."""

import math

from schemas.ocpp_link import LinkState, LinkStatus

PATIENCE_S = 30.0
"""A connection that is back by then was never missed; a station that starts needs some time too."""
_LOST = frozenset({LinkState.WAITING, LinkState.CONNECTING})


class BackendWatch:
    def __init__(self) -> None:
        self._since_s: float | None = None

    def lost(self, link: LinkStatus | None, *, shown: bool, now_s: float) -> bool:
        """`link`: the latest word of `ocpp_link`, None = it is silent. `shown`: the key. Where the settings name no
        backend (state off) none is missed."""
        if link is not None and link.state not in _LOST:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        return shown and now_s >= (math.inf if self._since_s is None else self._since_s + PATIENCE_S)


def is_on(value: str | None) -> bool:
    """A boolean key in its canonical spelling; not known = off."""
    return value == "true"
