"""The safety service: readings to the core, outputs to the board, states to the bus. It routes and decides nothing."""

import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import FAULTS, SAFETY_CONNECTOR, SESSION_PERMISSION, SETTINGS_VALUES
from hardware.interfaces import PilotMode, SafetyBoard
from schemas.base import ActiveFault, ActiveFaults
from schemas.safety import SafetyConnector
from schemas.station import Station
from services.safety import core
from services.safety.feed import Feeder
from services.safety.journal import JournalFile
from services.safety.seat import Seat, equipment_of, shared_of
from services.safety.state import SAFE, Event
from services.safety.status import connector_message

HEARS = (SESSION_PERMISSION, SETTINGS_VALUES)
PUBLISH_S = 1.0

logger = logging.getLogger("safety")


class FaultKey(NamedTuple):
    connector: int
    code: str


class SafetyService:
    def __init__(self, bus: Endpoint, station: Station, board: SafetyBoard, journal: JournalFile) -> None:
        self.settings_revision = 0
        self._bus = bus
        self._station = station
        self._board = board
        self._journal = journal
        self._memories = journal.load(list(station.connectors))
        self._seats: dict[int, Seat] = {}
        self._feeder = Feeder()
        self._values: Mapping[str, str] | None = None
        self._heard_revision = 0
        self._faults: dict[FaultKey, float] | None = None

    def on_start(self, now: Now) -> None:
        for number, section in self._station.connectors.items():
            equipment = equipment_of(number, section, self._station.equipment)
            self._seats[number] = Seat(self._board.connectors[number], equipment, self._memories[number], now.boot_s)
        self._drive_safe()

    def on_message(self, message: Received, now: Now) -> None:
        if message.topic is SESSION_PERMISSION:
            seat = self._seats.get(message.body.connector)
            if seat is not None and message.key == str(message.body.connector):
                seat.permission, seat.deadline_s = message.body, now.boot_s
        elif message.topic is SETTINGS_VALUES:
            self._heard_revision = message.body.revision
            self._values = message.body.values

    def on_time(self, now: Now) -> float:
        self._board.receive()
        self._apply_settings(now)
        stepped = [seat for seat in self._seats.values() if self._step(seat, now)]
        if self._feeder.due(any(seat.outputs.coil for seat in self._seats.values()), now.boot_s):
            self._board.feed.feed(now.boot_s)
        self._board.flush()
        for seat in self._seats.values():
            if seat.coil_falls and self._board.flushed_s >= now.boot_s:
                seat.coil_falls, seat.coil_off_s = False, self._board.flushed_s
            if seat in stepped or now.boot_s >= seat.say_again_s:
                self._say(seat, now)
        self._remember()
        if stepped or self._faults is None:
            self._say_faults(now)
        return self._next_s(now)

    def on_stop(self, now: Now) -> None:  # noqa: ARG002
        self._drive_safe()
        self._journal.close()

    def abandon(self) -> None:
        """Of a process that was killed, in a test: what it handed to the writer is written."""
        self._journal.close()

    def sources(self) -> Iterable[SafetyBoard]:
        return (self._board,)

    # one turn

    def _step(self, seat: Seat, now: Now) -> bool:
        number = seat.state.equipment.connector
        readings = seat.read(shared_of(self._board, self._station.equipment.inputs, number))
        if readings == seat.readings and now.boot_s < seat.deadline_s:
            return False
        seat.readings = readings
        result = core.step(seat.state, readings, seat.permission, now.boot_s)
        seat.deadline_s = result.next_deadline_s
        seat.drive(result.outputs)
        for event in result.events:
            self._note(seat, event, now)
        return True

    def _note(self, seat: Seat, event: Event, now: Now) -> None:
        if event.name == "coil_on":
            seat.state.memory.last_close_wall_s = now.wall_s
        level = logging.WARNING if event.name in ("fault_raised", "restarted") else logging.INFO
        logger.log(level, "connector %d: %s %s", seat.state.equipment.connector, event.name, event.detail)

    def _drive_safe(self) -> None:
        for seat in self._seats.values():
            seat.drive(SAFE._replace(mode=PilotMode.F) if seat.state.memory.lockout else SAFE)
        self._board.flush()

    def _apply_settings(self, now: Now) -> None:
        """Never while a contactor is closed: that connector follows when it is open."""
        if self._values is None or self.settings_revision == self._heard_revision:
            return
        applied = [seat.apply(self._values, now.boot_s) for seat in self._seats.values()]
        if all(applied):
            self.settings_revision = self._heard_revision

    def _say(self, seat: Seat, now: Now) -> None:
        lease = core.grant_of(seat.state, seat.permission, now.boot_s)
        said = connector_message(seat.state, lease, self._bus.run_id, seat.coil_off_s)
        if now.boot_s >= seat.say_again_s or _without_times(said) != seat.said:
            seat.said, seat.say_again_s = _without_times(said), now.boot_s + PUBLISH_S
            self._bus.publish(SAFETY_CONNECTOR, said, key=str(said.connector))

    def _say_faults(self, now: Now) -> None:
        before = self._faults or {}
        active = [FaultKey(number, code) for number, seat in self._seats.items() for code in seat.state.faults.active]
        if self._journal.problem:
            active.append(FaultKey(0, self._journal.problem))
        faults = {key: before.get(key, now.wall_s) for key in active}
        if self._faults is None or faults.keys() != before.keys():
            self._faults = faults
            rows = (ActiveFault(code=key.code, connector=key.connector, since_wall_s=at) for key, at in faults.items())
            self._bus.publish(FAULTS["safety"], ActiveFaults(faults=tuple(rows)))

    def _remember(self) -> None:
        """After the outputs have gone out: a lockout is asserted first and written second."""
        changed = [seat for seat in self._seats.values() if seat.state.memory != seat.saved]
        if changed:
            self._journal.write({number: seat.state.memory for number, seat in self._seats.items()})
        for seat in changed:
            seat.saved = seat.state.memory.copy()

    def _next_s(self, now: Now) -> float:
        times = [min(seat.deadline_s, seat.say_again_s) for seat in self._seats.values()]
        if self._board.fileno() < 0:
            # Nothing wakes us: a board in this process, or a link to be made again.
            times += [now.boot_s + seat.outputs.sample_period_s for seat in self._seats.values()]
        return min(times)


def _without_times(said: SafetyConnector) -> SafetyConnector:
    """What makes a change worth telling at once; the times in it are told once a second."""
    return msgspec.structs.replace(said, retry_after_s=0.0, permission_until_s=0.0)
