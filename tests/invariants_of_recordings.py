"""The safety invariants as far as the bus shows them, for stations of real processes.

`BusWatch` listens to a station for its whole life; what it hears goes through `BusBook` one message at a time. The
numbers are those of `tests/invariants.py`, which sees every step; here only what is published is seen: some 10 ms late,
and not every state in between.
"""

from dataclasses import dataclass, field
from threading import Event, Thread

from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.ids import new_run_id
from bus.topics import SAFETY_CONNECTOR, SESSION_PERMISSION
from chargectl.bus_client import Wire
from chargectl.output import Failure
from schemas.faults import FAULTS, FaultClass
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import Permission
from services.clock import StationClock
from services.home import Home

STOPPING = (FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT)
BLOCKING = (FaultClass.PAUSE, *STOPPING)
ON = (Contactor.CLOSING, Contactor.CLOSED)
"""The coil is commanded on."""
OFFERING = (PilotState.B2, PilotState.C2, PilotState.D2)
WITH_POWER = (PilotState.C1, PilotState.C2, PilotState.D1, PilotState.D2)
APART_S = 5.0
LATE_S = 0.05
"""Between a step and the stamp of what it says."""
AMPERES = 0.06
"""One step of the duty cycle."""
MOST_WORDS = 20
LEASES_KEPT = 200


@dataclass
class BusBook:
    """Of one connector."""

    broken: list[str] = field(default_factory=list)
    heard: int = 0
    leases: dict[float, Permission] = field(default_factory=dict)
    """By their end: that is how `safety` names the one it obeys."""
    before: SafetyConnector | None = None
    on_s: float = -1e9
    """When the contactor was seen to be switched on last, in this process of `safety`."""
    changed_s: float = -1e9
    """When the offer changed last."""
    offered_s: float = -1e9
    """When something was offered last to the vehicle that is there."""

    def permit(self, lease: Permission) -> None:
        self.leases[lease.until_s] = lease
        while len(self.leases) > LEASES_KEPT:
            del self.leases[min(self.leases)]

    def see(self, said: SafetyConnector, sent_s: float) -> None:
        """In the order in which `safety` said it."""
        self.heard += 1
        if self.before is not None and self.before.run_id != said.run_id:
            self.before, self.on_s, self.changed_s, self.offered_s = None, -1e9, -1e9, -1e9
        for number, words in (*self._now(said), *self._since(said, sent_s)):
            if len(self.broken) < MOST_WORDS:
                self.broken.append(f"invariant {number} at {sent_s:.3f} s: {words}; {said}")
        self._after(said, sent_s)

    def _now(self, said: SafetyConnector) -> list[tuple[int, str]]:
        """What no single message may say."""
        classes = {FAULTS[code].fault_class for code in said.faults if code in FAULTS}
        is_on, offers = said.contactor in ON, said.offered_a > 0.0
        lease = self.leases.get(said.permission_until_s)
        found = [
            (1, "coil on in this state", is_on and said.state not in WITH_POWER),
            (4, "coil on with a fault that stops power", is_on and not classes.isdisjoint(STOPPING)),
            (4, "an offer with a fault", offers and not classes.isdisjoint(BLOCKING)),
            (9, "an offer in this state", offers and said.state not in OFFERING),
            (10, "more than rating or cable", said.offered_a > min(said.rated_a, said.cable_limit_a) + AMPERES),
            (11, "an offer without a lease", offers and said.permission_until_s == 0.0),
            (16, "unlocks, and the contacts are not open", said.lock is Lock.UNLOCKING and is_on),
            (17, "locks or unlocks with power on", said.state is PilotState.A and is_on),
        ]
        if lease is not None:
            found.append((10, f"more than the lease of {lease.limit_a} A", said.offered_a > lease.limit_a + AMPERES))
            found.append((32, "an offer without permission", offers and not lease.may_charge))
        return [(number, words) for number, words, wrong in found if wrong]

    def _since(self, said: SafetyConnector, sent_s: float) -> list[tuple[int, str]]:
        """What may not follow the message before, of the same process."""
        before = self.before
        if before is None:
            return []
        closes = said.contactor in ON and before.contactor not in ON
        rises = said.offered_a > before.offered_a > 0.0
        again = said.offered_a > 0.0 and before.offered_a == 0.0 and said.plug_count == before.plug_count
        fell = [
            name
            for name in ("contactor_cycles", "contactor_load_cycles", "plug_cycles", "plug_count")
            if getattr(said, name) < getattr(before, name)
        ]
        found = [
            (20, "closes again too soon", closes and sent_s - self.on_s < APART_S - LATE_S),
            (22, "the duty rises too soon", rises and sent_s - self.changed_s < APART_S - LATE_S),
            (22, "offers again too soon", again and sent_s - self.offered_s < APART_S - LATE_S),
            (21, f"a counter fell: {fell}", bool(fell)),
        ]
        return [(number, words) for number, words, wrong in found if wrong]

    def _after(self, said: SafetyConnector, sent_s: float) -> None:
        before = self.before
        if said.contactor in ON and (before is None or before.contactor not in ON):
            self.on_s = sent_s
        if before is None or said.offered_a != before.offered_a:
            self.changed_s = sent_s
        if not said.vehicle_connected:
            self.offered_s = -1e9
        elif said.offered_a > 0.0:
            self.offered_s = sent_s
        self.before = said


class BusWatch:
    """Listens in a thread of its own; the bus may come and go."""

    def __init__(self, home: Home) -> None:
        self.books: dict[str, BusBook] = {}
        self.trouble = "the watch of the bus has not come to its end"
        self._home = home
        self._ended = Event()
        self._thread = Thread(target=self._listen, name="bus-watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(10.0)

    def check(self) -> None:
        """Raises AssertionError with everything that was broken."""
        broken = [words for book in self.books.values() for words in book.broken]
        assert not broken, "\n".join(broken)
        assert not self.trouble, self.trouble

    def _listen(self) -> None:
        clock = StationClock()
        endpoint = Endpoint("test-watch", clock, run_id=new_run_id(), hears=(SAFETY_CONNECTOR, SESSION_PERMISSION))
        try:
            wire = Wire(self._home, endpoint)
        except Failure as error:
            self.trouble = f"nobody watched the bus: {error}"
            return
        try:
            while not self._ended.is_set():
                wire.turn(clock.now().boot_s + 0.2, lambda: bool(endpoint.inbox))
                while endpoint.inbox:
                    self.take(endpoint.inbox.popleft())
            self.trouble = ""
        finally:
            wire.close()

    def take(self, message: Received) -> None:
        book = self.books.setdefault(message.key, BusBook())
        if isinstance(message.body, Permission):
            book.permit(message.body)
        elif isinstance(message.body, SafetyConnector):
            book.see(message.body, message.sent_s)
