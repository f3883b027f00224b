"""What keys say of plug, contacts, inputs, outputs and sensors, against what the station file says is mounted. Pure."""

from collections.abc import Iterator

from schemas.station import CONNECTOR_INPUTS
from services.settings.rules.problem import Board, Mounted, Problem, Problems, Rule, Values, is_on, own_place
from services.settings.table import KEYS

INPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "WeldCheck": {
        "Opto input 1": ("opto_1",),
        "Opto input 2": ("opto_2",),
        "230V input": ("line",),
        "230V input with PE check": ("line", "protective_earth"),
    },
    "RCDENABLE": {"On": ("rcd",), "Opto input": ("opto_1",)},
    "MonitoringRelayInput": {"On": ("monitoring_relay",)},
    "SPDCFG": {"true": ("spd",)},
    "TamperDetectionInputEnable": {"true": ("tamper",)},
}
"""Key, value, and the inputs of [equipment] that it reads."""
OUTPUTS = {
    "WeldCheckAuxRelay": "auxiliary",
    "RCDAUTORECLOSURE": "auxiliary",
    "OCPPSchuko": "auxiliary",
    "VentHeatingCtrlMode": "climate",
    "PatternOnRelayK2": "relay_2",
}
"""Key, and the output of [equipment] that it drives with any value but its default, which is off."""
FREE_INPUTS = ("opto_1", "opto_2")
FOR_THE_BACKEND = {
    "InputOutputBackendControlledMode": (*FREE_INPUTS, "output_1", "output_2"),
    "InputChangeNotifyBackend": FREE_INPUTS,
}
"""Key, and the inputs and outputs without any of which there is nothing to read or to switch."""
OF_HOUSING = ("housing", "cpu")
SENSORS = {
    "TempDelta": ("cpu", "rfid"),
    "TempReduceThreshold1": OF_HOUSING,
    "TempStopThreshold2": OF_HOUSING,
    "ReducedCurrent": OF_HOUSING,
    "ReducedCurrentPct": OF_HOUSING,
    "AmbientCpuDelta": ("cpu",),
}
"""Key, and the sensors of [equipment] without any of which its value means nothing."""
HEATER = "Heater (temperature)"
MIRROR = "Mirror contact"
PHASE_SWITCHERS = ("By command",)
"""Of PhaseSwitchingFunction: who there is in this version."""


def _each(values: Values, board: Board, name: str) -> Iterator[tuple[str, str, Mounted]]:
    """The place that counts for each connector, its value, and what is mounted there."""
    for mounted in board.sections:
        where = own_place(values, name, mounted.connector)
        yield where, values[where], mounted


def inputs_are_wired(values: Values, board: Board) -> Problems:
    for name, choices in INPUTS.items():
        for where, chosen, mounted in _each(values, board, name):
            needed = choices.get(chosen, ())
            if mounted.connector > 1 and not KEYS[name].per_connector:
                needed = tuple(each for each in needed if each in CONNECTOR_INPUTS)
            missing = [each for each in needed if each not in mounted.inputs]
            if missing:
                yield Problem(
                    (where,),
                    f"{where} {chosen} needs the input {missing[0]} of connector {mounted.connector}, which the "
                    "station file does not list ([equipment] inputs): wire it and list it there first",
                )


def domestic_socket_is_mounted(values: Values, board: Board) -> Problems:
    if values["OCPPSchuko"] == "true" and not board.domestic_socket:
        yield Problem(
            ("OCPPSchuko",),
            "OCPPSchuko true: the station file has no domestic socket; where one is mounted, describe it there first, "
            'as a connector of its own (cable = "schuko")',
        )


def outputs_are_wired(values: Values, board: Board) -> Problems:
    for name, output in OUTPUTS.items():
        if values[name] != KEYS[name].default and output not in board.outputs:
            yield Problem((name,), f"{name} {values[name]} {_needs_output(output)}")


def reset_has_its_output(_values: Values, board: Board) -> Problems:
    if "auxiliary" not in board.outputs:
        yield Problem(
            ("RCDRESET",), f"RCDRESET {_needs_output('auxiliary')}; until then the RCD is switched on by hand"
        )


def _needs_output(name: str) -> str:
    return (
        f"needs the output {name}, which the station file does not list ([equipment] outputs): wire it and list it "
        "there first"
    )


