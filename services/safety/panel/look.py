"""Every reading of a connector and of the station, as texts for people and programs. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping

from hardware.interfaces import Feedback
from schemas.faults import FAULTS, worst_first
from services.safety import pilot
from services.safety.state import ConnectorState, Driven, Outputs, Readings

UNKNOWN = "not read"


def connector_values(state: ConnectorState, readings: Readings, outputs: Outputs, now_s: float) -> dict[str, str]:
    """By name; a reading has its age behind it."""
    return dict(_connector(state, readings, outputs, now_s))


def _connector(state: ConnectorState, readings: Readings, outputs: Outputs, now_s: float) -> Iterator[tuple[str, str]]:
    def aged(text: str, sampled_s: float) -> str:
        return f"{text} ({max(0.0, now_s - sampled_s):.2f} s old)"

    levels, equipment = readings.pilot, state.equipment
    if equipment.outlet:
        yield "domestic socket", "on" if outputs.outlet else "off"
        yield from _meter(readings, aged)
        yield from _books(state, now_s)
        return
    if levels is None:
        yield "pilot", UNKNOWN
    else:
        volts_text = f"{levels.high_v:.2f} V / {levels.low_v:.2f} V"
        text = f"{volts_text}, {100.0 * levels.duty:.1f} %, {levels.frequency_hz:.0f} Hz"
        yield "pilot", aged(text, levels.sampled_s)
    yield "pilot driven", f"{outputs.mode.value}, {pilot.offered_a(state):.1f} A offered"
    if equipment.socket:
        ohms = readings.proximity
        text = "" if ohms is None else "open" if math.isinf(ohms.ohm) else f"{ohms.ohm:.0f} ohm"
        yield "proximity", UNKNOWN if ohms is None else f"{aged(text, ohms.sampled_s)}, cable {state.cable_a:g} A"
    yield "coil", "on" if outputs.coil else "off"
    if equipment.mirror_contact:
        yield "mirror contact", _contact(readings.mirror, "closed", "open", aged)
    if equipment.output_sense:
        volts = readings.output_voltage
        text = "" if volts is None else f"{volts.l1_v:.0f} / {volts.l2_v:.0f} / {volts.l3_v:.0f} V"
        yield "output voltage", UNKNOWN if volts is None else aged(text, volts.sampled_s)
    if equipment.phase_switching:
        yield "phase relay", _contact(readings.phase_relay, "3 phases", "1 phase", aged)
    if equipment.has_lock:
        yield "lock feedback", _contact(readings.lock, "locked", "unlocked", aged)
        yield "lock motor", outputs.lock.value
    if equipment.actuator == "with emergency release":
        yield "emergency release", _contact(readings.release_energy, "charged", "not charged", aged)
    if equipment.residual_sensor:
        yield from _residual(readings, aged)
    yield from _meter(readings, aged)
    if state.settings.pilot_calibration != "Off":
        kept = state.memory.pilot_calibration
        yield "pilot correction", "not measured yet" if kept is None else f"gain {kept[0]:.4f}, {kept[1]:+.3f} V"
    yield from _books(state, now_s)


def _meter(readings: Readings, aged: Callable[[str, float], str]) -> Iterator[tuple[str, str]]:
    meter = readings.meter
    if meter is None or meter.current_a is None:
        yield "meter current", "no reading" if meter is None or meter.answers else "the meter is silent"
    else:
        text = " / ".join(f"{amps:.1f}" for amps in meter.current_a) + " A"
        yield "meter current", aged(text, meter.sampled_s)


def _contact(read: Feedback | None, closed: str, opened: str, aged: Callable[[str, float], str]) -> str:
    return UNKNOWN if read is None else aged(closed if read.closed else opened, read.sampled_s)


def _residual(readings: Readings, aged: Callable[[str, float], str]) -> Iterator[tuple[str, str]]:
    status = readings.residual
    if status is None:
        yield "residual current", UNKNOWN
        return
    said = [word for word, on in (("DC output tripped", status.dc_tripped), ("RMS output tripped", status.rms_tripped),
                                  ("device error", status.device_error)) if on]  # fmt: skip
    text = f"DC {status.dc_ma:.1f} mA, RMS {status.rms_ma:.1f} mA, {', '.join(said) or 'no trip'}"
    yield "residual current", aged(text, status.sampled_s)


def _books(state: ConnectorState, now_s: float) -> Iterator[tuple[str, str]]:
    memory = state.memory
    hold_s = state.faults.hold_until_s - now_s
    yield "hold-off", f"{hold_s:.1f} s" if hold_s > 0.0 else "none"
    yield "recoveries since plug-in", str(memory.recoveries)
    yield "contactor cycles", f"{memory.contactor_cycles}, under load {memory.contactor_load_cycles}"
    yield "plug cycles", str(memory.plug_cycles)
    yield "trips ever", ", ".join(f"{code} {count}" for code, count in sorted(memory.trips.items())) or "none"
    for code in worst_first(list(state.faults.active)):
        fault = FAULTS[code]
        waits = " Waits for the vehicle to be unplugged." if code in memory.latched else ""
        yield f"fault {fault.internal_code}", f"{fault.text}. {fault.instruction}{waits}"


def station_values(
    inputs: Mapping[str, bool | None], driven: Mapping[str, Driven], temperatures: Mapping[str, float | None]
) -> dict[str, str]:
    values = {f"temperature {name}": UNKNOWN if c is None else f"{c:+.1f} C" for name, c in temperatures.items()}
    said = {None: UNKNOWN, True: "active", False: "at rest"}
    values |= {f"input {name}": said[active] for name, active in inputs.items()}
    for name, output in driven.items():
        back = output.readback
        pin = "" if back is None else f", reads back {'on' if back.closed else 'off'}"
        values[f"output {name}"] = f"{'on' if output.on else 'off'}{pin}"
    return values
