"""The whole station on a board with a microcontroller, in virtual time: safety, driver, serial line, firmware.

Rows F76 to F78 of the fault table as they look from there. Every step of `safety` is held against the invariants.
"""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bus.topics import SAFETY_CONNECTOR, SAFETY_STATION
from hardware.mcu.board import McuSafetyBoard
from hardware.mcu.frame import FrameReader, encode
from hardware.mcu.messages import Kind
from hardware.sim.direct import DirectSafetyBoard
from hardware.sim.mcu import SimulatedMcu
from schemas.board import McuSection
from schemas.safety import Contactor, PilotState
from services.runner import Context, Service
from services.safety.journal import JournalFile
from services.safety.memory import Memory
from services.safety.station import SafetyService
from tests.board_rigs import fitted_for_mcu
from tests.virtual.charging_station import CARD
from tests.virtual.fault_bench import FaultBench
from tests.virtual.test_commissioning import look

pytestmark = pytest.mark.virtual

TURN_S = 0.005
LARGEST_QUEUE = 4096


class Wire:
    """A serial line: bytes under way, and what happens to them."""

    def __init__(self) -> None:
        self.to_mcu, self.to_host = bytearray(), bytearray()
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.cut = False

    def send(self, queue: bytearray, data: bytes) -> None:
        if not self.cut:
            queue += self.spoil(data)
            del queue[:-LARGEST_QUEUE]


class WirePort:
    """The driver's end. A cut line is one that is silent: the port itself is still there."""

    connections = 1
    trouble = ""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def fileno(self) -> int:
        return -1

    def read(self) -> bytes:
        data = bytes(self._wire.to_host)
        self._wire.to_host.clear()
        return data

    def write(self, data: bytes) -> bool:
        self._wire.send(self._wire.to_mcu, data)
        return True

    def close(self) -> None:
        """Nothing to let go of."""


class SerialStation(FaultBench):
    def __init__(self, path: Path, **settings: str) -> None:
        self.wire = Wire()
        self.mcu: SimulatedMcu | None = None
        self.turn_s = 0.0
        self.sent = 0
        super().__init__(path, **settings)

    def _build_safety(self, context: Context) -> Service:
        if self.mcu is None:
            self.reset_microcontroller()
        station = msgspec.structs.replace(context.station, mcu=McuSection(port="/dev/ttyTEST"))
        board = McuSafetyBoard(station, port=WirePort(self.wire), clock=self._boot_s)
        service = SafetyService(context.bus, station, board, JournalFile(context.home.data / "safety.json"))
        service.watch = self._see
        return service

    def reset_microcontroller(self, sequence: int = 0) -> None:
        """`sequence`: of its last frame before the first one."""
        boot_id = 1 if self.mcu is None else self.mcu.boot_id + 1
        pins = DirectSafetyBoard(self.site, self._boot_s)
        fitted = fitted_for_mcu(self.station)
        self.mcu = SimulatedMcu(pins, self._to_host, now_s=self._boot_s(), fitted=fitted, boot_id=boot_id)
        self.mcu.outgoing.sequence = sequence

    def safety_memory(self) -> Memory:
        """As the journal has it."""
        return JournalFile(self.home.data / "safety.json").load([1])[1]

    def _to_host(self, data: bytes) -> None:
        self.sent += 1
        self.wire.send(self.wire.to_host, data)

    def _next_event_s(self) -> float:
        return min(super()._next_event_s(), self.turn_s)

    def _advance_world(self, now_s: float) -> int:
        seen = super()._advance_world(now_s)
        if self.mcu is not None and now_s >= self.turn_s:
            self.turn_s = now_s + TURN_S
            data, self.wire.to_mcu = bytes(self.wire.to_mcu), bytearray()
            self.mcu.receive(data, now_s)
            self.mcu.turn(now_s)
        return seen + self.sent


@pytest.fixture
def charging(tmp_path: Path) -> SerialStation:
    station = SerialStation(tmp_path)
    station.charge()
    return station


def resumes(station: SerialStation, within_s: float) -> None:
    station.until(lambda: station.safety(1).contactor is Contactor.CLOSED, within_s)


