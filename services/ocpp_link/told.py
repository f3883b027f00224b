"""What this service says about itself: `ocpp_link.status`, its faults, and what people must know."""

import logging

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import FAULTS, LINK_STATUS, SYSTEM_EVENT, SYSTEM_REBOOT
from schemas.base import ActiveFault, ActiveFaults
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.system import BootReason, EventRequest, RebootRequest
from services.ocpp_link.actions.rule import When
from services.ocpp_link.line import Line, Phase
from services.ocpp_link.registration import Registration, Stage

SAY_EVERY_S = 10.0
REQUEST_S = 5.0
TOPICS = (SYSTEM_EVENT, SYSTEM_REBOOT)
"""Every request this may lead to."""
REBOOT_AGAIN_S = 3600.0
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
        heartbeat_s: int,
        registered_wall_s: float,
    ) -> None:
        """At every change, and every 10 s. `bad`: what is wrong with the address, empty = nothing."""
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
        self._say_faults(now, line, bad)

    def due_s(self) -> float:
        return self._next_s

    def _say_faults(self, now: Now, line: Line, bad: str) -> None:
        present = {"backend_address_invalid": bad} if bad else {}
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
    """What people are told once, and the reboot that is the end of the back-off (the guide, 9.6)."""

    def __init__(self, bus: Endpoint) -> None:
        self._bus = bus
        self._ask_reboot_s = 0.0

    def event(self, text: str, now: Now) -> None:
        fields = When(self._bus.new_id(), now.boot_s + REQUEST_S)._asdict()
        self._bus.request(SYSTEM_EVENT, EventRequest(**fields, code="message_invalid", text=text[:500]))

    def exhausted(self, failures: int, now: Now) -> None:
        """The longest pause brought nothing either. Asked again after an hour, should it be refused."""
        if now.boot_s < self._ask_reboot_s:
            return
        self._ask_reboot_s = now.boot_s + REBOOT_AGAIN_S
        words = f"the backend could not be reached in {failures} attempts"
        _logger.error("%s: asking for a reboot", words)
        fields = When(self._bus.new_id(), now.boot_s + REQUEST_S)._asdict()
        self._bus.request(SYSTEM_REBOOT, RebootRequest(**fields, reason=BootReason.WATCHDOG, detail=words))
