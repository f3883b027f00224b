"""What others ask of `system`: remember an event, set the clock, reboot. Effect, id and answer are one commit."""

from schemas.base import Answer, Answered, Request
from schemas.system import Event, EventRequest, RebootRequest, SetClockRequest
from services.store import StoreError
from services.system.clock import Offset, WrongTime, offset_for
from services.system.events import History, event, reboot_event
from services.system.reboot import Reboot, RebootRefused
from services.system.store import SystemStore

REMEMBER_S = 60.0


class Asked:
    def __init__(self, store: SystemStore, history: History, reboot: Reboot, offset: Offset) -> None:
        self._store = store
        self._history = history
        self._reboot = reboot
        self.offset = offset
        self.running = ""
        """What a reboot that can wait waits for, in words; empty = nothing."""

    def take(self, request: Request, boot_s: float, wall_s: float) -> tuple[Answer, str]:
        """Acts on a request that has not expired; returns outcome and reason."""
        try:
            match request:
                case EventRequest():
                    self._keep(request, event(wall_s, request.code, request.text, request.connector))
                case SetClockRequest():
                    self._set_clock(request, wall_s)
                case RebootRequest():
                    self._begin_reboot(request, boot_s, wall_s)
        except (WrongTime, RebootRefused) as refusal:
            return Answer.REJECTED, str(refusal)
        except StoreError as error:
            return Answer.REJECTED, f"{error}. Free space in the station's home, or make it writable, and repeat"
        return Answer.ACCEPTED, ""

    def _set_clock(self, request: SetClockRequest, wall_s: float) -> None:
        offset = offset_for(request.wall_s, wall_s, self.offset)
        words = f"Station time set, {request.wall_s - wall_s:+.3f} s"
        self._keep(request, event(request.wall_s, "clock_set", words), offset)
        self.offset = offset

    def _begin_reboot(self, request: RebootRequest, boot_s: float, wall_s: float) -> None:
        if request.unless_charging and self.running and self._reboot.pending is None:
            raise RebootRefused(f"it waits for {self.running}")
        self._reboot.prepare(request.reason, request.detail)
        try:
            self._keep(request, reboot_event(request, wall_s))
        except StoreError:
            self._reboot.cancel()
            raise
        self._reboot.begin(request.reason, boot_s)

    def _keep(self, request: Request, happened: Event, offset: Offset | None = None) -> None:
        answered = Answered(request_id=request.request_id, outcome=Answer.ACCEPTED)
        self._store.write(events=(happened,), offset=offset, answer=(answered, request.expires_s + REMEMBER_S))
        self._history.add((happened,), kept=True)
