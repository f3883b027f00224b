"""What keys say of plug, contacts and inputs, against what the station file says is mounted. Pure."""

from collections.abc import Iterator

from services.settings.rules.problem import Board, Mounted, Problem, Problems, Rule, Values, own_place
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
MIRROR = "Mirror contact"


def _each(values: Values, board: Board, name: str) -> Iterator[tuple[str, str, Mounted]]:
    """The place that counts for each connector, its value, and what is mounted there."""
    for mounted in board.sections:
        where = own_place(values, name, mounted.connector)
        yield where, values[where], mounted


def inputs_are_wired(values: Values, board: Board) -> Problems:
    for name, choices in INPUTS.items():
        for where, chosen, mounted in _each(values, board, name):
            if mounted.connector > 1 and not KEYS[name].per_connector:
                continue
            missing = [each for each in choices.get(chosen, ()) if each not in mounted.inputs]
            if missing:
                yield Problem(
                    (where,),
                    f"{where} {chosen} needs the input {missing[0]} of connector {mounted.connector}, which the "
                    "station file does not list ([equipment] inputs): wire it and list it there first",
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


RULES: tuple[Rule, ...] = (
    inputs_are_wired,
    mirror_contact_is_mounted,
    mirror_contact_is_of_its_type,
    cable_is_attached,
    actuator_can_do_it,
)
