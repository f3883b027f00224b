"""The two ends of our own hop: `safety.connector` from an Endpoint on its BusSocket to a service under the real runner.

python -m chargectl.bench.our_hop send|receive COUNT        (CHARGE_HOME: a station's home)
"""

import os
import select
import sys
from collections.abc import Iterable
from pathlib import Path

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.ids import new_run_id
from bus.socket import BusSocket
from bus.topics import HEARTBEATS, SAFETY_CONNECTOR, SESSION_CONNECTOR
from chargectl.bench.slices import Pace, SliceCounter, say
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from services.clock import StationClock
from services.home import Home
from services.runner import Context, Plan, Source, run


def message(number: int, index: int) -> SafetyConnector:
    """As `safety` says it while a car charges; slice and index ride in two of its counters."""
    return SafetyConnector(
        connector=1,
        state=PilotState.C2,
        contactor=Contactor.CLOSED,
        lock=Lock.LOCKED,
        vehicle_connected=True,
        cable_plugged=True,
        vehicle_wants_power=True,
        plug_count=number,
        run_id="0123456789ab",
        offered_a=16.0,
        cable_limit_a=32.0,
        rated_a=32.0,
        contactor_cycles=index,
    )


def frame_bytes() -> int:
    """Length of our frame: the peers send as many bytes."""
    endpoint = Endpoint("safety", StationClock(), run_id=new_run_id())
    frames: list[bytes] = []

    class _Keep:
        def send_down(self, frame: bytes) -> None:
            frames.append(frame)

        def send_up(self, owner: str, frame: bytes) -> None:
            """Nothing is asked."""

    endpoint.attach(_Keep())
    endpoint.publish(SAFETY_CONNECTOR, message(1, 1), "1")
    return len(frames[0])


def send(home: Home, count: int) -> None:
    """Told "N" on standard input, publishes slice N at 1 kHz; takes in subscriptions in between."""
    home.make_directories()
    endpoint = Endpoint("safety", StationClock(), run_id=new_run_id(), hears=(SESSION_CONNECTOR,))
    wire = BusSocket(endpoint, home.socket_directory("bus"))
    # every service listens to these two: absent, they would cost the receiver reconnects that no station has
    others = [Endpoint(other, StationClock(), run_id=new_run_id()) for other in ("settings", "system")]
    present = [wire, *(BusSocket(other, home.socket_directory("bus")) for other in others)]
    poll = select.poll()
    for descriptor in (*wire.filenos(), 0):
        poll.register(descriptor, select.POLLIN)
    say(ready=True)
    while present:
        wire.drain()
        if not any(descriptor == 0 for descriptor, _ in poll.poll(100)):
            continue
        word = os.read(0, 64)
        if not word:
            return
        number = int(word)
        for index in Pace(count):
            wire.drain()
            endpoint.publish(SAFETY_CONNECTOR, message(number, index), "1")


class Listener:
    """A service that counts what it hears."""

    settings_revision = 0

    def __init__(self, count: int) -> None:
        self._counter = SliceCounter(count)

    def on_start(self, _now: Now) -> None:
        say(ready=True)

    def on_message(self, received: Received, now: Now) -> None:
        if not received.resent:
            body: SafetyConnector = received.body
            self._counter.take(body.plug_count, body.contactor_cycles, received.sent_s, now.boot_s)

    def on_time(self, _now: Now) -> float:
        return float("inf")

    def on_stop(self, _now: Now) -> None:
        """Nothing to put down."""

    def sources(self) -> Iterable[Source]:
        return ()


def receive(count: int) -> int:
    def build(_context: Context) -> Listener:
        return Listener(count)

    return run(Plan(owner="session", hears=(SAFETY_CONNECTOR, HEARTBEATS["safety"]), build=build))


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        sys.exit(receive(int(sys.argv[2])))
    send(Home(Path(os.environ["CHARGE_HOME"])), int(sys.argv[2]))
