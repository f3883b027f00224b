"""The page of faults and informative messages: `python -m services.describe_faults > docs/faults.md`. Pure."""

from collections.abc import Iterator

from schemas.faults import FAULTS, Fault, FaultClass
from schemas.notices import LONGEST_INFO, NOTICES

CLASSES = {
    FaultClass.WARN: ("told", "power flows on"),
    FaultClass.DERATE: ("less", "less current"),
    FaultClass.PAUSE: (
        "pause",
        "the offer is withdrawn; the contactor opens when the vehicle has stopped, or after 6 s",
    ),
    FaultClass.STOP: ("stop", "the contactor opens in the same step; it recovers by itself, three times per plug-in"),
    FaultClass.LATCH: ("until the unplug", "as stop, and stays until the vehicle is unplugged"),
    FaultClass.LOCKOUT: ("until service", "as stop, and stays until service resets it; survives restarts"),
}
RESERVED = {
    "sim_card_missing": "there is no modem yet",
    "usb_communication": "there is no modem yet",
    "usb_stick_done": "USB sticks are not read yet",
    "usb_stick_failed": "USB sticks are not read yet",
}
"""Texts of the guide that nothing raises in this version, and why."""
AREAS = {
    "01": "OCPP",
    "02": "Between grid and vehicle",
    "03": "Metering",
    "04": "Transactions",
    "05": "Settings",
    "06": "System",
}


def page() -> str:
    """The whole page."""
    return "\n".join([*_head(), *(line for area in AREAS for line in _area(area)), *_ends(), *_notices()]) + "\n"


def _head() -> Iterator[str]:
    yield "# Faults"
    yield "Generated from `schemas/faults.py` and `schemas/notices.py` by `python -m services.describe_faults`: do not"
    yield "edit it."
    yield ""
    yield f"{len(FAULTS)} faults. While one is active the backend hears its text, OCPP error code and internal code in"
    yield "StatusNotification.req (texts of the guide to the letter where it has them); when one that did not stop"
    yield "charging is over, the text with the word `resolved`. `chargectl status` and `chargectl safety` show what is"
    yield "active."
    yield "Inside an area the worst comes first."
    yield ""
    yield "| class | means |"
    yield "|---|---|"
    for kind, (word, words) in CLASSES.items():
        yield f"| {kind.value}, {word} | {words} |"


def _area(area: str) -> Iterator[str]:
    rows = [fault for fault in FAULTS.values() if fault.internal_code.startswith(area)]
    yield ""
    yield f"## {AREAS[area]}"
    yield ""
    yield "| code | text | class | OCPP error code | what to do | name |"
    yield "|---|---|---|---|---|---|"
    yield from map(_row, rows)


def _row(fault: Fault) -> str:
    kind = f"{fault.fault_class.value}, {CLASSES[fault.fault_class][0]}"
    cells = (fault.internal_code, fault.text, kind, fault.error_code, fault.instruction, f"`{fault.code}`")
    return "| " + " | ".join(cells) + " |"


def _ends() -> Iterator[str]:
    yield ""
    yield "## Ends in fewer words"
    yield f"OCPP has room for {LONGEST_INFO} characters. Where the text with the word `resolved` is longer, the backend"
    yield "hears at its end:"
    yield ""
    yield from (f"- `{fault.code}`: {fault.resolved}" for fault in FAULTS.values() if fault.resolved)


def _notices() -> Iterator[str]:
    yield ""
    yield "## Informative messages"
    yield "Told in StatusNotification.req with NoError while `InfoStatusNotifications` is on."
    yield ""
    yield "| code | text | name |"
    yield "|---|---|---|"
    for kind in NOTICES.values():
        yield f"| {kind.internal_code} | {kind.text} | `{kind.code}` |"
    yield ""
    yield "## Reserved"
    yield "Texts of the guide that nothing in this version raises:"
    yield ""
    for code, why in RESERVED.items():
        yield f"- `{code}`: {why}"


if __name__ == "__main__":
    print(page(), end="")
