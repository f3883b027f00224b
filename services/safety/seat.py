"""One connector of the service: its board, its state, and what was said of it last."""

import math
from collections.abc import Mapping

import msgspec

from hardware.interfaces import ConnectorBoard, PilotLevels, PilotMode
from schemas.metering import MeterReading, Quality
from schemas.safety import Contactor, SafetyConnector
from schemas.session import Permission
from schemas.settings import ActionOrder
from schemas.system import Boot, BootReason
from services.safety.equipment import in_force
from services.safety.memory import Memory
from services.safety.mounted import Shared
from services.safety.orders import OrderBook
from services.safety.panel import calibration
from services.safety.panel.exercise import RESTING, Exercise, Verdict
from services.safety.settings import as_mounted, parsed, relevant
from services.safety.state import SAFE, BootSight, ConnectorState, Equipment, MeterSight, Outputs, Readings
from services.safety.timings import LEASE_LONGEST_S

NEVER_READ = Readings()


class Seat:
    def __init__(self, board: ConnectorBoard, equipment: Equipment, memory: Memory, now_s: float) -> None:
        self.board = board
        self.mounted = equipment
        settings = parsed(memory.settings)
        self.state = ConnectorState(in_force(equipment, settings), now_s, memory, settings)
        self.orders = OrderBook(equipment.connector, memory, now_s)
        self.permission: Permission | None = None
        self.meter: MeterSight | None = None
        self.boot: BootSight | None = None
        self.exercise: Exercise | None = None
        """A part is tried out: the rules rest."""
        self.verdict: Verdict | None = None
        """Of the exercise that has just ended."""
        self._uncorrected = False
        self.readings = NEVER_READ
        self.deadline_s = now_s
        self.outputs = SAFE
        self.coil_falls = False
        """Commanded off, and not yet known to be written to the board."""
        self.coil_off_s = 0.0
        self.said: SafetyConnector | None = None
        self.say_again_s = now_s
        self.saved = memory.copy()

    def hear_meter(self, meter: str, said: MeterReading) -> None:
        """What metering says of the primary meter of this connector."""
        if meter != f"connector.{self.state.equipment.connector}":
            return
        reading, answers = said.reading, said.quality is not Quality.SILENT
        if reading is None:
            self.meter = MeterSight(None, None, 0.0, answers)
        else:
            self.meter = MeterSight(
                reading.current_a,
                reading.voltage_v,
                reading.sampled_s,
                answers,
                reading.phase_order,
                reading.energy_import_wh,
            )

    def hear_permission(self, said: Permission, now_s: float) -> None:
        """A lease with an impossible end stays refused: it must not begin to count later, when nobody speaks."""
        impossible = said.until_s > now_s + LEASE_LONGEST_S
        self.permission = msgspec.structs.replace(said, until_s=math.inf) if impossible else said
        self.deadline_s = now_s

    def hear_boot(self, said: Boot, serial: str) -> None:
        """Why the station was started as a whole."""
        self.boot = BootSight(said.start_id, serial, said.reason is BootReason.POWER_LOSS)

    def apply(self, values: Mapping[str, str], actions: Mapping[str, ActionOrder], now_s: float) -> bool:
        """Settings and orders as heard; False = settings not now, or not all: the contactor is or may be closed."""
        state = self.state
        if self.orders.obey(state, actions, now_s):
            self.deadline_s = now_s
        heard = relevant(values, state.equipment.connector)
        texts = self._usable(heard)
        if texts == state.memory.settings:
            return texts == heard
        settings = parsed(texts, state.settings)
        state.obey(settings, in_force(self.mounted, settings))
        state.memory.settings = dict(texts)
        self.deadline_s = now_s
        return texts == heard

    def _usable(self, heard: Mapping[str, str]) -> Mapping[str, str]:
        """What may be in force now. Welded contacts never open, and under their lockout the coil cannot close: there
        only what is mounted waits, for service."""
        contactor, memory = self.state.contactor, self.state.memory
        if memory.lockout == "contactor_welded" and not contactor.coil:
            return as_mounted(heard, memory.settings)
        if contactor.coil or contactor.phase not in (Contactor.OPEN, Contactor.UNKNOWN):
            return memory.settings
        return heard

    def read(self, shared: Shared) -> Readings:
        board = self.board
        proximity, lock = board.proximity, board.lock
        return Readings(
            self._levels(),
            proximity.resistance() if proximity is not None else None,
            board.contactor.mirror(),
            lock.feedback() if lock is not None else None,
            residual=board.residual.status() if board.residual is not None else None,
            output_voltage=board.output_sense.voltages() if board.output_sense is not None else None,
            phase_relay=board.contactor.phase_relay(),
            release_energy=lock.release_energy() if lock is not None else None,
            inputs=shared.inputs,
            temperatures=shared.temperatures,
            fan=shared.fan,
            meter=self.meter,
            trouble=shared.trouble,
            boot=self.boot,
            outputs=shared.outputs,
            welded=shared.welded,
            neighbours=shared.neighbours,
        )

    def _levels(self) -> PilotLevels | None:
        levels, mode = self.board.pilot.levels(), self.state.settings.pilot_calibration
        return levels if self._uncorrected else calibration.corrected(levels, self.state.memory, mode)

    def begin_exercise(self, wanted: Exercise, uncorrected: bool, now_s: float) -> None:
        """`uncorrected`: it sees the pilot as measured."""
        self.exercise, self._uncorrected, self.deadline_s = wanted, uncorrected, now_s
        self.state.begin(now_s)
        self.state.pilot.waiting = RESTING

    def try_out(self, readings: Readings, now_s: float) -> Outputs:
        """One step of the exercise; when it ends, everything is proven anew."""
        assert self.exercise is not None
        turn = self.exercise.step(readings, self.permission, now_s)
        if turn.verdict is not None:
            self.exercise, self.verdict, self._uncorrected = None, turn.verdict, False
            self.state.begin(now_s)
        return turn.outputs

    def residual_version(self) -> str:
        return self.board.residual.version() if self.board.residual is not None else ""

    def drive(self, outputs: Outputs) -> None:
        self.coil_falls = not outputs.coil and (self.coil_falls or self.outputs.coil)
        self.outputs = outputs
        board = self.board
        board.contactor.command(outputs.coil)
        board.pilot.drive(outputs.mode, outputs.permille / 1000.0 if outputs.mode is PilotMode.PWM else 1.0)
        board.pilot.sample_every(outputs.sample_period_s)
        if board.lock is not None:
            board.lock.drive(outputs.lock)
        if board.residual is not None:
            board.residual.test(outputs.residual_test)
        if outputs.phases:
            board.contactor.select_phases(outputs.phases)
