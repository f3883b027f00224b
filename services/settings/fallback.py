"""`ConnSettingsFallback`: goes back to the connection settings that worked when new ones do not reach the backend.

The station cannot be reached with them, so nobody could correct them from afar. Settings that led to a registration are
kept as good ones, together with the values they stand beside, in the same store: there is no other place that knows all
of them, and going back is a change like any other, in the audit trail.
"""

import json
import logging
import math
from collections.abc import Callable, Mapping
from enum import Enum

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import LINK_STATUS, SYSTEM_EVENT, SYSTEM_REBOOT
from schemas.base import Answer
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.settings import ChangeSetRequest, Entry
from schemas.system import BootReason, EventRequest, RebootRequest
from services.settings.desk import Desk
from services.settings.store import SettingsStore
from services.store_errors import StoreError

CONNECTION = (
    "ConnectionType", "OCPPBackendJSONURL", "ChargeBoxIdentity", "HTTPBasicAuthPassword", "WebsocketsProxyURL",
    "WebsocketsProxyPassword", "SSLModeClient", "OcppConStrictTls", "OcppUserCaCertificate",
)  # fmt: skip
"""What is kept and restored together."""
SWITCH = "ConnSettingsFallback"
PROVEN_S = 30.0
"""Settings are good when the station is registered and they have not changed for so long."""
PATIENCE_S = 300.0
"""New settings have so long after a start, and `FAILURES` attempts, before the old ones are restored."""
FAILURES = 3
AGAIN_S = 60.0
REQUEST_S = 10.0
KEPT_AS = "good_connection"
SOURCE = "ConnSettingsFallback"

Connection = Mapping[str, str]
_logger = logging.getLogger("settings")


class Does(Enum):
    NOTHING = "nothing"
    KEEP = "keep what is in force as good"
    RESTORE = "restore the good ones"
    REBOOT = "restart the station: the good ones wait for it"


def part(values: Mapping[str, str]) -> dict[str, str]:
    return {name: values[name] for name in CONNECTION if name in values}


def judge(
    *,
    switch: bool,
    in_force: Connection,
    later: Connection,
    good: Connection,
    link: LinkStatus | None,
    unchanged_s: float,
) -> Does:
    """`later`: at the next start. `good`: empty = none are known. `link`: None = not heard, or silent. `unchanged_s`:
    how long `in_force` has been so, counted from the start of this process at the earliest."""
    if link is None or link.state is LinkState.OFF:
        return Does.NOTHING
    if link.state is LinkState.ONLINE:
        return Does.KEEP if unchanged_s >= PROVEN_S and in_force != good else Does.NOTHING
    lost = link.state in (LinkState.WAITING, LinkState.CONNECTING) and link.failures >= FAILURES
    if not switch or not good or in_force == good or not lost or unchanged_s < PATIENCE_S:
        return Does.NOTHING
    return Does.REBOOT if later == good else Does.RESTORE


class Fallback:
    """`say`: publishes what is in force, after a change."""

    def __init__(self, bus: Endpoint, desk: Desk, store: SettingsStore, say: Callable[[Now], None]) -> None:
        self._bus, self._desk, self._store, self._say = bus, desk, store, say
        self._good = _read(store.kept(KEPT_AS))
        self._in_force = part(desk.values.in_force)
        self._since_s = bus.clock.now().boot_s
        self._next_s = 0.0
        self._refused = False

    def on_time(self, now: Now) -> float:
        """Returns when to come again at the latest (boot clock)."""
        in_force = part(self._desk.values.in_force)
        if in_force != self._in_force:
            self._in_force, self._since_s, self._refused = in_force, now.boot_s, False
        if now.boot_s < self._next_s:
            return self._next_s
        does = judge(
            switch=self._desk.values.in_force.get(SWITCH) == "true",
            in_force=in_force,
            later=part(self._desk.values.at_next_start),
            good=self._good,
            link=self._bus.latest(LINK_STATUS).fresh,
            unchanged_s=now.boot_s - self._since_s,
        )
        if does is Does.NOTHING or self._refused:
            return min(
                (s for s in (self._since_s + PROVEN_S, self._since_s + PATIENCE_S) if s > now.boot_s), default=math.inf
            )
        self._next_s = now.boot_s + AGAIN_S
        if does is Does.KEEP:
            self._keep(in_force)
        elif does is Does.RESTORE:
            self._restore(now)
        else:
            self._reboot(now)
        return self._next_s

    # inside

    def _keep(self, good: dict[str, str]) -> None:
        try:
            self._store.keep(KEPT_AS, json.dumps(good))
        except StoreError as error:
            _logger.warning("the good connection settings are not kept: %s", error)
            return
        self._good = good
        _logger.info("these connection settings lead to the backend: kept as good ones")

    def _restore(self, now: Now) -> None:
        later = self._desk.values.at_next_start
        changed = [name for name in CONNECTION if name in self._good and later.get(name) != self._good[name]]
        request = ChangeSetRequest(
            request_id=self._bus.new_id(),
            expires_s=now.boot_s + REQUEST_S,
            entries=tuple(Entry(key=name, value=self._good[name]) for name in changed),
            actor="station",
            source=SOURCE,
            role="manufacturer",
        )
        told = self._desk.decide(request, now).answered
        names = ", ".join(changed)
        if told.outcome not in (Answer.ACCEPTED, Answer.REBOOT_REQUIRED):
            self._refused = True
            self._tell(f"The connection settings that worked cannot be restored ({names}): {told.reason}", now)
            return
        self._tell(f"The backend cannot be reached: the connection settings that worked are restored ({names})", now)
        self._say(now)
        self._next_s = now.boot_s

    def _reboot(self, now: Now) -> None:
        self._bus.request(
            SYSTEM_REBOOT,
            RebootRequest(
                request_id=self._bus.new_id(),
                expires_s=now.boot_s + REQUEST_S,
                reason=BootReason.WATCHDOG,
                detail="the connection settings that worked were restored",
                unless_charging=True,
            ),
        )

    def _tell(self, text: str, now: Now) -> None:
        _logger.warning("%s", text)
        self._bus.request(
            SYSTEM_EVENT,
            EventRequest(
                request_id=self._bus.new_id(),
                expires_s=now.boot_s + REQUEST_S,
                code="connection_restored",
                text=text[:500],
            ),
        )


def _read(text: str) -> dict[str, str]:
    """What was kept; nothing of it counts when it is not what this version writes."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return {}
    return part(found)
