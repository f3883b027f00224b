"""The whole physical state in words and numbers, for assertions and for people."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware.sim.site.connector import Connector
    from hardware.sim.site.site import Site


def _finite(value: float | None) -> float | None:
    """JSON has neither inf nor NaN."""
    return value if value is not None and math.isfinite(value) else None


def _lock(connector: "Connector") -> str:
    lock = connector.lock
    if lock is None:
        return "none"
    if lock.locked:
        return "locked"
    return "unlocked" if lock.position <= 0.0 else "between"


def _vehicle(connector: "Connector") -> dict[str, Any] | None:
    car = connector.car
    if car is None:
        return None
    return {
        "asks_for_power": car.asks_for_power,
        "s2_closed": car.s2_closed,
        "s2_closed_s": car.s2_closed_s,
        "s2_opened_s": car.s2_opened_s,
        "paused": car.paused,
        "asleep": car.asleep,
        "soc_percent": car.battery.soc_percent,
        "charging_since_s": car.charging_since_s,
        "phases": car.ev.phases,
        "max_current_a": car.ev.max_current_a,
        "mac": car.ev.mac,
    }


def _residual(site: "Site", number: int) -> dict[str, Any] | None:
    status = site.residual(number)
    if status is None:
        return None
    return {name: value for name, value in status._asdict().items() if name != "sampled_s"}


def connector_state(site: "Site", number: int) -> dict[str, Any]:
    connector = site.connectors[number]
    contactor = connector.contactor
    levels = connector.pilot_levels(site.now_s)
    flow = site.flows[number]
    meter = site.meters.get(f"connector.{number}")
    proximity = site.proximity_ohm(number)
    return {
        "plugged": connector.car is not None,
        "plugged_s": connector.plugged_s,
        "unplugged_s": connector.unplugged_s,
        "cable_a": connector.cable_a,
        "vehicle": _vehicle(connector),
        "pilot_mode": connector.wire.output.mode.value,
        "pilot_high_v": _finite(levels.high_v),
        "pilot_low_v": _finite(levels.low_v),
        "duty": connector.wire.output.duty,
        "frequency_hz": connector.wire.output.frequency_hz,
        "proximity_ohm": _finite(proximity),
        "contactor": "closed" if contactor.closed else "open",
        "contactor_closed_s": contactor.closed_s,
        "contactor_opened_s": contactor.opened_s,
        "contactor_closings": contactor.closings,
        "welded": contactor.welded or any(contactor.pole_welds),
        "welded_poles": [contactor.welded or pole for pole in contactor.pole_welds],
        "live": list(connector.live()),
        "three_phases": site.phase_relay(number),
        "phase_relay_switched_live": None if connector.phase_relay is None else connector.phase_relay.switched_live,
        "rcd_closed": connector.upstream.rcd_closed,
        "mcb_closed": connector.upstream.mcb_closed,
        "residual": _residual(site, number),
        "mirror_closed": site.mirror(number),
        "commanded": site.monoflop.commanded[number],
        "coil": contactor.coil,
        "coil_on_s": contactor.coil_on_s,
        "coil_off_s": contactor.coil_off_s,
        "lock": _lock(connector),
        "lock_feedback": site.lock_feedback(number),
        "release_charged": site.release_charged(number),
        "current_a": list(flow.current_a),
        "voltage_v": list(flow.voltage_v),
        "power_w": flow.power_w,
        "power_factor": flow.power_factor,
        "energy_wh": connector.energy_wh,
        "meter_wh": None if meter is None else meter.register_wh,
        "faults": dict(connector.faults.values),
        "armed_faults": {name: [fault.value, fault.after_s] for name, fault in connector.faults.armed.items()},
        "light": list(site.lights[number]) if number in site.lights else None,
        "display": list(site.displays[number]) if number in site.displays else None,
    }


def state(site: "Site") -> dict[str, Any]:
    return {
        "now_s": site.now_s,
        "started_s": site.started_s,
        "feed_stamp_s": site.monoflop.last_stamp_s,
        "fed_until_s": _finite(site.monoflop.enabled_until_s),
        "network_up": site.network_up,
        "inputs": site.inputs.states(),
        "outputs": dict(site.outputs.pins),
        "temperatures_c": {name: _finite(each.celsius) for name, each in site.temperatures().items()},
        "housing_c": site.thermal.housing_c(site.now_s),
        "ambient_c": site.thermal.ambient_c,
        "fan_rpm": None if (speed := site.fan()) is None else speed.rpm,
        "connectors": {str(number): connector_state(site, number) for number in site.connectors},
        "meters": {
            meter.name: {
                "serial": str(meter.serial),
                "energy_wh": meter.energy_wh,
                "register_wh": meter.register_wh,
                "power_w": meter.flow.power_w,
                "freeze_energy": meter.freeze_energy,
                "timeout": meter.timeout,
                "dark": meter.dark,
                "late_s": meter.late_s,
                "corrupt": meter.corrupt,
                "nan": meter.nan,
            }
            for meter in site.meters.values()
        },
    }
