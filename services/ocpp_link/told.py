"""What this service says about itself: `ocpp_link.status`, its faults, and what people must know."""

import logging

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import FAULTS, LINK_STATUS, SYSTEM_EVENT, SYSTEM_REBOOT
from schemas.base import ActiveFault, ActiveFaults, Answer, Answered
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.system import BootReason, EventRequest, RebootRequest
from services.ocpp_link import watchdog
from services.ocpp_link.actions.rule import When
from services.ocpp_link.line import Line, Phase
from services.ocpp_link.registration import Registration, Stage

SAY_EVERY_S = 10.0
REQUEST_S = 5.0
TOPICS = (SYSTEM_EVENT, SYSTEM_REBOOT)
"""Every request this may lead to."""
REFUSALS = frozenset({401, 403, 404})
"""HTTP: a person has to correct identity, password or address."""

_logger = logging.getLogger("ocpp_link")
_STAGES = {
    Stage.UNREGISTERED: LinkState.REGISTERING,
    Stage.PENDING: LinkState.PENDING,
    Stage.REJECTED: LinkState.REJECTED,
    Stage.ACCEPTED: LinkState.ONLINE,
}
_PHASES = {Phase.OFF: LinkState.OFF, Phase.WAITING: LinkState.WAITING, Phase.CONNECTING: LinkState.CONNECTING}


class Told:
    def __init__(self, bus: Endpoint) -> None:
        self._bus = bus
        self._status: LinkStatus | None = None
        self._faults: tuple[tuple[str, str], ...] | None = None
        self._raised: dict[str, ActiveFault] = {}
        self._since_wall_s = 0.0
        self._next_s = 0.0

    def say(
        self,
        now: Now,
        *,
        line: Line,
        registration: Registration,
        url: str,
        bad: str,
        bad_authority: str,
        heartbeat_s: int,
        registered_wall_s: float,
    ) -> None:
        """At every change, and every 10 s. `bad`, `bad_authority`: what is wrong with the address, and with the
        certificate of a user's authority; empty = nothing."""
        state = _PHASES.get(line.phase) or _STAGES[registration.stage]
        waits_for_boot = state in (LinkState.PENDING, LinkState.REJECTED)
        if self._status is None or state is not self._status.state:
            self._since_wall_s = now.wall_s
        status = LinkStatus(
            state=state,
            url=url[:500],
            since_wall_s=self._since_wall_s,
            next_try_s=registration.next_boot_s if waits_for_boot else line.next_try_s,
            failures=line.failures,
            connections=line.connections,
            last_error=(bad or line.last_error)[:500],
            heartbeat_interval_s=heartbeat_s,
            registered_wall_s=registered_wall_s,
        )
        if status != self._status or now.boot_s >= self._next_s:
            self._status = status
            self._next_s = now.boot_s + SAY_EVERY_S
            self._bus.publish(LINK_STATUS, status)
        self._say_faults(now, line, bad, bad_authority)

    def due_s(self) -> float:
        return self._next_s

    def _say_faults(self, now: Now, line: Line, bad: str, bad_authority: str) -> None:
        present = {"backend_address_invalid": bad} if bad else {}
        if bad_authority:
            present["backend_authority_invalid"] = f"OcppUserCaCertificate is not used: {bad_authority}"[:200]
        if line.refused_status in REFUSALS:
            present["backend_refuses"] = line.last_error
        if self._faults == tuple(present.items()):
            return
        self._faults = tuple(present.items())
        self._raised = {
            code: ActiveFault(
                code=code,
                since_wall_s=self._raised[code].since_wall_s if code in self._raised else now.wall_s,
                detail=detail,
            )
            for code, detail in present.items()
        }
        self._bus.publish(FAULTS["ocpp_link"], ActiveFaults(faults=tuple(self._raised.values())))


class Alarms:
    """What people are told once, and the reboot that is the last resort (the guide, 9.6 and 9.7)."""

    def __init__(self, bus: Endpoint) -> None:
        self._bus = bus
        self._reboot = watchdog.Reboot()
        self._asked = ""
        self._refused = ""

    def event(self, text: str, now: Now) -> None:
        fields = When(self._bus.new_id(), now.boot_s + REQUEST_S)._asdict()
        self._bus.request(SYSTEM_EVENT, EventRequest(**fields, code="message_invalid", text=text[:500]))

    def watch(self, line: Line, watchdog_s: int, now: Now) -> float:
        """Asks for a reboot while there is a reason; returns when to look again (boot clock)."""
        silent_s = watchdog.due_s(line.active_s, watchdog_s)
        why = ""
        if now.boot_s >= silent_s:
            why = f"no connection to the backend for {watchdog_s} s"
        elif line.exhausted:
            why = f"the backend could not be reached in {line.failures} attempts"
        is_news = bool(why) and not self._reboot.why
        if is_news:
            self._refused = ""
            _logger.error("%s", watchdog.LINE if now.boot_s >= silent_s else f"{why}: asking for a reboot")
        if self._reboot.want(why, now.boot_s):
            self._ask(why, now)
        return self._reboot.due_s() if why else silent_s

    def heard(self, answered: Answered) -> None:
        if answered.request_id == self._asked and answered.outcome is not Answer.ACCEPTED:
            if answered.reason != self._refused:
                _logger.warning("no reboot yet: %s", answered.reason or answered.outcome)
            self._refused = answered.reason

    def _ask(self, why: str, now: Now) -> None:
        self._asked = self._bus.new_id()
        self._bus.request(
            SYSTEM_REBOOT,
            RebootRequest(
                request_id=self._asked,
                expires_s=now.boot_s + REQUEST_S,
                reason=BootReason.WATCHDOG,
                detail=why,
                unless_charging=self._reboot.unless_charging(now.boot_s),
            ),
        )