def backend_has_something_free(values: Values, board: Board) -> Problems:
    for name, free in FOR_THE_BACKEND.items():
        if is_on(values, name) and (board.inputs | board.outputs).isdisjoint(free):
            yield Problem(
                (name,),
                f"{name} needs one of {', '.join(free)}, and the station file lists none of them ([equipment] inputs "
                "and outputs): wire it and list it there first",
            )


def sensors_are_mounted(values: Values, board: Board) -> Problems:
    """A fan without a sensor runs always; a heater never does."""
    needed = {name: sensors for name, sensors in SENSORS.items() if values[name] != KEYS[name].default}
    if values["VentHeatingCtrlMode"] == HEATER:
        needed["VentHeatingCtrlMode"] = OF_HOUSING
    for name, sensors in needed.items():
        if board.temperatures.isdisjoint(sensors):
            yield Problem(
                (name,),
                f"{name} {values[name]} needs the temperature sensor {' or '.join(sensors)}, which the station file "
                "does not list ([equipment] temperatures): mount it and list it there first",
            )


def mirror_contact_is_mounted(values: Values, board: Board) -> Problems:
    for where, chosen, mounted in _each(values, board, "WeldCheck"):
        if chosen == MIRROR and not mounted.mirror_contact:
            yield Problem(
                (where,),
                f"{where} {MIRROR}: the station file says that the contactor of connector {mounted.connector} has none "
                "(mirror_contact)",
            )


def mirror_contact_is_of_its_type(values: Values, board: Board) -> Problems:
    for mounted in board.sections:
        number = mounted.connector
        name, kind = (own_place(values, each, number) for each in ("WeldCheck", "WeldCheckInType"))
        if values[name] == MIRROR and mounted.mirror_contact and values[kind] != mounted.mirror_contact:
            yield Problem(
                (kind, name),
                f"{kind} {values[kind]}: the station file says that the mirror contact of connector {number} is "
                f"{mounted.mirror_contact.lower()} (mirror_contact_type)",
            )


def cable_is_attached(values: Values, board: Board) -> Problems:
    """A socket may be made a fixed cable by key (a cable that was screwed on); the other way there is no socket."""
    if board.sections and all(mounted.is_fixed for mounted in board.sections) and values["CableAttached"] == "false":
        yield Problem(
            ("CableAttached",),
            'CableAttached is true here: the station file says that there is no socket (cable = "fixed")',
        )


def actuator_can_do_it(values: Values, board: Board) -> Problems:
    """What no actuator of the station has cannot be chosen: its line is not wired."""
    mounted = {each.actuator for each in board.sections if each.actuator}
    chosen = values["EOActuatorType"]
    lacks = chosen == "With feedback" and mounted == {"Without feedback"}
    if mounted and (lacks or (chosen == "With emergency release" and chosen not in mounted)):
        yield Problem(
            ("EOActuatorType",),
            f"EOActuatorType {chosen}: the station file says that the actuator is "
            f"{' or '.join(sorted(mounted)).lower()} (lock_actuator)",
        )


def phases_can_be_switched(values: Values, board: Board) -> Problems:
    """Charging with one phase of three needs a relay of its own."""
    wanted = {"ConnectorSwitch3to1PhaseSupported": "false", "PhaseSwitchingFunction": "Disabled"}
    for name, off in wanted.items():
        if values[name] != off and board.sections and not any(each.phase_relay for each in board.sections):
            yield Problem(
                (name,),
                f"{name} {values[name]}: no connector has a phase relay; where one is mounted, the station file "
                "says so (phase_switching, with phases = 3)",
            )


def phase_switcher_exists(values: Values, _board: Board) -> Problems:
    chosen = values["PhaseSwitchingFunction"]
    if chosen not in ("Disabled", *PHASE_SWITCHERS):
        yield Problem(
            ("PhaseSwitchingFunction",),
            f"PhaseSwitchingFunction {chosen}: this version has no such interface yet; choose "
            f"{' or '.join(PHASE_SWITCHERS)}, or Disabled",
        )


RULES: tuple[Rule, ...] = (
    phases_can_be_switched,
    phase_switcher_exists,
    inputs_are_wired,
    domestic_socket_is_mounted,
    outputs_are_wired,
    backend_has_something_free,
    sensors_are_mounted,
    mirror_contact_is_mounted,
    mirror_contact_is_of_its_type,
    cable_is_attached,
    actuator_can_do_it,
)
