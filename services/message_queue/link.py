"""What is known of `ocpp_link`: whether it takes messages, and since when."""

import math

from bus.clock import Now
from bus.endpoint import Endpoint, Heard
from bus.topics import LINK_STATUS
from schemas.ocpp_link import LinkState, LinkStatus


class Link:
    def __init__(self, bus: Endpoint) -> None:
        self.online = False
        """Registered, and heard lately."""
        self.online_since_s = 0.0
        """Boot clock."""
        self.run_id = ""
        self.why_not = "ocpp_link has not been heard"
        """For people; empty while it is online."""
        self.registered_wall_s = 0.0
        """When the backend accepted the last BootNotification."""
        self._bus = bus

    def look(self, now: Now) -> bool:
        """Takes in what it says; True when it has just come online, or another process of it is."""
        latest = self._bus.latest(LINK_STATUS)
        status = latest.fresh
        online = status is not None and status.state is LinkState.ONLINE
        came = online and (not self.online or latest.sender_run != self.run_id)
        if came:
            self.online_since_s = now.boot_s
        if status is not None and status.registered_wall_s:
            self.registered_wall_s = status.registered_wall_s
        self.online, self.run_id = online, latest.sender_run
        self.why_not = "" if online else _words(latest.status, latest.body)
        return came

    def silent_s(self) -> float:
        """When it counts as silent, if it says nothing more (boot clock)."""
        latest = self._bus.latest(LINK_STATUS)
        if latest.status is not Heard.FRESH or LINK_STATUS.silence_s is None:
            return math.inf
        return latest.sent_s + LINK_STATUS.silence_s + 0.001


def _words(heard: Heard, status: LinkStatus | None) -> str:
    if status is None:
        return "ocpp_link has not been heard"
    if heard is not Heard.FRESH:
        return "ocpp_link is silent"
    if status.state is LinkState.OFF:
        return "no backend is configured"
    return f"not registered at the backend: {status.state}"
