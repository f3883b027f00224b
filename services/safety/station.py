"""The safety service: readings to the core, outputs to the board, states to the bus. It routes and decides nothing."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import METERING_READING, SESSION_PERMISSION, SETTINGS_VALUES, SYSTEM_BOOT
from hardware.interfaces import SafetyBoard
from schemas.safety import SafetyStation
from schemas.settings import ActionOrder
from schemas.station import Station
from services.safety import core
from services.safety.feed import Feeder
from services.safety.journal import JournalFile
from services.safety.mounted import equipment_of, shared_of
from services.safety.panel import outlet, outputs
from services.safety.panel.desk import Desk
from services.safety.panel.panel import Panel
from services.safety.panel.report import station_message
from services.safety.residual.rcd import neighbours
from services.safety.seat import Seat
from services.safety.state import Event
from services.safety.voice import Voice
from services.trouble_log import TroubleLog

HEARS = (SESSION_PERMISSION, SETTINGS_VALUES, METERING_READING, SYSTEM_BOOT)

Watch = Callable[[Seat, core.Result, float], None]

logger = logging.getLogger("safety")


class SafetyService:
    def __init__(self, bus: Endpoint, station: Station, board: SafetyBoard, journal: JournalFile) -> None:
        self.settings_revision = 0
        self._station = station
        self._board = board
        self._journal = journal
        self._memories = journal.load(list(station.connectors))
        self._seats: dict[int, Seat] = {}
        self._feeder = Feeder()
        self._values: Mapping[str, str] | None = None
        self._heard_revision = 0
        self._actions: Mapping[str, ActionOrder] = {}
        self._voice = Voice(bus)
        self._panel = Panel(board, station.equipment, partial(self._voice.notice, 0))
        self._trouble_log = TroubleLog(logger, "board")
        self._desk = Desk(bus, self._seats, self._panel)
        self.watch: Watch | None = None
        """Is shown every step, with its boot-clock time; it must not change what it sees."""

    def on_start(self, now: Now) -> None:
        for number, section in self._station.connectors.items():
            equipment = equipment_of(number, section, self._station.equipment)
            self._seats[number] = Seat(self._board.connectors[number], equipment, self._memories[number], now.boot_s)
        self._drive_safe(now)

    def on_message(self, message: Received, now: Now) -> None:
        if message.topic is SESSION_PERMISSION:
            seat = self._seats.get(message.body.connector)
            if seat is not None and message.key == str(message.body.connector):
                seat.hear_permission(message.body, now.boot_s)
        elif message.topic is SETTINGS_VALUES:
            self._heard_revision = message.body.revision
            self._values = message.body.values
            self._actions = message.body.actions
        elif message.topic is METERING_READING:
            for seat in self._seats.values():
                seat.hear_meter(message.key, message.body)
        elif message.topic is SYSTEM_BOOT:
            for seat in self._seats.values():
                seat.hear_boot(message.body, self._station.station.serial)
        else:
            self._desk.take(message, self._station_message(), now)

    def on_time(self, now: Now) -> float:
        self._board.receive()
        self._apply_settings(now)
        stepped = [seat for seat in self._seats.values() if self._step(seat, now)]
        if self._feeder.due(self._any_coil_on, now.boot_s):
            self._board.feed.feed(now.boot_s)
        self._panel.turn(self._desk.wishes(), self._desk.start_id, now.boot_s)
        self._board.flush()
        for seat in self._seats.values():
            if seat.coil_falls and self._board.flushed_s >= now.boot_s:
                seat.coil_falls, seat.coil_off_s = False, self._board.flushed_s
            if seat in stepped or now.boot_s >= seat.say_again_s:
                self._voice.connector(seat, now)
        self._remember()
        if stepped or not self._voice.has_told_faults:
            self._voice.faults(self._seats, self._journal.problem, now)
        said = self._station_message()
        self._voice.board(said, now)
        self._trouble_log.tell(said.trouble, now.boot_s)
        self._desk.turn(now)
        return self._next_s(now)

    def on_stop(self, now: Now) -> None:
        self._drive_safe(now)
        self._board.close()
        self._journal.close()

    def abandon(self) -> None:
        """Of a process that was killed, in a test: what it handed to the writer is written."""
        self._journal.close()

    def sources(self) -> Iterable[SafetyBoard]:
        return (self._board,)

    # one turn

    @property
    def _any_coil_on(self) -> bool:
        return any(seat.outputs.coil or seat.outputs.outlet for seat in self._seats.values())

    def _step(self, seat: Seat, now: Now) -> bool:
        number = seat.state.equipment.connector
        shared = shared_of(self._board, self._station.equipment.inputs, number)
        welded = outputs.welded(self._desk.wishes())
        others = neighbours(number, [each.state for each in self._seats.values()], now.boot_s)
        shared = shared._replace(outputs=dict(self._panel.driven), welded=welded, neighbours=others)
        readings = seat.read(shared)
        if readings == seat.readings and now.boot_s < seat.deadline_s:
            return False
        seat.readings = readings
        if seat.exercise is not None:
            seat.drive(seat.try_out(readings, now.boot_s))
            seat.deadline_s = now.boot_s + seat.outputs.sample_period_s
            return True
        step = outlet.step if seat.state.equipment.outlet else core.step
        result = step(seat.state, readings, seat.permission, now.boot_s)
        seat.deadline_s = result.next_deadline_s
        seat.drive(result.outputs)
        if self.watch is not None:
            self.watch(seat, result, now.boot_s)
        for event in result.events:
            self._note(seat, event, now)
        self._voice.notices(number, result.notices)
        return True

    def _note(self, seat: Seat, event: Event, now: Now) -> None:
        if event.name == "coil_on":
            seat.state.memory.last_close_wall_s = now.wall_s
        level = logging.WARNING if event.name in ("fault_raised", "restarted") else logging.INFO
        logger.log(level, "connector %d: %s %s", seat.state.equipment.connector, event.name, event.detail)

    def _station_message(self) -> SafetyStation:
        return station_message(self._board, self._station.equipment.inputs, self._panel.driven)

    def _drive_safe(self, now: Now) -> None:
        for seat in self._seats.values():
            seat.drive(core.safe_outputs(seat.state))
        self._panel.drive_safe(self._desk.wishes(), now.boot_s)
        self._board.flush()

    def _apply_settings(self, now: Now) -> None:
        """Never while a contactor is closed: that connector follows when it is open."""
        if self._values is None or self.settings_revision == self._heard_revision:
            return
        applied = [seat.apply(self._values, self._actions, now.boot_s) for seat in self._seats.values()]
        if all(applied):
            self.settings_revision = self._heard_revision

    def _remember(self) -> None:
        """After the outputs have gone out: a lockout is asserted first and written second."""
        changed = [seat for seat in self._seats.values() if seat.state.memory != seat.saved]
        if changed:
            self._journal.write({number: seat.state.memory for number, seat in self._seats.items()})
        for seat in changed:
            seat.saved = seat.state.memory.copy()

    def _next_s(self, now: Now) -> float:
        times = [min(seat.deadline_s, seat.say_again_s) for seat in self._seats.values()]
        times += [self._voice.station_s, self._panel.next_s, self._feeder.next_s(self._any_coil_on)]
        if self._board.fileno() < 0:
            # Nothing wakes us: a board in this process, or a link to be made again.
            times += [now.boot_s + seat.outputs.sample_period_s for seat in self._seats.values()]
        return min(times)
