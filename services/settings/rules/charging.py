"""Transactions, meter values, lists of measurands, phases. Pure."""

import re

from services.settings.rules.problem import Board, Problem, Problems, Rule, Values, is_on, items, number
from services.settings.table.metering import SIGNING_METERS

SHORTEST_INTERVAL_S = 10
INTERVALS = ("MeterValueSampleInterval", "ClockAlignedDataInterval")
BOUNDED_LISTS = (
    "MeterValuesSampledData",
    "MeterValuesAlignedData",
    "StopTxnSampledData",
    "StopTxnAlignedData",
    "ConnectorPhaseRotation",
    "SupportedFeatureProfiles",
)
"""`NameMaxLength` says how many items OCPP 1.6 section 9.1 lets each have."""
ROTATION = r"([0-9]{1,2})\.(?:NotApplicable|Unknown|R[ST]{2}|S[RT]{2}|T[RS]{2})"


def interval_long_enough(values: Values, _board: Board) -> Problems:
    """The guide: 0 or at least 10 s; `OCPPViaLocalNetwork` allows 1 s for samples."""
    for name in INTERVALS:
        interval_s = number(values, name)
        local = name == "MeterValueSampleInterval" and is_on(values, "OCPPViaLocalNetwork")
        if interval_s is None or interval_s == 0 or interval_s >= SHORTEST_INTERVAL_S or local:
            continue
        shorter = "; shorter ones need OCPPViaLocalNetwork" if name == "MeterValueSampleInterval" else ""
        yield Problem((name,), f"{name} is 0 or at least {SHORTEST_INTERVAL_S} s, not {interval_s:g}{shorter}")


def random_delay_within_interval(values: Values, _board: Board) -> Problems:
    interval_s = number(values, "ClockAlignedDataInterval")
    delay_s = number(values, "ClockAlignedMeterRandomSendDelay")
    if interval_s and delay_s is not None and delay_s >= interval_s:
        yield Problem(
            ("ClockAlignedMeterRandomSendDelay", "ClockAlignedDataInterval"),
            f"ClockAlignedMeterRandomSendDelay ({delay_s:g} s) reaches into the next interval: keep it below "
            f"ClockAlignedDataInterval ({interval_s:g} s)",
        )


def lists_within_their_length(values: Values, _board: Board) -> Problems:
    for name in BOUNDED_LISTS:
        most, listed = number(values, f"{name}MaxLength"), items(values, name)
        if most is not None and len(listed) > most:
            yield Problem((name,), f"{name} takes at most {most:g} items ({name}MaxLength), not {len(listed)}")


def no_measurand_twice(values: Values, _board: Board) -> Problems:
    for name in BOUNDED_LISTS[:4]:
        listed = [item.lower() for item in items(values, name)]
        twice = sorted({item for item in listed if listed.count(item) > 1})
        if twice:
            yield Problem((name,), f"{name} names {twice[0]} more than once: leave the second one out")


def rotation_of_every_connector_once(values: Values, board: Board) -> Problems:
    """OCPP 1.6 section 9.1.7: `0.RST,1.RST`; 0 is the station's own connection to the grid."""
    seen: set[int] = set()
    for item in items(values, "ConnectorPhaseRotation"):
        found = re.fullmatch(ROTATION, item, re.IGNORECASE)
        if found is None:
            yield _rotation(f"{item!r} is not CONNECTOR.ROTATION such as 1.RST (or 1.NotApplicable, 1.Unknown)")
            return
        connector = int(found.group(1))
        letters = item.partition(".")[2].upper()
        if len(letters) == 3 and len(set(letters)) != 3:
            yield _rotation(f"{item!r} names a phase twice; a rotation has R, S and T once each")
        elif connector > board.connectors:
            yield _rotation(f"there is no connector {connector}; this station has {board.connectors}")
        elif connector in seen:
            yield _rotation(f"connector {connector} stands twice")
        seen.add(connector)


def _rotation(words: str) -> Problem:
    return Problem(("ConnectorPhaseRotation",), f"ConnectorPhaseRotation: {words}")


def no_restart_with_signed_values(values: Values, _board: Board) -> Problems:
    """The guide: can't be enabled if sending signed meter values is enabled."""
    signing = [
        where for where, meter in values.items() if where.startswith("OCPPMeterType") and meter in SIGNING_METERS
    ]
    if is_on(values, "RestartTransAfterPowerLoss") and signing:
        yield Problem(
            ("RestartTransAfterPowerLoss", signing[0]),
            f"RestartTransAfterPowerLoss cannot be on with signed meter values ({values[signing[0]]}): a transaction "
            "that goes on after a power loss has no continuous signed record. Leave it off",
        )


def fixed_tag_for_free_charging(values: Values, _board: Board) -> Problems:
    mode = values["FreeChargingMode"]
    if "fixed" in mode.lower() and values["RfidTagFreeCharging"] == "":
        yield Problem(
            ("RfidTagFreeCharging", "FreeChargingMode"),
            f"FreeChargingMode {mode} needs the card number to use: set RfidTagFreeCharging",
        )


def fixed_id_for_autocharge(values: Values, _board: Board) -> Problems:
    mode = values["Autocharge"]
    if "fixed" in mode.lower() and values["autochargeid"] == "":
        yield Problem(("Autocharge", "autochargeid"), f"Autocharge {mode} needs the id to use: set autochargeid too")


RULES: tuple[Rule, ...] = (
    interval_long_enough,
    random_delay_within_interval,
    lists_within_their_length,
    no_measurand_twice,
    rotation_of_every_connector_once,
    no_restart_with_signed_values,
    fixed_tag_for_free_charging,
    fixed_id_for_autocharge,
)
