"""The two CALLs that this service sends by itself: BootNotification and Heartbeat, and what their answers change."""

import json
import logging

import msgspec

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SETTINGS_CHANGE, SYSTEM_SET_CLOCK
from schemas.base import Answered
from schemas.ocpp_link import Outcome
from schemas.settings import ChangeSettingRequest
from schemas.system import SetClockRequest
from services.ocpp_link.backend_time import correction
from services.ocpp_link.endpoint import Ended, OcppEndpoint
from services.ocpp_link.heartbeat import Heartbeat, Interval
from services.ocpp_link.registration import BootContent, Registration

REQUEST_S = 5.0
TOPICS = (SETTINGS_CHANGE, SYSTEM_SET_CLOCK)
"""Every request this may lead to."""

_logger = logging.getLogger("ocpp_link")


class _Told(msgspec.Struct, gc=False):
    """BootNotification.conf and Heartbeat.conf, as far as they are used."""

    currentTime: str = ""
    status: str = ""
    interval: int = 0


class OwnCalls:
    def __init__(self, bus: Endpoint, endpoint: OcppEndpoint, registration: Registration) -> None:
        self._bus = bus
        self._endpoint = endpoint
        self._setting_clock = ""
        self.registered_wall_s = 0.0
        """Of the last BootNotification that was accepted; 0 = none since this process started."""
        self.registration = registration
        self.heartbeat = Heartbeat()
        self.interval = Interval()

    def trigger(self, action: str) -> None:
        """TriggerMessage for one of the two."""
        if action == "BootNotification":
            self.registration.trigger()
        else:
            self.heartbeat.triggered = True

    def connected(self, fingerprint: str, now: Now) -> None:
        self.registration.connected(fingerprint, now.boot_s)
        self.heartbeat.spoke(now.boot_s)

    def key_changed(self, heartbeat_s: int, *, forced: bool) -> None:
        self.heartbeat.forced = forced
        self.interval.key_changed(heartbeat_s)
        self.heartbeat.interval_s = self.interval.in_force_s()

    def due_s(self) -> float:
        """When one of them wants to be sent, the line being free."""
        boot_s = self.registration.boot_s()
        beats = self.registration.may_send or (self.heartbeat.triggered and self.registration.may_answer)
        return min(boot_s, self.heartbeat.due_s()) if beats else boot_s

    def next_frame(self, content: BootContent, now: Now, timeout_s: float) -> str | None:
        """The frame to send now. Nothing is in flight, and the line is free."""
        if now.boot_s < self.due_s():
            return None
        if now.boot_s >= self.registration.boot_s():
            self.registration.sent()
            return self._call("BootNotification", content.payload(), now, timeout_s)
        self.heartbeat.beat(now.boot_s)
        return self._call("Heartbeat", {}, now, timeout_s)

    def ended(self, ended: Ended, now: Now) -> None:
        """The CALL in flight was one of ours."""
        if ended.outcome is not Outcome.ANSWERED:
            if ended.action == "BootNotification" and ended.outcome is Outcome.ERROR:
                self.registration.failed(now.boot_s)
            _logger.warning("%s: %s %s %s", ended.action, ended.outcome, ended.error_code, ended.error_description)
            return
        told = msgspec.json.decode(ended.payload, type=_Told)
        self._correct_clock(told.currentTime, now.boot_s - ended.sent_s, now)
        if ended.action == "BootNotification":
            self._registered(told, now)

    def heard(self, answered: Answered) -> None:
        if answered.request_id == self._setting_clock:
            self._setting_clock = ""

    # inside

    def _call(self, action: str, payload: dict[str, str], now: Now, timeout_s: float) -> str:
        text = json.dumps(payload, separators=(",", ":"))
        return self._endpoint.call(self._bus.new_id(), action, text, now.boot_s, timeout_s)

    def _registered(self, told: _Told, now: Now) -> None:
        self.registration.answered(told.status, told.interval, now.boot_s)
        _logger.info("BootNotification: %s, interval %d s", told.status, told.interval)
        if not self.registration.may_send:
            return
        self.heartbeat.registered(now.boot_s)
        self.registered_wall_s = now.wall_s
        if self.interval.granted(told.interval):
            self._bus.request(
                SETTINGS_CHANGE,
                ChangeSettingRequest(
                    request_id=self._bus.new_id(),
                    expires_s=now.boot_s + REQUEST_S,
                    key="HeartbeatInterval",
                    value=str(told.interval),
                    actor="backend",
                    source="BootNotification",
                ),
            )
        self.heartbeat.interval_s = self.interval.in_force_s()

    def _correct_clock(self, current_time: str, round_trip_s: float, now: Now) -> None:
        wall_s = correction(current_time, now.wall_s, round_trip_s)
        if wall_s is None or self._setting_clock:
            return
        self._setting_clock = self._bus.new_id()
        self._bus.request(
            SYSTEM_SET_CLOCK,
            SetClockRequest(request_id=self._setting_clock, expires_s=now.boot_s + REQUEST_S, wall_s=wall_s),
        )
