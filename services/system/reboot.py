"""Ends and starts the whole station: first the reason is written down, then supervisord is asked to shut down.

`chargectl up` finds the reason, and starts supervisord again with a new start id.
"""

import math

from schemas.system import BootReason
from services.endings import Ending, read_ending, remove_ending, write_ending
from services.home import Home
from services.system.boots import Start
from services.system.patience import leaves_at_s
from services.system.supervisor import Supervisor
from services.system.supervisor_error import SupervisorError

LEAVE_AFTER_S = 0.25
"""Between the answer to a request and the shutdown: the answer shall reach its requester."""
AGAIN_AFTER_S = 30.0
"""Still here so long after the shutdown: ask once more."""
REASONS = (BootReason.SOFT_RESET, BootReason.HARD_RESET, BootReason.WATCHDOG)


class RebootRefused(Exception):
    """Nothing happens; the text says why."""


class Reboot:
    def __init__(self, home: Home, supervisor: Supervisor) -> None:
        self._home = home
        self._supervisor = supervisor
        self._leave_s = math.inf
        self._leaving = False
        self.pending: BootReason | None = None
        """What the station is about to reboot for: transactions end with it first."""
        self.waits_for = ""
        """What it waits for, in words; set by whoever looks at the connectors and the queue."""
        self._written = ""
        """Id of the announcement that stands there because of us."""

    def prepare(self, reason: BootReason, detail: str) -> None:
        """Writes the reason down. Raises RebootRefused."""
        if self._leaving:
            return
        if reason not in REASONS:
            raise RebootRefused(f"a reboot has one of these reasons: {', '.join(REASONS)}")
        try:
            self._supervisor.check()
            self._written = write_ending(self._home, reason, detail, again=True).ending_id
        except SupervisorError as error:
            raise RebootRefused(f"{error}. Is the station run by chargectl up?") from error
        except OSError as error:
            raise RebootRefused(
                f"cannot write the reason down ({error.strerror}), so the station would not start again. "
                "Free space in the station's home, or make it writable, and repeat"
            ) from error

    def cancel(self) -> None:
        """The request could not be kept."""
        if not self._leaving:
            self._remove(self._written)

    def begin(self, reason: BootReason, now_s: float) -> None:
        if not self._leaving:
            self._leave_s = now_s + LEAVE_AFTER_S
            self.pending = reason
        self._leaving = True

    def resume(self, ending: Ending | None, start: Start, now_s: float) -> None:
        """This service was restarted between writing the reason and the shutdown."""
        if ending is not None and ending.again and ending.ending_id != start.ending_id:
            self._written = ending.ending_id
            self.begin(ending.reason, now_s)

    def forget(self, start: Start) -> None:
        """The announcement that explains this start is kept elsewhere now."""
        self._remove(start.ending_id)

    def on_time(self, now_s: float) -> str:
        """Leaves when it is time; returns why that failed, in words, if it did."""
        if now_s < self.next_s():
            return ""
        try:
            self._supervisor.shutdown()
        except SupervisorError as error:
            self._leave_s = math.inf
            self._leaving = False
            self.pending = None
            self._remove(self._written)
            return str(error)
        self._leave_s = now_s + AGAIN_AFTER_S
        return ""

    def next_s(self) -> float:
        return self._leave_s if self.pending is None else leaves_at_s(self.pending, self._leave_s, self.waits_for)

    def _remove(self, ending_id: str) -> None:
        """Only this one: `chargectl up` may have announced another end meanwhile."""
        ending = read_ending(self._home) if ending_id else None
        if ending is not None and ending.ending_id == ending_id:
            remove_ending(self._home)