def test_a_car_charges_and_ends_over_the_serial_line(charging: SerialStation) -> None:
    charging.until(lambda: charging.current_a(1) > 31.5, within_s=20.0)
    charging.expect_no_fault()
    charging.swipe(CARD)
    charging.until_ended()
    charging.advance(2.0)
    assert not charging.site.mirror(1)
    charging.expect_no_fault()


def test_f1_a_vehicle_that_opens_s2_is_without_power_within_100_ms(charging: SerialStation) -> None:
    charging.site.ev_pause(1)
    charging.expect_open(within_s=0.1)


@pytest.mark.parametrize("stall_s", [0.3, 3.0])
def test_f76_when_safety_stalls_the_microcontroller_opens_by_its_own_rule(
    charging: SerialStation, stall_s: float
) -> None:
    charging.settle()
    stalled_s = charging.clock.boot_s
    charging.freeze("safety", stall_s)
    contactor = charging.connector().contactor
    assert not contactor.coil
    assert 0.05 <= contactor.coil_off_s - stalled_s <= 0.150
    charging.advance(0.2)
    assert "loop_overrun" in charging.safety(1).faults
    resumes(charging, within_s=60.0)


def test_f76_a_killed_safety_process_comes_back_and_the_charge_resumes(charging: SerialStation) -> None:
    charging.kill("safety")
    charging.expect_open(within_s=0.2)
    charging.start("safety")
    resumes(charging, within_s=20.0)
    charging.expect_no_fault()


def test_f77_a_line_that_is_lost_opens_everything_and_is_told_and_charging_resumes(charging: SerialStation) -> None:
    charging.wire.cut = True
    charging.expect_open(within_s=0.2)
    charging.until(lambda: charging.site.state()["connectors"]["1"]["pilot_mode"] == "F", within_s=1.1)
    charging.expect_fault("board_trouble", within_s=1.5)
    charging.wire.cut = False
    charging.expect_cleared("board_trouble", within_s=5.0)
    resumes(charging, within_s=60.0)


def test_f77_damaged_lost_and_repeated_frames_invent_nothing(charging: SerialStation) -> None:
    chance = random.Random(5)

    def spoil(data: bytes) -> bytes:
        what = chance.random()
        if what < 0.03:
            return b""
        if what < 0.06:
            place = chance.randrange(len(data))
            return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
        return data + data if what < 0.1 else data

    charging.wire.spoil = spoil
    before = len(charging.bodies(SAFETY_CONNECTOR, "1"))
    charging.advance(15.0)
    said = charging.bodies(SAFETY_CONNECTOR, "1")[before:]
    assert {code for body in said for code in body.faults} <= {"pilot_unreadable", "board_trouble"}
    assert all(body.state is not PilotState.A for body in said), "nobody has unplugged"
    charging.wire.spoil = lambda data: data
    resumes(charging, within_s=60.0)
    charging.site.ev_pause(1)
    charging.expect_open(within_s=0.1)


def without(kind: Kind) -> Callable[[bytes], bytes]:
    """A line on which messages of this kind are lost."""
    return lambda data: b"" if any(frame.kind == kind for frame in FrameReader().take(data)) else data


def one_byte_longer(kind: Kind) -> Callable[[bytes], bytes]:
    """A firmware with a field too many."""

    def spoil(data: bytes) -> bytes:
        (frame,) = FrameReader().take(data)
        return encode(frame._replace(payload=frame.payload + b"\0")) if frame.kind == kind else data

    return spoil


def recovers_from_board_trouble(station: SerialStation, recoveries: int) -> None:
    """Power stops, it is told once, and the contactor closes again not before the hold-off after a fault."""
    begun_s, before = station.clock.boot_s, len(station.edges("board_trouble", "safety", 1))
    station.until(lambda: "board_trouble" in station.safety(1).faults, within_s=1.1)
    station.expect_open(within_s=0.1)
    resumes(station, within_s=60.0)
    assert station.clock.boot_s - begun_s >= 30.0
    told = [edge.raised for edge in station.edges("board_trouble", "safety", 1)[before:]]
    assert told == [True, False]
    station.advance(1.0)
    assert station.safety_memory().recoveries == recoveries


