"""One connector of the service: its board, its state, and what was said of it last."""

from hardware.interfaces import ConnectorBoard, PilotMode
from schemas.safety import SafetyConnector
from schemas.session import Permission
from schemas.station import ConnectorSection
from services.safety.memory import Memory
from services.safety.state import SAFE, ConnectorState, Equipment, Outputs, Readings

NEVER_READ = Readings()


class Seat:
    def __init__(self, board: ConnectorBoard, equipment: Equipment, memory: Memory, now_s: float) -> None:
        self.board = board
        self.state = ConnectorState(equipment, now_s, memory)
        self.state.hardware_limit_a = memory.hardware_limit_a
        self.permission: Permission | None = None
        self.readings = NEVER_READ
        self.deadline_s = now_s
        self.outputs = SAFE
        self.coil_falls = False
        """Commanded off, and not yet known to be written to the board."""
        self.coil_off_s = 0.0
        self.said: SafetyConnector | None = None
        self.say_again_s = now_s
        self.saved = memory.copy()

    def read(self) -> Readings:
        board = self.board
        proximity, lock = board.proximity, board.lock
        return Readings(
            board.pilot.levels(),
            proximity.resistance() if proximity is not None else None,
            board.contactor.mirror(),
            lock.feedback() if lock is not None else None,
        )

    def drive(self, outputs: Outputs) -> None:
        self.coil_falls = not outputs.coil and (self.coil_falls or self.outputs.coil)
        self.outputs = outputs
        board = self.board
        board.contactor.command(outputs.coil)
        board.pilot.drive(outputs.mode, outputs.permille / 1000.0 if outputs.mode is PilotMode.PWM else 1.0)
        board.pilot.sample_every(outputs.sample_period_s)
        if board.lock is not None:
            board.lock.drive(outputs.lock)


def equipment_of(number: int, section: ConnectorSection) -> Equipment:
    return Equipment(
        connector=number,
        socket=section.cable == "socket",
        has_lock=section.has_lock,
        mirror_contact=section.mirror_contact,
        max_current_a=float(section.max_current_a),
    )
