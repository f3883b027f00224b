"""The catalogue of informative messages: what the backend is told in StatusNotification.req while nothing is wrong.

Texts follow the guide's section 9.2 to the letter where it gives one; a temperature has its sign and one decimal. The
owner of a fact publishes `<owner>.notice/N` with the body that `notice` composes; `message_queue` sends it while
`InfoStatusNotifications` is on. Internal codes as in `schemas/faults.py`.
"""

from typing import NamedTuple

from schemas.base import Notice

LONGEST_INFO = 50
"""OCPP 1.6 StatusNotification.req info: CiString50."""
UNKNOWN_TEMPERATURE = "?"


class NoticeKind(NamedTuple):
    code: str
    text: str
    """With the names of what is filled in."""
    internal_code: str
    group: str
    """Of one group and subject only the latest is waiting to be sent."""


_ROWS = (
    # safety
    NoticeKind("temperatures", "Temperatures: CPU: {cpu} RFID: {rfid}", "02-06-101", "temperatures"),
    NoticeKind("paused_by_temperature", "Charging paused. Temperature: {temperature}", "02-06-102", "derating"),
    NoticeKind(
        "reduced_by_temperature", "Signaled current reduced. Temperature: {temperature}", "02-06-103", "derating"
    ),
    NoticeKind(
        "nominal_after_temperature", "Signaled current back to nominal. Temp: {temperature}", "02-06-104", "derating"
    ),
    NoticeKind("ventilation", "Ventilation switched {state}", "02-06-105", "ventilation"),
    NoticeKind("heating", "Heating switched {state}", "02-06-106", "heating"),
    NoticeKind("residual_current", "Residual current: {current}", "02-07-101", "residual_current"),
    NoticeKind("input_changed", "Input {name} switched {state}", "02-08-101", "input"),
    NoticeKind("output_changed", "Output {name} switched {state}", "02-08-102", "output"),
    # system, while a USB stick is handled: section 9.4
    NoticeKind("usb_stick_done", "USB stick handling: Finalized - Remove USB stick", "06-02-101", "usb_stick"),
    NoticeKind("usb_stick_failed", "USB stick handling failed - Remove USB stick", "06-02-102", "usb_stick"),
    # message_queue, on TriggerMessage
    NoticeKind("triggered", "Triggered status report", "01-05-101", "triggered"),
    # session
    NoticeKind("energy_flows", "Energy is flowing to vehicle", "04-02-101", "energy_flow"),
    NoticeKind("energy_rests", "No energy flowing to vehicle", "04-02-102", "energy_flow"),
    NoticeKind("energy_unknown", "Energy flow to vehicle is unknown", "04-02-103", "energy_flow"),
)

NOTICES: dict[str, NoticeKind] = {row.code: row for row in _ROWS}
"""By code name."""


def notice(code: str, connector: int, *, subject: str = "", **words: str) -> Notice:
    """`words`: what the row's text names, in its spelling. `subject`: what of several things of the same kind it is
    about (the name of an input). Raises KeyError for a code or a word that is missing."""
    text = NOTICES[code].text.format_map(words)
    return Notice(connector=connector, code=code, text=text[:LONGEST_INFO], subject=subject)


def temperature(value_c: float | None) -> str:
    """As the guide writes it: "+41.5 C"; None = not known."""
    return UNKNOWN_TEMPERATURE if value_c is None else f"{value_c:+.1f} C"
