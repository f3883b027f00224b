"""Configurations of a connector that the proofs of the safety core go through, and what can happen in each of them.

One row per thing that weakens, replaces or adds a check: what is mounted, the keys, a healthy world, and the events
that only this configuration has.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from schemas.safety import PilotState
from services.safety.settings import SafetySettings
from services.safety.state import Equipment, MeterSight
from tests.safety_rig import FIXED, NO_MIRROR, RATED_32_A, SOCKET, Rig

Happening = Callable[[Rig], None]


def world(**changes: Any) -> Happening:
    """Something in the world is so from now on."""

    def happen(rig: Rig) -> None:
        for name, value in changes.items():
            setattr(rig.world, name, value)

    return happen


def flip(flag: str) -> Happening:
    return lambda rig: setattr(rig.world, flag, not getattr(rig.world, flag))


def module(**changes: Any) -> Happening:
    def happen(rig: Rig) -> None:
        assert rig.world.module is not None
        rig.world.module = rig.world.module._replace(**changes)

    return happen


def warm(**celsius: float) -> Happening:
    return lambda rig: setattr(rig.world, "celsius", {**rig.world.celsius, **celsius})


def contact(name: str) -> Happening:
    """A wired contact changes."""
    return lambda rig: setattr(
        rig.world, "contacts", {**rig.world.contacts, name: not rig.world.contacts.get(name, False)}
    )


def phases(wanted: int) -> Happening:
    def happen(rig: Rig) -> None:
        rig.phases = wanted
        rig.allow(rig.may)

    return happen


def meter(current_a: float, voltage_v: float) -> Happening:
    return world(meter=MeterSight((current_a,) * 3, (voltage_v,) * 3, 0.0, True))


class Configuration(NamedTuple):
    name: str
    equipment: Equipment
    keys: SafetySettings = RATED_32_A
    healthy: Mapping[str, Any] = {}
    """Fields of the rig's world where nothing is wrong."""
    happenings: Mapping[str, Happening] = {}
    """Beside those of every configuration."""

    def rig(self, keep_history: bool = True) -> Rig:
        rig = Rig(equipment=self.equipment, settings=self.keys, keep_history=keep_history)
        self.mend(rig)
        return rig

    def mend(self, rig: Rig) -> None:
        """Everything is repaired; the vehicle stays as it is."""
        for name, value in {**HEALTHY, **self.healthy}.items():
            setattr(rig.world, name, value)
        if rig.world.module is not None:
            flags = dict.fromkeys(("dc_trips", "rms_trips", "error", "dead", "stuck"), False)
            rig.world.module = rig.world.module._replace(**flags, alive=True)
        rig.session_alive = True

    def charging(self) -> Rig:
        """Closed contacts, at the session's limit."""
        rig = self.rig(keep_history=False)
        rig.allow()
        rig.run(12.0)
        rig.plug()
        rig.until(lambda: rig.name is PilotState.B2, 20.0)
        rig.run(1.0)
        rig.vehicle("C")
        rig.until(lambda: rig.shown.contactor.value == "closed", 5.0)
        return rig


HEALTHY: Mapping[str, Any] = {
    "diode": True, "pilot_alive": True, "pilot_nan": False, "stuck_duty": False, "frequency_hz": 1000.0,
    "mirror_alive": True, "welded": False, "never_closes": False, "drops": False, "lock_blocked": False,
    "lock_opens": False, "sensors_alive": True, "meter_alive": True, "contacts_alive": True, "trouble": "",
    "live_phase": 0, "sense_nan": False, "opto_opens": False, "relay_stuck": False, "charged": True,
    "relay_2_stuck": None, "reads_back": True, "close_s": 0.03, "open_s": 0.015,
}  # fmt: skip

COOL, REDUCE, STOP, PANIC, LOST = 30.0, 66.0, 76.0, 82.0, -2560.0
WARM = {"cool": COOL, "reduce": REDUCE, "stop": STOP, "panic": PANIC, "lost": LOST}
SENSORS = frozenset({"housing", "cpu"})
MODULE: dict[str, Happening] = {
    "residual: direct current": module(dc_trips=True),
    "residual: RMS": module(rms_trips=True),
    "residual: device error": module(error=True),
    "residual: stale": module(alive=False),
    "residual: stuck": module(stuck=True),
    "residual: ok": module(dc_trips=False, rms_trips=False, error=False, alive=True, stuck=False),
}
DEVICES = {"rcd": False, "mcb": False, "protective_earth": True}
STATION = {"emergency_stop": False, "tilt": False, "overcurrent": False, "energy_management": False}
WARMTH = {f"housing: {word}": warm(housing=celsius) for word, celsius in WARM.items()}
PHASES = {"one phase": phases(1), "three phases": phases(3), "phase relay stuck": flip("relay_stuck")}
NORMAL = MeterSight((16.0,) * 3, (230.0,) * 3, 0.0, True)

