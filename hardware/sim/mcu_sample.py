"""What the simulated microcontroller tells of itself and of its pins."""

import math
from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple

from hardware.interfaces import ConnectorBoard, SafetyBoard
from hardware.mcu import messages
from hardware.mcu.messages import (
    Ability,
    ConnectorReading,
    DriveConnector,
    Identity,
    IdentityConnector,
    StationConnector,
    StationReading,
    Switch,
    Valid,
)
from hardware.outlet import OUTPUT

OLDEST_SAMPLE_S = 10.0

CounterOf = Callable[[float], int]
"""The microcontroller's counter at a moment of boot time."""


class Fitted(NamedTuple):
    """What a connector has beyond what its board shows."""

    mirror: bool = True
    phase_relay: bool = False
    lock_feedback: bool = True
    release_energy: bool = False
    outlet: bool = False
    """It is no connector of the link: a domestic socket on the output `auxiliary`."""


def abilities(board: ConnectorBoard, fitted: Fitted) -> int:
    """Bits of IDENTITY."""
    has = {
        Ability.PROXIMITY: board.proximity is not None,
        Ability.MIRROR: fitted.mirror,
        Ability.LOCK: board.lock is not None,
        Ability.LOCK_FEEDBACK: board.lock is not None and fitted.lock_feedback,
        Ability.RELEASE_ENERGY: board.lock is not None and fitted.release_energy,
        Ability.RESIDUAL: board.residual is not None,
        Ability.OUTPUT_SENSE: board.output_sense is not None,
        Ability.PHASE_RELAY: fitted.phase_relay,
    }
    return sum(ability for ability, is_there in has.items() if is_there)


def identity(
    board: SafetyBoard, fitted: Mapping[int, Fitted], run_id: int, boot_id: int, self_test: int
) -> tuple[Identity, tuple[IdentityConnector, ...]]:
    parts = []
    for number in fitted:
        each, suffix = board.connectors[number], "" if number == 1 else f".{number}"
        version = "" if each.residual is None else each.residual.version()
        inputs = _mask(messages.CONNECTOR_INPUTS, board.inputs, suffix)
        sensors = _mask(messages.CONNECTOR_TEMPERATURES, board.temperatures, suffix)
        parts.append(
            IdentityConnector(abilities(each, fitted[number]), inputs, sensors, version.encode("ascii", "replace")[:8])
        )
    masks = (
        _mask(messages.STATION_INPUTS, board.inputs),
        _mask(messages.OUTPUTS, board.outputs) | (messages.OUTLET if OUTPUT in board.outputs else 0),
        _mask(messages.STATION_TEMPERATURES, board.temperatures),
    )
    head = (run_id, boot_id, b"simulated 1.0", b"simulated site", self_test)
    return Identity(*head, *masks, int("fan" in board.tachometers), len(parts)), tuple(parts)


