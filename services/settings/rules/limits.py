"""Currents: nothing above what carries it. Pure."""

from services.settings.rules.problem import (
    Board,
    Problem,
    Problems,
    Rule,
    Values,
    at_most,
    number,
    own_connectors,
    own_place,
)

ZERO_OR_SIX = (
    "EnergyManInputPowerCurrentLim",
    "SmartChargingDisconnectedLimit",
    "DlmDisconnectedLimit",
)
"""0 pauses; IEC 61851-1 has no smaller current than 6 A."""
LEAST_A = 6


def hardware_within_rating(values: Values, board: Board) -> Problems:
    for connector in own_connectors(values, board, "HardwareCurrentLimit"):
        where = own_place(values, "HardwareCurrentLimit", connector)
        limit_a = number(values, "HardwareCurrentLimit", connector)
        rating_a = board.highest_current_a if connector == 1 else board.rating_a(connector)
        if limit_a is not None and limit_a > rating_a:
            yield Problem(
                (where,),
                f"{where} ({limit_a:g} A) is above what is mounted: the station file rates it at {rating_a} A "
                "(max_current_a)",
            )


def installation_within_hardware(values: Values, _board: Board) -> Problems:
    return at_most(values, "InstallationCurrentLimit", "HardwareCurrentLimit", "A")


def operator_within_its_limits(values: Values, board: Board) -> Problems:
    """Not above the installation, and not above the hardware: the lower one is named."""
    for connector in own_connectors(values, board, "OperatorCurrentLimit"):
        where = own_place(values, "OperatorCurrentLimit", connector)
        bounds = [own_place(values, name, connector) for name in ("HardwareCurrentLimit", "InstallationCurrentLimit")]
        limits = [(limit_a, bound) for bound in bounds if (limit_a := number(values, bound)) is not None]
        operator_a = number(values, where)
        if operator_a is None or not limits:
            continue
        limit_a, bound = min(limits, key=lambda each: each[0])
        if operator_a > limit_a:
            later = " and reboot" if bound.startswith("Hardware") else ""
            yield Problem(
                (where, bound),
                f"{where} ({operator_a:g} A) is above {bound} ({limit_a:g} A): set {where} to {limit_a:g} or less "
                f"first, or raise {bound}{later}",
            )


def pause_or_six_amperes(values: Values, _board: Board) -> Problems:
    for name in ZERO_OR_SIX:
        current_a = number(values, name)
        if current_a is not None and 0 < current_a < LEAST_A:
            yield Problem(
                (name,), f"{name} is 0 (charging pauses) or at least {LEAST_A} A, not {current_a:g}: choose one of them"
            )


RULES: tuple[Rule, ...] = (
    hardware_within_rating,
    installation_within_hardware,
    operator_within_its_limits,
    pause_or_six_amperes,
)
