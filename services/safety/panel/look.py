"""Every reading of a connector and of the station, as texts for people and programs. Pure."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from hardware.interfaces import Feedback
from schemas.faults import FAULTS, worst_first
from schemas.safety import SafetyStation
from schemas.session import Permission
from services.safety import pilot
from services.safety.permission import Grant, grant
from services.safety.state import ConnectorState, Driven, Outputs, Readings

UNKNOWN = "not read"


def connector_values(
    state: ConnectorState, readings: Readings, outputs: Outputs, lease: Permission | None, now_s: float
) -> dict[str, str]:
    """By name; a reading has its age behind it. `lease`: of the session, as it was heard last."""
    values = dict(_connector(state, readings, outputs, now_s))
    return values | {"lease": lease_words(lease, grant(lease, state.equipment.connector, now_s), now_s)}


def lease_words(lease: Permission | None, now: Grant, now_s: float) -> str:
    if lease is None:
        return "none was heard"
    if not now.valid:
        ended = f" ({now_s - lease.until_s:.1f} s ago)" if lease.until_s <= now_s else ""
        return f"none: {now.why_not.removeprefix('paused: ')}{ended}"
    said = [f"{now.limit_a:.1f} A" if now.may_charge else now.why_not.removeprefix("paused: ")]
    said += [f"{now.phases} phase{'s' if now.phases > 1 else ''}"] if now.phases else []
    said += ["the cable is held"] if now.hold_cable else ["the cable is released"] if now.release_cable else []
    return f"{', '.join(said)}; ends in {lease.until_s - now_s:.1f} s"


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
    if meter is None or not meter.answers:
        yield "meter", "no reading" if meter is None else "the meter is silent"
        return
    for name, values, text in (("current", meter.current_a, "{:.1f} A"), ("voltage", meter.voltage_v, "{:.0f} V")):
        shown = " / ".join(map(text.format, values)) if values is not None else ""
        yield f"meter {name}", aged(shown, meter.sampled_s) if shown else "not measured"
    order = {1: "L1, L2, L3", -1: "L1, L3, L2: wrong"}.get(meter.phase_order or 0)
    yield "meter phase order", "not told" if order is None else aged(order, meter.sampled_s)


def _contact(read: Feedback | None, closed: str, opened: str, aged: Callable[[str, float], str]) -> str:
    return UNKNOWN if read is None else aged(closed if read.closed else opened, read.sampled_s)


def _residual(readings: Readings, aged: Callable[[str, float], str]) -> Iterator[tuple[str, str]]:
    status = readings.residual
    if status is None:
        yield "residual current", UNKNOWN
        return
    said = [word for word, on in (("DC output tripped", status.dc_tripped), ("RMS output tripped", status.rms_tripped),
                                  ("device error", status.device_error)) if on]  # fmt: skip
    measured = [f"{name} {_milliamperes(ma)}" for name, ma in (("DC", status.dc_ma), ("RMS", status.rms_ma))]
    yield "residual current", aged(f"{', '.join(measured)}, {', '.join(said) or 'no trip'}", status.sampled_s)


def _milliamperes(ma: float) -> str:
    return "not measured" if math.isnan(ma) else f"{ma:.1f} mA"


def _books(state: ConnectorState, now_s: float) -> Iterator[tuple[str, str]]:
    memory = state.memory
    hold_s = state.faults.hold_until_s - now_s
    after = state.faults.hold_code
    cause = FAULTS[after].text if after else "a fault before the start"
    yield "hold-off", f"{hold_s:.1f} s after: {cause}" if hold_s > 0.0 else "none"
    yield "recoveries since plug-in", str(memory.recoveries)
    yield "contactor cycles", f"{memory.contactor_cycles}, under load {memory.contactor_load_cycles}"
    yield "plug cycles", str(memory.plug_cycles)
    yield "trips ever", ", ".join(f"{code} {count}" for code, count in sorted(memory.trips.items())) or "none"
    for code in worst_first(list(state.faults.active)):
        fault = FAULTS[code]
        waits = " Waits for the vehicle to be unplugged." if code in memory.latched else ""
        yield f"fault {fault.internal_code}", f"{fault.text}. {fault.instruction}{waits}"


def station_values(
    station: SafetyStation, driven: Mapping[str, Driven], has_fan: bool, report: Iterable[tuple[str, str]] = ()
) -> dict[str, str]:
    """`has_fan`: its speed is measured here. `report`: what the board tells of itself."""
    values = {"board": station.trouble or "answers", **dict(report)}
    known = station.temperatures_c.items()
    values |= {f"temperature {name}": UNKNOWN if c is None else f"{c:+.1f} C" for name, c in known}
    if has_fan:
        values["fan"] = UNKNOWN if station.fan_rpm is None else f"{station.fan_rpm:.0f} rpm"
    said = {None: UNKNOWN, True: "active", False: "at rest"}
    values |= {f"input {name}": said[active] for name, active in station.inputs.items()}
    for name, output in driven.items():
        back = output.readback
        pin = "" if back is None else f", reads back {'on' if back.closed else 'off'}"
        values[f"output {name}"] = f"{'on' if output.on else 'off'}{pin}"
    return values