def connector_reading(
    station: SafetyBoard, number: int, driven: DriveConnector, now_s: float, us: CounterOf
) -> ConnectorReading:
    """`driven`: as it was understood last."""
    board = station.connectors[number]
    valid, switches = 0, 0
    levels = board.pilot.levels()
    ohm = board.proximity.resistance() if board.proximity is not None else None
    volts = board.output_sense.voltages() if board.output_sense is not None else None
    residual = board.residual.status() if board.residual is not None else None
    lock = board.lock
    feedbacks = (
        (Valid.MIRROR, Switch.MIRROR, board.contactor.mirror()),
        (Valid.LOCK, Switch.LOCKED, lock.feedback() if lock is not None else None),
        (Valid.RELEASE_ENERGY, Switch.RELEASE_CHARGED, lock.release_energy() if lock is not None else None),
        (Valid.PHASE_RELAY, Switch.PHASE_RELAY, board.contactor.phase_relay()),
    )
    for is_valid, is_closed, feedback in feedbacks:
        if feedback is not None:
            valid |= is_valid
            switches |= is_closed if feedback.closed else 0
    samples = ((Valid.PILOT, levels), (Valid.PROXIMITY, ohm), (Valid.VOLTAGES, volts), (Valid.RESIDUAL, residual))
    for flag, sample in samples:
        # A stamp wraps after 71 minutes: what is old is no longer sent as a sample.
        valid |= flag if sample is not None and now_s - sample.sampled_s <= OLDEST_SAMPLE_S else 0
    if residual is not None:
        switches |= Switch.DC_TRIPPED if residual.dc_tripped else 0
        switches |= Switch.RMS_TRIPPED if residual.rms_tripped else 0
        switches |= Switch.RESIDUAL_ERROR if residual.device_error else 0
    suffix = "" if number == 1 else f".{number}"
    l1, l2, l3 = (0, 0, 0) if volts is None else (min(0xFFFF, max(0, round(each_v * 10))) for each_v in volts[:3])
    return ConnectorReading(
        number=number,
        pilot=driven.pilot,
        driven_duty=driven.duty,
        coil=driven.coil,
        lock=driven.lock,
        residual_test=driven.residual_test,
        valid=valid,
        pilot_us=0 if levels is None else us(levels.sampled_s),
        high_mv=0 if levels is None else _whole(levels.high_v * 1000.0),
        low_mv=0 if levels is None else _whole(levels.low_v * 1000.0),
        duty=0 if levels is None else round(levels.duty * messages.DUTY_STEPS),
        frequency_hz=0 if levels is None else round(levels.frequency_hz),
        switches_us=us(now_s),
        switches=switches,
        proximity_us=0 if ohm is None else us(ohm.sampled_s),
        proximity_ohm=0 if ohm is None else _ohm(ohm.ohm),
        residual_us=0 if residual is None else us(residual.sampled_s),
        dc_100ua=messages.NOT_FITTED if residual is None else _whole(residual.dc_ma * 10.0),
        rms_100ua=messages.NOT_FITTED if residual is None else _whole(residual.rms_ma * 10.0),
        voltages_us=0 if volts is None else us(volts.sampled_s),
        l1_100mv=l1,
        l2_100mv=l2,
        l3_100mv=l3,
        inputs_valid=_read(messages.CONNECTOR_INPUTS, station, suffix)[0],
        inputs=_read(messages.CONNECTOR_INPUTS, station, suffix)[1],
    )


def station_reading(
    board: SafetyBoard, connectors: Iterable[int], now_s: float, us: CounterOf
) -> tuple[StationReading, tuple[StationConnector, ...]]:
    sensors = {name: each.read() for name, each in board.temperatures.items()}
    stamps = [each.sampled_s for each in sensors.values() if each is not None]
    values = {name: _whole(each.celsius * 10.0) for name, each in sensors.items() if each is not None}
    parts = []
    for number in connectors:
        suffix = "" if number == 1 else f".{number}"
        names = [name + suffix for name in messages.CONNECTOR_TEMPERATURES]
        parts.append(StationConnector(*(values.get(name, messages.NOT_FITTED) for name in names)))
    outputs = 0
    for bit, name in enumerate(messages.OUTPUTS):
        read = board.outputs[name].readback() if name in board.outputs else None
        outputs |= int(read is not None and read.closed) << bit
    fan = board.tachometers["fan"].read() if "fan" in board.tachometers else None
    valid, closed = _read(messages.STATION_INPUTS, board, "")
    station = StationReading(
        us(now_s),
        valid,
        closed,
        outputs,
        us(min(stamps, default=now_s)),
        values.get("housing", messages.NOT_FITTED),
        values.get("cpu", messages.NOT_FITTED),
        values.get("rfid", messages.NOT_FITTED),
        0 if fan is None else us(fan.sampled_s),
        messages.NOT_MEASURED if fan is None else min(0xFFFE, round(fan.rpm)),
        len(parts),
    )
    return station, tuple(parts)


def _mask(names: tuple[str, ...], there: Container[str], suffix: str = "") -> int:
    return sum(1 << bit for bit, name in enumerate(names) if name + suffix in there)


def _read(names: tuple[str, ...], board: SafetyBoard, suffix: str) -> tuple[int, int]:
    """(valid, closed), a bit per name."""
    valid = closed = 0
    for bit, name in enumerate(names):
        source = board.inputs.get(name + suffix)
        state = source.state() if source is not None else None
        if state is not None:
            valid |= 1 << bit
            closed |= int(state.closed) << bit
    return valid, closed


def _whole(value: float) -> int:
    """Within 16 bits; not a number = unreadable."""
    return messages.UNREADABLE if math.isnan(value) else max(-32767, min(messages.NOT_FITTED - 1, round(value)))


def _ohm(ohm: float) -> int:
    return messages.OPEN_OHM if math.isinf(ohm) else min(messages.OPEN_OHM - 1, max(0, round(ohm)))