@pytest.mark.long
def test_f78_a_microcontroller_that_resets_while_charging_is_a_fault_each_time_and_the_fourth_stays(
    charging: SerialStation,
) -> None:
    for recoveries in (1, 2, 3):
        charging.reset_microcontroller()
        recovers_from_board_trouble(charging, recoveries)
    charging.reset_microcontroller()
    charging.advance(120.0)
    assert charging.safety(1).contactor is Contactor.OPEN
    assert "board_trouble" in charging.safety(1).faults


def test_f78_a_reset_that_is_told_before_any_silence_is_the_same_fault(charging: SerialStation) -> None:
    assert charging.mcu is not None
    charging.reset_microcontroller(charging.mcu.outgoing.sequence)
    recovers_from_board_trouble(charging, 1)


@pytest.mark.parametrize("gap_s", [0.08, 0.3])
def test_f77_a_short_silence_of_the_line_while_charging_is_a_fault(charging: SerialStation, gap_s: float) -> None:
    charging.wire.cut = True
    charging.advance(gap_s)
    charging.wire.cut = False
    recovers_from_board_trouble(charging, 1)


def test_a_microcontroller_that_obeys_somebody_else_while_charging_is_a_fault(charging: SerialStation) -> None:
    assert charging.mcu is not None
    charging.mcu.run_id += 1
    recovers_from_board_trouble(charging, 1)


def test_f79_a_coil_that_the_hardware_opens_is_a_fault_although_no_contact_tells_of_it(tmp_path: Path) -> None:
    station = SerialStation(tmp_path, connector="mirror_contact = false")
    station.charge()
    assert station.mcu is not None
    station.mcu.trip(1)
    recovers_from_board_trouble(station, 1)


def test_f79_a_coil_that_stays_on_is_a_fault_and_the_plug_stays_locked(tmp_path: Path) -> None:
    station = SerialStation(tmp_path, connector="mirror_contact = false")
    station.charge()
    assert station.mcu is not None
    station.mcu.short_driver(1, True)
    station.swipe(CARD)
    station.until(lambda: "board_trouble" in station.safety(1).faults, within_s=10.0)
    station.advance(30.0)
    assert station.parts().contactor.closed
    assert station.site.lock_feedback(1)
    assert "its coil is on although off is driven" in station.last(SAFETY_STATION).trouble
    station.mcu.short_driver(1, False)
    station.until(lambda: not station.site.lock_feedback(1), within_s=20.0)


@pytest.mark.parametrize("car", [False, True])
def test_without_status_the_board_is_in_trouble_and_nothing_is_believed_or_latched(tmp_path: Path, car: bool) -> None:
    station = SerialStation(tmp_path)
    if car:
        station.charge()
    else:
        station.advance(15.0)
    station.wire.spoil = without(Kind.STATUS)
    station.expect_fault("board_trouble", within_s=1.2)
    station.advance(3.0)
    assert "no STATUS" in station.last(SAFETY_STATION).trouble
    station.wire.spoil = lambda data: data
    station.until(lambda: station.safety(1).faults == (), within_s=15.0)
    if car:
        resumes(station, within_s=60.0)


@pytest.mark.parametrize("kind", [Kind.STATUS, Kind.CONNECTOR, Kind.STATION])
def test_messages_of_the_wrong_length_are_told_in_words(charging: SerialStation, kind: Kind) -> None:
    charging.wire.spoil = one_byte_longer(kind)
    charging.until(lambda: "board_trouble" in charging.safety(1).faults, within_s=2.0)
    charging.expect_open(within_s=0.2)
    charging.advance(0.5)
    shown = look(charging, 0)
    assert f"{kind.name} of the microcontroller cannot be used: it has " in shown["board"]
    assert not shown["frames from the microcontroller"].endswith(" 0 not understood")


def test_what_the_microcontroller_does_not_follow_is_a_fault(charging: SerialStation) -> None:
    assert charging.mcu is not None
    charging.mcu.stubborn = True
    charging.expect_open(within_s=0.2)
    charging.until(lambda: charging.safety(1).faults != (), within_s=1.0)
    charging.until(lambda: "board_trouble" in charging.safety(1).faults, within_s=2.0)
    charging.mcu.stubborn = False
    resumes(charging, within_s=90.0)
