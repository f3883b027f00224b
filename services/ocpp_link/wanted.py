"""Whom to dial, from the settings heard: the address, the identity, the passwords, and how strictly to check."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SETTINGS_SECRETS, SETTINGS_VALUES
from schemas.station import StationSection
from services.ocpp_link.connection import Target
from services.ocpp_link.keys import Keys, read
from services.ocpp_link.trust import Trust, words
from services.ocpp_link.url import BadAddress, connection_address, proxy_of

SECRETS_WAIT_S = 5.0
"""Without a word about passwords the first attempt waits so long, then goes without one."""
PASSWORD, PROXY_PASSWORD = "HTTPBasicAuthPassword", "WebsocketsProxyPassword"

_logger = logging.getLogger("ocpp_link")


class Wanted:
    """`about`: what the station file says of vendor, model and serial. `wrong_with`: why a text is no certificate."""

    def __init__(self, bus: Endpoint, about: StationSection, wrong_with: Callable[[str], str]) -> None:
        self._bus = bus
        self._wrong_with = wrong_with
        self._said: Trust | None = None
        self._about = about
        self._followed: tuple[object, object] = (None, None)
        self._begin_s = bus.clock.now().boot_s
        self.keys: Keys | None = None
        """None until the settings are known."""
        self.target: Target | None = None
        """None = no backend."""
        self.url = ""
        """For people."""
        self.bad = ""
        """What is wrong with the address; empty = nothing."""
        self.bad_authority = ""
        """What is wrong with `OcppUserCaCertificate`; empty = nothing."""

    def follow(self, now: Now) -> bool:
        """Whether there is something new (also the first time)."""
        snapshot, secrets = self._bus.latest(SETTINGS_VALUES).body, self._bus.latest(SETTINGS_SECRETS).body
        if snapshot is None or (secrets is None and now.boot_s < self._begin_s + SECRETS_WAIT_S):
            return False
        if snapshot is self._followed[0] and secrets is self._followed[1]:
            return False
        self._followed = (snapshot, secrets)
        self.keys = read(snapshot.values, self._about.serial, self._about.vendor, self._about.model)
        self._choose(self.keys, secrets.values if secrets is not None else {})
        self.bad_authority = self._wrong_with(self.keys.trust.user_authority)
        return True

    @property
    def watchdog_s(self) -> int:
        """0 = none; also while there is no address to dial."""
        return self.keys.watchdog_s if self.keys is not None and self.target is not None else 0

    def fingerprint(self) -> str:
        """Stands for address and content of BootNotification: another one, and the backend has to be told."""
        content = self.keys.content if self.keys is not None else ()
        return hashlib.sha256(json.dumps([self.url, content]).encode()).hexdigest()

    def due_s(self) -> float:
        """When passwords are not waited for any longer."""
        waits = self.keys is None and self._bus.latest(SETTINGS_VALUES).body is not None
        return self._begin_s + SECRETS_WAIT_S if waits else float("inf")

    def _choose(self, keys: Keys, secrets: Mapping[str, str]) -> None:
        self.target, self.url, self.bad = None, "", ""
        if not keys.wanted:
            return
        try:
            address = connection_address(keys.endpoint, keys.identity)
            proxy = proxy_of(keys.proxy, secrets.get(PROXY_PASSWORD, ""))
        except BadAddress as error:
            self.bad = str(error)
            return
        self.url = address.url
        self.target = Target(
            url=address.url,
            secure=address.secure,
            host=address.host,
            port=address.port,
            resource=address.resource,
            user=keys.identity,
            password=secrets.get(PASSWORD, ""),
            proxy=proxy,
            profile=keys.profile,
            trust=keys.trust,
        )
        if address.secure and keys.trust != self._said:
            self._said = keys.trust
            level = logging.WARNING if keys.trust.left_out or not keys.trust.only_secure else logging.INFO
            _logger.log(level, "%s", words(keys.trust))
