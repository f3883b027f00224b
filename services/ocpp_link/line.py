"""The life of the connection: dial, back off, keep alive, hang up. It knows no OCPP."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from services.ocpp_link.connection import Binary, Closed, Connection, Failed, Opened, Target, Text
from services.ocpp_link.keep_alive import KeepAlive, Verdict
from services.ocpp_link.reconnect import STABLE_S, Backoff

DIAL_GRACE_S = 2.0
"""A dialler that has not even failed by then hangs, in a name server for example."""

_logger = logging.getLogger("ocpp_link")


class Phase(Enum):
    OFF = "off"
    WAITING = "waiting"
    CONNECTING = "connecting"
    OPEN = "open"


@dataclass(frozen=True)
class Up:
    """A connection opened."""


@dataclass(frozen=True)
class Down:
    """The open connection is gone; `why` is for people."""

    why: str


Happening = Up | Down | Text | Binary


class Line:
    """`chance`: random numbers in 0..1 for the jitter."""

    def __init__(self, connection: Connection, chance: Callable[[], float]) -> None:
        self._connection = connection
        self._chance = chance
        self._backoff = Backoff()
        self._keep_alive = KeepAlive()
        self._target: Target | None = None
        self._timeout_s = 60.0
        self._uplink = True
        self._dial_end_s = math.inf
        self._proven_s: float | None = None
        self._happened: list[Happening] = []
        self.phase = Phase.OFF
        self.last_error = ""
        self.refused_status = 0
        """HTTP status of the last attempt, if the backend refused with one."""
        self.connections = 0
        self.active_s = 0.0
        """When there last was a TCP connection, none was wanted, or the backend had refused with words (boot clock)."""

    # what it is told

    def configure(self, target: Target | None, timeout_s: float, ping_s: float, now_s: float) -> None:
        """None = no backend. Another target than before is dialled at once."""
        self._timeout_s = timeout_s
        self._keep_alive.interval_s, self._keep_alive.timeout_s = ping_s, timeout_s
        if target == self._target:
            return
        self._target, self.active_s = target, now_s
        self._hang_up("the address changed")
        self._backoff.again(now_s)
        self.last_error, self.refused_status = "", 0
        self.phase = Phase.OFF if target is None else Phase.WAITING

    def set_uplink(self, up: bool, now_s: float) -> None:
        if up == self._uplink:
            return
        self._uplink = up
        _logger.info("the uplink is %s", "back" if up else "gone")
        if up:
            self._backoff.again(now_s)
        elif self.phase in (Phase.CONNECTING, Phase.OPEN):
            self.last_error = "the uplink is gone"
            self._hang_up(self.last_error)
            self.phase = Phase.WAITING

    def send(self, frame: str) -> None:
        self._connection.send(frame)

    def proven(self, now_s: float) -> None:
        """The backend answered a CALL: there is somebody at the other end who speaks OCPP."""
        if self._proven_s is None:
            self._proven_s = now_s

    def drop(self, why: str, now_s: float) -> None:
        """Hangs up and backs off, as after a failure: what is at the other end does not answer."""
        if self.phase is Phase.OPEN:
            self.last_error = why
            self._backoff.failed(now_s, self._timeout_s, self._chance())
            self._hang_up(why)
            self.phase = Phase.WAITING

    def close(self) -> None:
        """The service ends."""
        self._connection.close("the station's software ends")
        self.phase = Phase.OFF

    # what happens

    def on_time(self, now_s: float) -> Sequence[Happening]:
        if self.phase in (Phase.OFF, Phase.OPEN) or self.refused_status:
            self.active_s = now_s
        for event in self._connection.poll():
            self._take(event, now_s)
        self._dial_if_due(now_s)
        if self.phase is Phase.OPEN:
            self._keep_up(now_s)
        happened, self._happened = self._happened, []
        return happened

    def due_s(self) -> float:
        match self.phase:
            case Phase.OFF:
                return math.inf
            case Phase.WAITING:
                return self._backoff.due_s(uplink=self._uplink)
            case Phase.CONNECTING:
                return self._dial_end_s
            case Phase.OPEN:
                stable_s = self._proven_s + STABLE_S if self._proven_s is not None and self.failures else math.inf
                return min(self._keep_alive.due_s(), stable_s)

    @property
    def next_try_s(self) -> float:
        """0 = none planned."""
        due_s = self._backoff.due_s(uplink=self._uplink) if self.phase is Phase.WAITING else math.inf
        return due_s if math.isfinite(due_s) else 0.0

    @property
    def failures(self) -> int:
        return self._backoff.failures

    @property
    def exhausted(self) -> bool:
        """The longest pause brought nothing either: only a reboot is left (the guide, 9.6)."""
        return self._backoff.exhausted

    # inside

    def _take(self, event: object, now_s: float) -> None:
        match event:
            case Opened(subprotocol) if self.phase is Phase.CONNECTING:
                if not subprotocol:
                    _logger.warning("the backend names no subprotocol; taken for ocpp1.6")
                self.phase = Phase.OPEN
                self.connections += 1
                self.refused_status = 0
                self._proven_s = None
                self._keep_alive.opened(now_s)
                self._happened.append(Up())
            case Failed(reason, status) if self.phase is Phase.CONNECTING:
                self._fail(reason, status, now_s)
            case Closed(reason) if self.phase is Phase.OPEN:
                self._lose(reason, now_s)
            case Text() | Binary() if self.phase is Phase.OPEN:
                self._keep_alive.heard()
                self._happened.append(event)
            case _:
                self._keep_alive.heard()

    def _dial_if_due(self, now_s: float) -> None:
        if self.phase is Phase.CONNECTING and now_s >= self._dial_end_s:
            self._connection.close()
            self._fail(f"no connection within {self._timeout_s:g} s", 0, now_s)
        elif self.phase is Phase.WAITING and now_s >= self._backoff.due_s(uplink=self._uplink):
            assert self._target is not None
            self.phase = Phase.CONNECTING
            self._dial_end_s = now_s + self._timeout_s + DIAL_GRACE_S
            self._connection.open(self._target, self._timeout_s)

    def _keep_up(self, now_s: float) -> None:
        if self._proven_s is not None and now_s - self._proven_s >= STABLE_S:
            self._backoff.stable()
        verdict = self._keep_alive.judge(now_s)
        if verdict is Verdict.PING:
            self._connection.ping()
        elif verdict is Verdict.DEAD:
            self._connection.close()
            self._lose(f"no answer to a ping within {self._timeout_s:g} s", now_s)

    def _fail(self, reason: str, status: int, now_s: float) -> None:
        self.phase = Phase.WAITING
        self.last_error, self.refused_status = reason, status
        self._backoff.failed(now_s, self._timeout_s, self._chance())
        _logger.warning("no connection: %s; next try in %.0f s", reason, self._backoff.next_try_s - now_s)

    def _lose(self, reason: str, now_s: float) -> None:
        lasted_s = now_s - self._proven_s if self._proven_s is not None else 0.0
        self._backoff.lost(now_s, self._timeout_s, self._chance(), lasted_s)
        self.phase = Phase.WAITING
        self.last_error = reason
        _logger.warning("connection lost: %s; next try in %.0f s", reason, self._backoff.next_try_s - now_s)
        self._happened.append(Down(reason))

    def _hang_up(self, why: str) -> None:
        if self.phase in (Phase.CONNECTING, Phase.OPEN):
            self._connection.close(why)
        if self.phase is Phase.OPEN:
            _logger.warning("hung up: %s", why)
            self._happened.append(Down(why))
