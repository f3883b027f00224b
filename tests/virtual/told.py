"""What people and the backend are told of a fault: read off what was published and sent. Pure."""

from itertools import takewhile
from typing import Any

from schemas.faults import FAULTS
from schemas.hmi import LightPattern
from schemas.notices import LONGEST_INFO
from schemas.system import StationFaults
from tests.virtual.charging_station import Status

RESOLVED = " resolved"
"""How the backend reads the end of a fault."""
_SUSPENDED = (LightPattern.SUSPENDED,)
LIGHTS = {
    Status.AVAILABLE: (LightPattern.READY,),
    Status.PREPARING: (LightPattern.WAITING_FOR_CARD, LightPattern.WAITING_FOR_VEHICLE, LightPattern.SUSPENDED),
    Status.CHARGING: (LightPattern.CHARGING,),
    Status.SUSPENDED_EV: _SUSPENDED,
    Status.SUSPENDED_EVSE: _SUSPENDED,
    Status.FINISHING: (LightPattern.FINISHING,),
    Status.FAULTED: (LightPattern.FAULT,),
}
"""What a person sees with each status."""

Payloads = list[dict[str, Any]]
"""StatusNotifications, in order."""
News = tuple[str, str]
"""OCPP error code and info."""


def rise_of(code: str) -> News:
    return FAULTS[code].error_code, FAULTS[code].text[:LONGEST_INFO]


def end_of(code: str) -> News:
    return "NoError", FAULTS[code].resolved or FAULTS[code].text + RESOLVED


def news_of(code: str, connector: int, payloads: Payloads) -> list[News]:
    """Of every StatusNotification with the internal code of this fault.

    A plain status, which has no vendor, counts only when it says something else than the one before.
    """
    found: list[News] = []
    for each in payloads:
        if (each["connectorId"], each.get("vendorErrorCode")) == (connector, FAULTS[code].internal_code):
            news = (each["errorCode"], each["info"])
            if "vendorId" in each or found[-1:] != [news]:
                found.append(news)
    return found


def is_told_as_faulted(code: str, connector: int, payloads: Payloads) -> bool:
    """Since the connector is Faulted; other faults may have been told after this one."""
    told = [each for each in payloads if each["connectorId"] == connector]
    since = takewhile(lambda each: each["status"] == "Faulted", reversed(told))
    wanted = (FAULTS[code].error_code, FAULTS[code].internal_code)
    return wanted in [(each["errorCode"], each.get("vendorErrorCode")) for each in since]


def is_shown(code: str, connector: int, body: StationFaults | None) -> bool:
    """To people, once, with its codes and words."""
    shown = [
        (each.error_code, each.internal_code, each.text)
        for each in (body.faults if body is not None else ())
        if (each.fault.code, each.fault.connector) == (code, connector)
    ]
    return shown == [(FAULTS[code].error_code, FAULTS[code].internal_code, FAULTS[code].text)]
