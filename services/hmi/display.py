"""The text of the display: a module of two lines with 16 characters. Pure.

Longer texts are shown in pages that follow each other.
"""

import math
import textwrap

from schemas.hmi import LightPattern
from schemas.session import ConnectorStatus, SessionConnector
from services.hmi.lights import pattern
from services.hmi.view import View

WIDTH = 16
PAGE_S = 3.0

Page = tuple[str, str]


def lines(view: View) -> Page:
    """What the display shows at `view.now_s`."""
    shown = pages(view)
    first, second = shown[int(view.now_s // PAGE_S) % len(shown)]
    return _fit(first), _fit(second)


def pages(view: View) -> list[Page]:
    light = pattern(view)
    if light is LightPattern.FAULT and view.shows_lost_backend:
        return [("No connection", "to the backend"), *pages(view._replace(backend_lost=False))]
    if light is LightPattern.FAULT:
        info = view.session.info if view.session is not None else ""
        return [("Out of order", ""), *_wrapped(view.blocking_fault() or info)]
    if light is LightPattern.REJECTED:
        return [("Card rejected", "Try another card")]
    if view.session is None:
        return [("Charging", "")] if light is LightPattern.CHARGING else [("Please wait", "Station starts")]
    return _by_status(view, view.session, light)


def _by_status(view: View, session: SessionConnector, light: LightPattern) -> list[Page]:
    match session.status:
        case ConnectorStatus.AVAILABLE:
            return [("Ready", "Plug in")]
        case ConnectorStatus.PREPARING:
            return _preparing(view, session, light)
        case ConnectorStatus.CHARGING if light is LightPattern.CHARGING:
            return [(f"Charging{_power(view.power_w):>8}".rstrip(), _so_far(view, session))]
        case ConnectorStatus.SUSPENDED_EV:
            return [("Vehicle paused", _so_far(view, session))]
        case ConnectorStatus.CHARGING | ConnectorStatus.SUSPENDED_EVSE:
            why = view.pausing_fault() or session.reason
            return [("Charging paused", _so_far(view, session)), *_wrapped(why)]
        case ConnectorStatus.FINISHING:
            return [("Finished", "Please unplug")]
        case ConnectorStatus.RESERVED:
            return [("Reserved", "")]
        case _:
            return [("Out of service", ""), *_wrapped(session.reason)]


def _preparing(view: View, session: SessionConnector, light: LightPattern) -> list[Page]:
    if light is LightPattern.WAITING_FOR_CARD:
        return [("Hold your card", "to the reader")]
    if light is LightPattern.WAITING_FOR_VEHICLE:
        left_s = session.authorized_until_s - view.now_s
        return [("Plug in vehicle", f"within {math.ceil(left_s)} s" if 0.0 < left_s < 1e5 else "")]
    return [("Please wait", ""), *_wrapped(session.reason)]


def _power(power_w: float | None) -> str:
    return "" if power_w is None else f"{abs(power_w) / 1000:.1f} kW"


def _so_far(view: View, session: SessionConnector) -> str:
    """Energy and duration of the transaction: "12.34 kWh   1:23"."""
    if not session.transaction_id:
        return ""
    energy = "-- kWh"
    if session.energy_wh is not None:
        kwh = session.energy_wh / 1000
        energy = f"{kwh:.2f} kWh" if kwh < 1000 else f"{kwh:.0f} kWh"
    minutes = int(max(0.0, view.wall_s - session.started_wall_s) // 60)
    duration = f"{min(minutes // 60, 999)}:{minutes % 60:02d}"
    return f"{energy}{duration:>{max(1, WIDTH - len(energy))}}"


def _wrapped(text: str) -> list[Page]:
    rows = textwrap.wrap(text, WIDTH)
    return [(rows[at], rows[at + 1] if at + 1 < len(rows) else "") for at in range(0, len(rows), 2)]


def _fit(line: str) -> str:
    """The character module knows ASCII."""
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in line[:WIDTH])