CONFIGURATIONS: tuple[Configuration, ...] = (
    Configuration("socket, mirror contact", SOCKET),
    Configuration("fixed cable", FIXED, RATED_32_A._replace(weld_auxiliary=True)),
    Configuration("nothing tells of the contacts", NO_MIRROR),
    Configuration(
        "voltage sense",
        NO_MIRROR._replace(output_sense=True),
        RATED_32_A._replace(weld_auxiliary=True),
        happenings={"L2 stays live": world(live_phase=2), "sense: nan": flip("sense_nan")},
    ),
    Configuration(
        "230 V input",
        NO_MIRROR._replace(inputs=frozenset({"line"})),
        RATED_32_A._replace(weld_check="230V input", weld_auxiliary=True),
        happenings={"contacts: not read": flip("contacts_alive")},
    ),
    Configuration(
        "contact on an opto input",
        NO_MIRROR._replace(inputs=frozenset({"opto_1"})),
        RATED_32_A._replace(weld_check="Opto input 1"),
        happenings={"opto contact opens": flip("opto_opens"), "contacts: not read": flip("contacts_alive")},
    ),
    Configuration("diode checked while charging", SOCKET, RATED_32_A._replace(diode_before_closing=False)),
    Configuration("ventilated room", SOCKET._replace(ventilation=True), RATED_32_A._replace(pause_in_state_d=False)),
    Configuration("one phase and three", SOCKET._replace(phase_switching=True), happenings=PHASES),
    Configuration("residual current", SOCKET._replace(residual_sensor=True), happenings=MODULE),
    Configuration(
        "residual current, RCD closed again",
        SOCKET._replace(residual_sensor=True, inputs=frozenset(DEVICES)),
        RATED_32_A._replace(
            rcd="On", reclosure=True, reclosure_delay_s=5.0, reclosure_attempts=2, residual_mode="IEC62955"
        ),
        healthy={"contacts": DEVICES},
        happenings={
            **{name: MODULE[name] for name in ("residual: direct current", "residual: RMS", "residual: ok")},
            **{name: contact(name) for name in DEVICES},
            "contacts: not read": flip("contacts_alive"),
        },
    ),
    Configuration(
        "lock without feedback",
        SOCKET._replace(actuator="without feedback"),
        RATED_32_A._replace(lock_permanently=True),
    ),
    Configuration(
        "lock with emergency release",
        SOCKET._replace(actuator="with emergency release"),
        RATED_32_A._replace(lock_if_authorized=False),
        happenings={"release: empty": flip("charged")},
    ),
    Configuration(
        "temperatures",
        SOCKET._replace(temperatures=SENSORS),
        healthy={"celsius": dict.fromkeys(SENSORS, COOL)},
        happenings={**WARMTH, "sensors: stale": flip("sensors_alive")},
    ),
    Configuration(
        "meter",
        SOCKET,
        RATED_32_A._replace(check_overcurrent=True, random_restart=True),
        healthy={"meter": NORMAL},
        happenings={
            "supply: normal": meter(16.0, 230.0),
            "supply: over": meter(16.0, 265.0),
            "supply: under": meter(16.0, 150.0),
            "supply: silent": flip("meter_alive"),
            "supply: 40 A": meter(40.0, 230.0),
            "supply: 200 A": meter(200.0, 230.0),
        },
    ),
    Configuration(
        "contacts of the station",
        SOCKET._replace(inputs=frozenset(STATION)),
        RATED_32_A._replace(energy_input=True, energy_input_limit_a=8.0),
        healthy={"contacts": STATION},
        happenings={**{name: contact(name) for name in STATION}, "contacts: not read": flip("contacts_alive")},
    ),
    Configuration(
        "second contactor in series",
        SOCKET._replace(outputs=frozenset({"relay_2"})),
        RATED_32_A._replace(relay_2_pattern="On while charging"),
        happenings={"relay 2 stuck on": world(relay_2_stuck=True), "relay 2 stuck off": world(relay_2_stuck=False)},
    ),
    Configuration(
        "everything",
        SOCKET._replace(
            residual_sensor=True,
            output_sense=True,
            phase_switching=True,
            temperatures=SENSORS,
            inputs=frozenset(DEVICES | STATION),
            ventilation=True,
        ),
        RATED_32_A._replace(rcd="On", pause_in_state_d=False, check_overcurrent=True, weld_auxiliary=True),
        healthy={"contacts": DEVICES | STATION, "celsius": dict.fromkeys(SENSORS, COOL), "meter": NORMAL},
        happenings={
            "residual: direct current": module(dc_trips=True),
            "residual: ok": MODULE["residual: ok"],
            "housing: stop": warm(housing=STOP),
            "emergency stop": contact("emergency_stop"),
            "one phase": phases(1),
            "supply: under": meter(16.0, 150.0),
        },
    ),
)


def unplugged(rig: Rig) -> None:
    rig.vehicle("A", math.inf)
